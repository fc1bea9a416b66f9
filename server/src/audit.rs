//! The audit log: who did what, when, from where. Entries become part of the store's next commit.

use std::net::IpAddr;

use collab_proto::api::{LogEntry, LogKind};
use collab_proto::{MemberId, RoomName};
use serde::{Deserialize, Serialize};

/// An entry that the store has yet to number. Its time is taken when it is made. The order of the fields is part of the
/// store's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEntry {
    /// When, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// What.
    pub kind: LogKind,
    /// In which room.
    pub room: Option<RoomName>,
    /// By which member.
    pub member: Option<MemberId>,
    /// Under which name.
    pub name: Option<String>,
    /// From which address.
    pub address: Option<IpAddr>,
    /// How many bytes it was about.
    pub bytes: Option<u64>,
    /// More, as a sentence.
    pub detail: Option<String>,
}

impl NewEntry {
    /// An entry that says only what and when.
    pub fn new(time_ms: u64, kind: LogKind) -> Self {
        Self { time_ms, kind, room: None, member: None, name: None, address: None, bytes: None, detail: None }
    }

    /// The entry as the API shows it.
    pub fn numbered(self, seq: u64) -> LogEntry {
        let Self { time_ms, kind, room, member, name, address, bytes, detail } = self;
        LogEntry { seq, time_ms, kind, room, member, name, address: address.map(|a| a.to_string()), bytes, detail }
    }
}

/// From where, and by which right, a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The address.
    pub address: IpAddr,
    /// The right.
    pub actor: Actor,
}

/// By which right a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// None in particular.
    Anybody,
    /// A room's owner token.
    Owner,
    /// The server's admin token.
    Admin,
}

impl Origin {
    /// An entry about something that was done from here.
    pub fn entry(&self, time_ms: u64, kind: LogKind, room: Option<RoomName>) -> NewEntry {
        let detail = match self.actor {
            Actor::Anybody => None,
            Actor::Owner => Some("by the owner".to_owned()),
            Actor::Admin => Some("by the admin".to_owned()),
        };
        NewEntry { room, address: Some(self.address), detail, ..NewEntry::new(time_ms, kind) }
    }
}
