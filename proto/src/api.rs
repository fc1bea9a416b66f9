//! The JSON of the HTTP API, shared by the server and its clients.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Code, Durability, Generation, MemberId, Role, RoomName};

/// `GET /api/server`: what a client must know before it opens a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The server's version.
    pub version: String,
    /// The protocol version it speaks.
    pub protocol: u32,
    /// The UDP port of WebTransport, on the same host; none when this server has none. WebSocket is at `/ws` of every HTTP and
    /// HTTPS address.
    pub webtransport_port: Option<u16>,
    /// SHA-256 of the certificates that may be met there, in lower-case hex; empty when browsers trust the certificate anyway.
    pub certificate_hashes: Vec<String>,
    /// SHA-256 of the public key in those certificates, in lower-case hex; none when browsers trust the certificate anyway. It
    /// outlives a certificate, so clients that can check a key remember this one.
    #[serde(default)]
    pub public_key_hash: Option<String>,
    /// What `Saved` means here.
    pub durability: Durability,
}

/// `POST /api/rooms`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// The name. Not a [`RoomName`] yet, so that a bad one gets its own answer.
    pub name: String,
    /// The password for editors.
    pub password: String,
}

/// The answer to [`CreateRoom`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCreated {
    /// The name.
    pub name: RoomName,
    /// The room's first generation.
    pub generation: Generation,
    /// Joins as the owner, and rules the room over HTTP in the place of the admin token.
    pub owner_token: String,
}

/// `PUT /api/rooms/{name}/password`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The new password.
    pub password: String,
}

/// `PUT /api/rooms/{name}/viewer-password`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeViewerPassword {
    /// The new password for viewers; none takes it away.
    #[serde(deserialize_with = "Option::deserialize")]
    pub password: Option<String>,
}

/// `GET /api/rooms/{name}/members`: a list of these, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEntry {
    /// Who.
    pub member: MemberId,
    /// The cleaned name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// For how long they have been connected, in milliseconds.
    pub connected_ms: u64,
    /// From where; only the admin is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// `PUT /api/rooms/{name}/members/{member}/role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// The new role: viewer or editor.
    pub role: Role,
}

/// The query string of `DELETE /api/rooms/{name}/members/{member}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KickQuery {
    /// For how long they may not come back, in milliseconds; at most 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ban_ms: Option<u64>,
}

/// `GET /api/rooms` (a list of these) and `GET /api/rooms/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInfo {
    /// The name.
    pub name: RoomName,
    /// When it was created, in milliseconds since 1970 (UTC).
    pub created_ms: u64,
    /// Which life of the text this is.
    pub generation: Generation,
    /// How many are in it now.
    pub members: u32,
}

/// `POST /api/preview`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// A text in Markdown, at most as long as a document may be.
    pub markdown: String,
}

/// The answer to [`PreviewRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The text as HTML in which nothing can be executed.
    pub html: String,
}

/// `GET /api/status`: how the server does now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The server's version.
    pub version: String,
    /// For how long it has been running, in seconds.
    pub uptime_s: u64,
    /// Rooms in memory: those with members, and those that the last one left lately.
    pub rooms: u32,
    /// Members in them.
    pub members: u32,
    /// Sessions, over any transport.
    pub connections: u32,
    /// Edits that were applied, a second, over the last seconds.
    pub edits_per_s: f64,
    /// What happened since the start.
    pub counts: StatusCounts,
    /// How long steps took lately.
    pub latency: Latencies,
}

/// What happened since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCounts {
    /// Edits that were applied.
    pub edits_taken: u64,
    /// Edits that their author was refused.
    pub edits_rejected: u64,
    /// Members who came by password or token.
    pub joins: u64,
    /// Members who came back by resume token.
    pub resumes: u64,
    /// Joins that were refused.
    pub refused: u64,
    /// Requests for everything that a member misses.
    pub resyncs: u64,
    /// Bytes that came on members' streams.
    pub bytes_in: u64,
    /// Bytes that went out on members' streams.
    pub bytes_out: u64,
}

/// How long the server's steps took within the last half minute to minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latencies {
    /// An edit, from the room's mailbox to the outboxes of the others.
    pub edit_apply: Percentiles,
    /// An edit, from when it was read to `Saved` in its author's outbox.
    pub saved: Percentiles,
    /// A join, from when it was read to `Welcome` in the outbox.
    pub join: Percentiles,
    /// One password hash, with the wait for a thread.
    pub password_hash: Percentiles,
}

/// In microseconds, within a hundredth; zeros when there was nothing. A minute is the longest that is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Of how many.
    pub count: u64,
    /// Half of them took no longer.
    pub p50_us: u64,
    /// Nine in ten took no longer.
    pub p90_us: u64,
    /// Ninety-nine in a hundred took no longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// Every refusal over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// Why.
    pub code: Code,
    /// The reason as a sentence.
    pub message: String,
    /// When to try again at the earliest, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
}

/// How a backup begins (`GET /api/backup`). The number is the version of what follows.
pub const BACKUP_MAGIC: &[u8; 16] = b"collab-backup 2\n";

/// How the backups begin that this version reads.
pub const BACKUP_MAGICS: [&[u8; 16]; 2] = [BACKUP_MAGIC, b"collab-backup 1\n"];

/// How many bytes at the end of a backup are the SHA-256 of everything before them.
pub const BACKUP_DIGEST_BYTES: usize = 32;

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
