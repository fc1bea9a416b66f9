//! What an operator can choose. One table says everything about a key: name, type, default, help, unit and check.
//!
//! A value comes from the command line, else the environment (`COLLAB_…`), else a TOML file, else the default. All four are
//! read into text first, see `sources`, and parsed and checked by the same code, see `setting`.

#[macro_use]
mod table;

mod setting;

mod sources;

mod command_line;

mod error;

use std::net::SocketAddr;
use std::path::PathBuf;

use collab_proto::api::Pace;

pub use command_line::{Request, read};
pub use error::ConfigError;
pub use setting::{LogFormat, RoomCreation, Switch};
pub use table::Key;

use setting::{any, between, filter, loopback};

/// The largest update that still fits a client's frame, with room for what is around it.
const LARGEST_UPDATE: usize = collab_proto::limits::MAX_CLIENT_FRAME_BYTES - 1024;
/// The largest document that still fits a server's frame, with room for a state vector and the members.
const LARGEST_DOCUMENT: usize = collab_proto::limits::MAX_SERVER_FRAME_BYTES - 1024 * 1024;

settings! {
    "Place and addresses" {
        /// Folder for everything the server keeps: rooms, log, keys and the admin token.
        data: PathBuf = PathBuf::from("data"), "DIR", any;
        /// Address for WebTransport (UDP) and HTTPS (TCP); the default takes IPv6 and IPv4.
        listen: SocketAddr = ([0u16; 8], 4433).into(), "ADDRESS", any;
        /// Whether there is WebTransport: on, or off to listen on no UDP port, so that everybody comes by WebSocket.
        webtransport: Switch = Switch::On, "SWITCH", any;
        /// Address for the pages and the API in clear text; loopback only.
        http: SocketAddr = ([127, 0, 0, 1], 3001).into(), "ADDRESS", loopback;
    }
    "Certificate" {
        /// PEM file with the certificate chain; without it the server makes a certificate and renews it.
        cert: Option<PathBuf> = None, "FILE", any;
        /// PEM file with the certificate's key.
        key: Option<PathBuf> = None, "FILE", any;
        /// More host names or addresses for the certificate that the server makes, separated by commas.
        names: Vec<String> = Vec::new(), "NAMES", any;
    }
    "What people may do" {
        /// Shortest time between two edits of a user.
        throttle_ms: u32 = collab_proto::limits::THROTTLE_MS, "MILLISECONDS", between(0, 60_000);
        /// Edits per minute that a user's budget refills.
        edits_per_minute: u32 = collab_proto::limits::EDITS_PER_MINUTE, "EDITS", between(1, 60_000);
        /// Edits that a user's full budget holds.
        burst: u32 = 30, "EDITS", between(1, 60_000);
        /// Largest edit.
        max_update_bytes: usize = collab_proto::limits::MAX_UPDATE_BYTES, "BYTES", between(1024, LARGEST_UPDATE);
        /// Largest text, in its encoded form.
        max_document_bytes: usize = collab_proto::limits::MAX_DOCUMENT_BYTES, "BYTES", between(4096, LARGEST_DOCUMENT);
        /// Most members of a room at a time.
        max_members_per_room: usize = 5_000, "MEMBERS", between(1, 100_000);
        /// Most sessions at a time.
        max_sessions: usize = 20_000, "SESSIONS", between(1, 1_000_000);
        /// Most rooms in the store.
        max_rooms: usize = 100_000, "ROOMS", between(1, 10_000_000);
        /// Who may create rooms: open (anybody) or admin (with the admin token).
        room_creation: RoomCreation = RoomCreation::Open, "WHO", any;
    }
    "How the server works" {
        /// Time after which an empty room leaves the memory.
        idle_room_seconds: u64 = 60, "SECONDS", between(0, 86_400);
        /// Threads for checking passwords.
        hash_threads: usize = setting::spare_cores(), "THREADS", between(1, 256);
        /// Time after which a reader that takes nothing is disconnected.
        stalled_reader_seconds: u64 = 30, "SECONDS", between(1, 3_600);
        /// Bytes that may wait for a member before edits are dropped and the text is synchronised afresh.
        outbox_bytes: usize = 1024 * 1024, "BYTES", between(64 * 1024, 64 * 1024 * 1024);
        /// Buffer that is asked of the system for the UDP socket, each way.
        udp_buffer_bytes: usize = 4 * 1024 * 1024, "BYTES", between(64 * 1024, 1024 * 1024 * 1024);
        /// Updates after which a room is written as one snapshot.
        compact_updates: u64 = 500, "UPDATES", between(1, 1_000_000);
        /// Bytes of updates after which a room is written as one snapshot.
        compact_bytes: u64 = 256 * 1024, "BYTES", between(1024, 1024 * 1024 * 1024);
        /// Time that members have to leave when the server stops.
        drain_seconds: u64 = 8, "SECONDS", between(0, 600);
    }
    "Logs" {
        /// Days that entries of the audit log are kept.
        log_keep_days: u32 = 90, "DAYS", between(1, 36_500);
        /// Entries of the audit log that are kept.
        log_keep_entries: u64 = 1_000_000, "ENTRIES", between(1_000, 1_000_000_000);
        /// How the server writes what it does to standard error: human, json, or auto (human on a terminal, else json).
        log_format: LogFormat = LogFormat::Human, "FORMAT", any;
        /// What it writes there, as in RUST_LOG: info, debug, collab_server=debug,warn.
        log_filter: String = "info".to_owned(), "FILTER", filter;
    }
}

impl Config {
    /// How often a user may change a text, where the room does not differ.
    pub fn pace(&self) -> Pace {
        let Self { edits_per_minute, burst, throttle_ms, .. } = *self;
        Pace { edits_per_minute, burst, throttle_ms }
    }

    /// What no single key can see.
    fn check_together(self) -> Result<Self, ConfigError> {
        let alone = |given, missing| Err(ConfigError::Alone { given, missing });
        match (&self.cert, &self.key) {
            (Some(_), None) => alone("cert", "key"),
            (None, Some(_)) => alone("key", "cert"),
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests;
