//! The door of a room: turns the first frame of a membership into somebody who may enter, or a refusal.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use collab_proto::limits::MAX_PASSWORD_BYTES;
use collab_proto::{Code, Credential, Join, MemberId, Role, RoomName, Slot};

use super::attempts::Attempts;
use super::names::{CleanName, clean};
use super::passwords::Passwords;
use super::random_id;
use super::tokens::{Claims, Identity, Tokens};
use crate::clock::wall_ms;
use crate::refusal::Refusal;
use crate::room::core::Entrant;
use crate::store::{RoomRecord, Store};

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
    /// The version of the password they were let in under.
    pub password_version: u32,
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
        let (record, claims) = match &join.credential {
            Credential::Password(password) => (self.by_password(&room, record, password, address).await?, None),
            Credential::Resume(token) | Credential::Token(token) => {
                let record = record.ok_or_else(|| Refusal::from(Code::NoSuchRoom))?;
                let claims = self.tokens.check(wall_ms(), token, &record).map_err(|_| Refusal::from(Code::BadToken))?;
                (record, Some(claims))
            }
        };
        let given = match &claims {
            Some(claims) if join.name.is_empty() && claims.name.is_empty() => NAMELESS,
            Some(claims) if join.name.is_empty() => &claims.name,
            _ => &join.name,
        };
        let CleanName { name, changed } = clean(given)?;
        let identity = identity(name, claims, matches!(join.credential, Credential::Resume(_)))?;
        let resume_token =
            self.tokens.resume(wall_ms(), &identity, &record).map_err(|_| Refusal::from(Code::Internal))?;
        Ok(Admitted { room, identity, renamed: changed, resume_token, password_version: record.password_version })
    }

    async fn by_password(
        &self,
        room: &RoomName,
        record: Option<RoomRecord>,
        password: &str,
        address: IpAddr,
    ) -> Result<RoomRecord, Refusal> {
        if let Some(wait) = self.attempts.wait(Instant::now(), address, room) {
            let why = Refusal::new(Code::RateLimited, "Too many wrong passwords; wait before you try again.");
            return Err(why.retry_after(wait));
        }
        let hash = record.as_ref().map(|record| record.password_hash.as_str());
        let fits = password.len() <= MAX_PASSWORD_BYTES && self.passwords.verify(password, hash).await?;
        match record {
            Some(record) if fits => {
                self.attempts.succeeded(address, room);
                Ok(record)
            }
            Some(_) => {
                self.attempts.failed(Instant::now(), address, room);
                Err(Code::WrongPassword.into())
            }
            None => {
                self.attempts.failed(Instant::now(), address, room);
                Err(Code::NoSuchRoom.into())
            }
        }
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
            password_version: self.password_version,
        }
    }
}

/// A password makes a new user; a token names one. Only a resume token brings back a member.
fn identity(name: String, claims: Option<Claims>, resumed: bool) -> Result<Identity, Refusal> {
    let fresh = random_id().map_err(|_| Refusal::from(Code::Internal))?;
    let Some(claims) = claims else {
        return Ok(Identity {
            user: format!("guest-{fresh:x}"),
            member: MemberId(fresh),
            name,
            role: Role::Editor,
            resumed: false,
        });
    };
    let member = claims.member.filter(|_| resumed);
    if resumed && member.is_none() {
        return Err(Code::BadToken.into());
    }
    let member = member.unwrap_or(MemberId(fresh));
    Ok(Identity { user: claims.sub, member, name, role: claims.role, resumed })
}
