//! The audit log: who did what, when, from where. Entries become part of the store's next commit.

use std::net::IpAddr;

use collab_proto::api::LogKind;
use collab_proto::{MemberId, RoomName};

/// An entry that the store has yet to number. Its time is taken when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}
