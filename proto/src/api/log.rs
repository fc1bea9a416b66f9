//! The audit log as the API shows it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{MemberId, RoomName};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What an entry of the audit log is about. The position of a variant is its number in the store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum LogKind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl LogKind {
            /// Every kind.
            pub const ALL: &[LogKind] = &[$(LogKind::$name,)*];

            /// The name in JSON and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(LogKind::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// The server started.
    ServerStarted = "server-started",
    /// The server stopped in order.
    ServerStopped = "server-stopped",
    /// A room was created.
    RoomCreated = "room-created",
    /// A room was deleted.
    RoomDeleted = "room-deleted",
    /// A room's password was changed.
    PasswordChanged = "password-changed",
    /// A member's role was changed.
    RoleChanged = "role-changed",
    /// Somebody joined by password or token.
    Joined = "joined",
    /// Somebody came back by resume token.
    Resumed = "resumed",
    /// Somebody left.
    Left = "left",
    /// An edit was taken.
    Edited = "edited",
    /// An edit was rejected for what it holds.
    Rejected = "rejected",
    /// An edit or a join came too fast.
    RateLimited = "rate-limited",
    /// A join was refused.
    Refused = "refused",
    /// A member was removed.
    Kicked = "kicked",
    /// A name was changed by cleaning.
    Sanitised = "sanitised",
    /// Somebody used the admin token.
    AdminQuery = "admin-query",
    /// The admin took a backup.
    BackedUp = "backed-up",
    /// Rooms and log come from a backup.
    Restored = "restored",
    /// The password for viewers was changed, or taken away.
    ViewerPasswordChanged = "viewer-password-changed",
    /// How often people may change a room's text was changed.
    PolicyChanged = "policy-changed",
    /// An owner token of a room was made by the admin.
    OwnerTokenMade = "owner-token-made",
}

impl fmt::Display for LogKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LogKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("no such kind: {text:?}; there are {}", all.join(", "))
        })
    }
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Rising by one with every entry.
    pub seq: u64,
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
    pub address: Option<String>,
    /// How many bytes it was about.
    pub bytes: Option<u64>,
    /// More, as a sentence.
    pub detail: Option<String>,
}

/// How the answer to a [`LogQuery`] is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A [`LogPage`].
    Json,
    /// Every entry that matches up to the newest at the moment of the question, a [`LogEntry`] a line, as one stream however
    /// long the log is. `limit` may be any number. A stream that fails is cut off: it has then no end in the sense of HTTP.
    Jsonl,
}

/// The query string of `GET /api/logs`. Entries come oldest first with `after`, otherwise newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogQuery {
    /// Only this room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// Only this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<LogKind>,
    /// Only people whose name contains this, or whose member id is this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Not before this time, in milliseconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Before this time, in milliseconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Only entries with a smaller number: the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Only entries with a greater number, oldest first: following.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// A page of JSON by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
    /// How many at most; 100 by default, 1,000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// With `after`: how long the server may wait for a first entry, in milliseconds; 30,000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u32>,
}

/// The answer to a [`LogQuery`]: every entry that matches and has a number from `first_seq` to `last_seq`. While `more` is
/// true, the next page of a query newest first has `before: first_seq`, the next page of one with `after` has
/// `after: last_seq`; so no entry is skipped or shown twice. A page may be empty and have more: the server looks at a
/// bounded number of entries at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The entries that match.
    pub entries: Vec<LogEntry>,
    /// The number of the oldest entry that was looked at: the next `before`.
    pub first_seq: u64,
    /// The number of the newest entry that was looked at: the next `after`.
    pub last_seq: u64,
    /// Whether older (or, with `after`, newer) entries that match may be left.
    pub more: bool,
}
