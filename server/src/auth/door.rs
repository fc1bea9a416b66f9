//! The door of a room: turns the first frame of a membership into somebody who may enter, or a refusal.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collab_proto::{Code, Credential, Join, MemberId, Role, RoomName, Slot};

use super::attempts::Attempts;
use super::names::{CleanName, clean};
use super::passwords::Passwords;
use super::tokens::{Claims, Identity, TokenError, Tokens};
use super::{network, random_id};
use crate::clock::wall_ms;
use crate::refusal::Refusal;
use crate::room::core::Entrant;
use crate::store::{Entrance, RoomRecord, Store};

/// What somebody is called who comes by a token that gives no name, and gives none either.
const NAMELESS: &str = "guest";

/// Checks credentials and names.
pub struct Door {
    store: Arc<dyn Store>,
    passwords: Passwords,
    attempts: Attempts,
    tokens: Arc<Tokens>,
}

/// Somebody who may take a seat.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// In which room.
    pub room: RoomName,
    /// Who.
    pub identity: Identity,
    /// Whether cleaning changed the name they gave.
    pub renamed: bool,
    /// What brings them back.
    pub resume_token: String,
    /// The revision of the room's record by which they were judged.
    pub revision: u32,
}

impl Door {
    /// A door that nobody has tried yet.
    pub fn new(store: Arc<dyn Store>, passwords: Passwords, tokens: Arc<Tokens>) -> Self {
        Self { store, passwords, attempts: Attempts::default(), tokens }
    }

    /// Lets somebody in, or says why not.
    ///
    /// # Errors
    ///
    /// A refusal for a bad name, a missing room, a wrong credential, or too many wrong ones.
    pub async fn enter(&self, join: &Join, address: IpAddr) -> Result<Admitted, Refusal> {
        let room = RoomName::parse(&join.room)
            .map_err(|error| Refusal::new(Code::BadName, format!("Not a room's name: {error}.")))?;
        let record = self.store.room(&room).await?;
        let (record, right) = match &join.credential {
            Credential::Password(password) => {
                let (record, entrance) = self.by_password(&room, record, password, address).await?;
                (record, Right::Password(entrance))
            }
            Credential::Resume(token) | Credential::Token(token) => {
                let record = record.ok_or_else(|| Refusal::from(Code::NoSuchRoom))?;
                let resumes = matches!(join.credential, Credential::Resume(_));
                let claims =
                    self.tokens.check(wall_ms(), token, &record).map_err(|error| token_refusal(error, resumes))?;
                (record, Right::Token { claims, resumes })
            }
        };
        check_bans(&record, &right, address)?;
        let given = match &right {
            Right::Token { claims, .. } if join.name.is_empty() && claims.name.is_empty() => NAMELESS,
            Right::Token { claims, .. } if join.name.is_empty() => &claims.name,
            _ => &join.name,
        };
        let CleanName { name, changed } = clean(given)?;
        let identity = identity(name, right, &record)?;
        let resume_token =
            self.tokens.resume(wall_ms(), &identity, &record).map_err(|_| Refusal::from(Code::Internal))?;
        Ok(Admitted { room, identity, renamed: changed, resume_token, revision: record.revision })
    }

    async fn by_password(
        &self,
        room: &RoomName,
        record: Option<RoomRecord>,
        password: &str,
        address: IpAddr,
    ) -> Result<(RoomRecord, Entrance), Refusal> {
        if let Some(wait) = self.attempts.wait(Instant::now(), address, room) {
            let why = Refusal::new(Code::RateLimited, "Too many wrong passwords; wait before you try again.");
            return Err(why.retry_after(wait));
        }
        let entrance = self.passwords.entrance(password, record.as_ref()).await?;
        let why = match (record, entrance) {
            (Some(record), Some(entrance)) => {
                self.attempts.succeeded(address, room);
                return Ok((record, entrance));
            }
            (Some(_), None) => Code::WrongPassword,
            (None, _) => Code::NoSuchRoom,
        };
        self.attempts.failed(Instant::now(), address, room);
        Err(why.into())
    }
}

impl Admitted {
    /// The seat they ask for.
    pub fn entrant(&self, join: &Join, address: IpAddr, slot: Slot) -> Entrant {
        Entrant {
            address,
            identity: self.identity.clone(),
            client_id: join.client_id,
            generation: join.generation,
            state_vector: join.state_vector.clone(),
            slot,
            resume_token: self.resume_token.clone(),
            revision: self.revision,
        }
    }
}

/// What somebody has shown.
enum Right {
    /// One of the room's passwords.
    Password(Entrance),
    /// A token, which brings back a member or not.
    Token { claims: Claims, resumes: bool },
}

/// Whoever was away while the password was changed is told the same as those who were there. An application's token is the
/// application's to make anew.
fn token_refusal(error: TokenError, resumes: bool) -> Refusal {
    match error {
        TokenError::PasswordChanged if resumes => Code::PasswordChanged.into(),
        TokenError::PasswordChanged | TokenError::Invalid => Code::BadToken.into(),
    }
}

/// A ban holds for the user's tokens, and for new users from where the banned one was. Owners are never banned.
fn check_bans(record: &RoomRecord, right: &Right, address: IpAddr) -> Result<(), Refusal> {
    let user = match right {
        Right::Token { claims, .. } if claims.role == Role::Owner => return Ok(()),
        Right::Token { claims, .. } => Some(claims.sub.as_str()),
        Right::Password(_) => None,
    };
    let now = wall_ms();
    match record.banned_until(now, user, network(address)) {
        Some(until) => Err(Refusal::from(Code::Banned).retry_after(Duration::from_millis(until - now))),
        None => Ok(()),
    }
}

/// A password makes a new user; a token names one. Only a resume token brings back a member. What the owner made of a user
/// counts more than what the token says.
fn identity(name: String, right: Right, record: &RoomRecord) -> Result<Identity, Refusal> {
    let fresh = random_id().map_err(|_| Refusal::from(Code::Internal))?;
    let (claims, resumed) = match right {
        Right::Password(entrance) => {
            let role = if entrance == Entrance::Viewers { Role::Viewer } else { Role::Editor };
            let user = format!("guest-{fresh:x}");
            return Ok(Identity { user, member: MemberId(fresh), name, role, entrance, resumed: false });
        }
        Right::Token { claims, resumes } => (claims, resumes),
    };
    let member = match claims.member.filter(|_| resumed) {
        None if resumed => return Err(Code::BadToken.into()),
        member => member.unwrap_or(MemberId(fresh)),
    };
    let given = record.given_role(&claims.sub).filter(|_| claims.role != Role::Owner);
    let role = given.unwrap_or(claims.role);
    Ok(Identity { user: claims.sub, member, name, role, entrance: claims.entrance, resumed })
}
