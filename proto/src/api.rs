//! The JSON of the HTTP API, shared by the server and its clients.

mod rooms;

mod policy;

mod log;

use serde::{Deserialize, Serialize};

pub use log::{LogEntry, LogFormat, LogKind, LogPage, LogQuery};
pub use policy::{ChangePolicy, Pace, PolicyError, RoomPolicy};
pub use rooms::{
    ChangePassword, ChangeRole, ChangeViewerPassword, CreateRoom, KickQuery, MakeOwnerToken, MemberEntry, OwnerToken,
    RoomCreated, RoomInfo,
};

use crate::{Code, Durability};

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
pub const BACKUP_MAGIC: &[u8; 16] = b"collab-backup 3\n";

/// How the backups begin that this version reads.
pub const BACKUP_MAGICS: [&[u8; 16]; 3] = [BACKUP_MAGIC, b"collab-backup 2\n", b"collab-backup 1\n"];

/// How many bytes at the end of a backup are the SHA-256 of everything before them.
pub const BACKUP_DIGEST_BYTES: usize = 32;
