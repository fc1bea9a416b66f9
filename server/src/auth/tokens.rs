//! Tokens that join without a password: signed (HMAC-SHA256 JWT), bound to a room, its generation and its password.

use collab_proto::limits::MAX_TOKEN_BYTES;
use collab_proto::{Generation, MemberId, Role, RoomName};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::store::{Entrance, RoomRecord};

/// How long a resume token brings a member back, in seconds: a week.
const RESUME_SECONDS: u64 = 7 * 24 * 3600;

/// How long an owner token is good, in seconds: a year.
const OWNER_SECONDS: u64 = 365 * 24 * 3600;

/// What a token says. An embedding application may make its own with the key in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user. The budget of edits belongs to it.
    pub sub: String,
    /// The only room it opens.
    pub room: RoomName,
    /// What its holder may do there.
    pub role: Role,
    /// The name that others see, when the joining client gives none.
    #[serde(default)]
    pub name: String,
    /// The version of the password that it was made under; an owner's, that of the owner tokens, which is 1 until they are revoked.
    pub pv: u32,
    /// Of which password that is the version.
    #[serde(default, skip_serializing_if = "is_editors")]
    pub entrance: Entrance,
    /// The generation it was made for, if bound to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#gen: Option<Generation>,
    /// The member it brings back, for a resume token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberId>,
    /// When it ends, in seconds since 1970 (UTC).
    pub exp: u64,
}

fn is_editors(entrance: &Entrance) -> bool {
    *entrance == Entrance::Editors
}

/// Makes and checks tokens.
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
}

impl Tokens {
    /// Tokens under a secret key of 32 bytes.
    pub fn new(key: &[u8]) -> Self {
        Self { signing: EncodingKey::from_secret(key), checking: DecodingKey::from_secret(key) }
    }

    /// A token that brings a member back.
    ///
    /// # Errors
    ///
    /// When signing fails, which it does only for want of a cryptographic backend.
    pub fn resume(&self, now_ms: u64, member: &Identity, record: &RoomRecord) -> Result<String, TokenError> {
        self.sign(&Claims {
            sub: member.user.clone(),
            room: record.name.clone(),
            role: member.role,
            name: member.name.clone(),
            pv: record.token_version(member.role, member.entrance),
            entrance: member.entrance,
            r#gen: Some(record.generation),
            member: Some(member.member),
            exp: now_ms / 1000 + RESUME_SECONDS,
        })
    }

    /// A token that joins as the owner, for whoever created the room.
    ///
    /// # Errors
    ///
    /// As [`Tokens::resume`].
    pub fn owner(&self, now_ms: u64, user: String, record: &RoomRecord) -> Result<String, TokenError> {
        self.sign(&Claims {
            sub: user,
            room: record.name.clone(),
            role: Role::Owner,
            name: String::new(),
            pv: record.owner_version,
            entrance: Entrance::Editors,
            r#gen: Some(record.generation),
            member: None,
            exp: now_ms / 1000 + OWNER_SECONDS,
        })
    }

    fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing).map_err(|_| TokenError::Invalid)
    }

    /// What a token says, if it is ours, has not ended, and is good for the room as it stands.
    ///
    /// # Errors
    ///
    /// [`TokenError::PasswordChanged`] when nothing but the password has become another one since, otherwise
    /// [`TokenError::Invalid`].
    pub fn check(&self, now_ms: u64, token: &str, record: &RoomRecord) -> Result<Claims, TokenError> {
        let claims = self.claims(now_ms, token)?;
        let is_for_room =
            claims.room == record.name && claims.r#gen.is_none_or(|generation| generation == record.generation);
        match is_for_room {
            true if claims.pv == record.token_version(claims.role, claims.entrance) => Ok(claims),
            true if claims.role != Role::Owner => Err(TokenError::PasswordChanged),
            _ => Err(TokenError::Invalid),
        }
    }

    /// What a token says, if it is ours and has not ended. Whether it is good for the room is for [`Tokens::check`].
    ///
    /// # Errors
    ///
    /// [`TokenError::Invalid`].
    pub fn claims(&self, now_ms: u64, token: &str) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false;
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.checking, &rules).map_err(|_| TokenError::Invalid)?.claims;
        if claims.exp <= now_ms / 1000 { Err(TokenError::Invalid) } else { Ok(claims) }
    }
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not ours, has ended, was revoked, or is for something else.
    #[error("the token is not valid")]
    Invalid,
    /// It is ours and for this room, but was made under a password that was changed since.
    #[error("the token was made under an earlier password")]
    PasswordChanged,
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user, to whom the budget belongs.
    pub user: String,
    /// The member in this room.
    pub member: MemberId,
    /// The cleaned name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// By which password they came, or one for whom their token was made.
    pub entrance: Entrance,
    /// Whether a resume token brought them back.
    pub resumed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RoomRecord {
        let name = RoomName::parse("demo").unwrap();
        RoomRecord { password_version: 3, ..RoomRecord::new(name, Generation(7), 0, String::new()) }
    }

    fn somebody() -> Identity {
        let (role, entrance) = (Role::Editor, Entrance::Editors);
        Identity { user: "u1".into(), member: MemberId(5), name: "Ada".into(), role, entrance, resumed: false }
    }

    #[test]
    fn a_resume_token_brings_back_the_same_member_until_it_ends() {
        let tokens = Tokens::new(&[1; 32]);
        let token = tokens.resume(5_000, &somebody(), &record()).unwrap();
        let claims = tokens.check(6_000, &token, &record()).unwrap();
        assert_eq!((claims.member, claims.sub.as_str(), claims.role), (Some(MemberId(5)), "u1", Role::Editor));
        assert!(tokens.check((RESUME_SECONDS + 4) * 1000, &token, &record()).is_ok());
        assert_eq!(tokens.check((RESUME_SECONDS + 5) * 1000, &token, &record()), Err(TokenError::Invalid));
    }

    #[test]
    fn a_token_is_void_under_another_key_room_generation_or_password() {
        let tokens = Tokens::new(&[1; 32]);
        let token = tokens.resume(0, &somebody(), &record()).unwrap();
        assert!(Tokens::new(&[2; 32]).check(0, &token, &record()).is_err());
        let elsewhere = RoomRecord { name: RoomName::parse("other").unwrap(), ..record() };
        assert!(tokens.check(0, &token, &elsewhere).is_err());
        assert!(tokens.check(0, &token, &RoomRecord { generation: Generation(8), ..record() }).is_err());
        let changed = RoomRecord { password_version: 4, ..record() };
        assert_eq!(tokens.check(0, &token, &changed), Err(TokenError::PasswordChanged));
        let made_anew = RoomRecord { generation: Generation(8), ..changed };
        assert_eq!(tokens.check(0, &token, &made_anew), Err(TokenError::Invalid));
        assert!(tokens.check(0, "not.a.token", &record()).is_err());
        assert!(tokens.check(0, &"x".repeat(MAX_TOKEN_BYTES + 1), &record()).is_err());
    }

    #[test]
    fn a_viewers_token_stands_and_falls_with_the_viewers_password() {
        let tokens = Tokens::new(&[1; 32]);
        let viewer = Identity { role: Role::Viewer, entrance: Entrance::Viewers, ..somebody() };
        let record = RoomRecord { viewer_version: 8, ..record() };
        let token = tokens.resume(0, &viewer, &record).unwrap();
        assert!(tokens.check(0, &token, &RoomRecord { password_version: 4, ..record.clone() }).is_ok());
        assert!(tokens.check(0, &token, &RoomRecord { viewer_version: 9, ..record.clone() }).is_err());
        let editor = tokens.resume(0, &somebody(), &record).unwrap();
        assert!(tokens.check(0, &editor, &RoomRecord { viewer_version: 9, ..record }).is_ok());
    }

    #[test]
    fn an_owner_outlives_the_password_but_not_the_room() {
        let tokens = Tokens::new(&[1; 32]);
        let token = tokens.owner(0, "u9".into(), &record()).unwrap();
        assert!(tokens.check(0, &token, &RoomRecord { password_version: 4, ..record() }).is_ok());
        assert!(tokens.check(0, &token, &RoomRecord { generation: Generation(8), ..record() }).is_err());
        let revoked = RoomRecord { owner_version: 2, ..record() };
        assert_eq!(tokens.check(0, &token, &revoked), Err(TokenError::Invalid));
        let owner = Identity { role: Role::Owner, ..somebody() };
        let back = tokens.resume(0, &owner, &record()).unwrap();
        assert!(tokens.check(0, &back, &RoomRecord { password_version: 4, ..record() }).is_ok());
        assert!(tokens.check(0, &back, &RoomRecord { owner_version: 2, ..record() }).is_err(), "revoked");
    }
}
