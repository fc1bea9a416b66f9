//! A backup: everything that a store holds, as bytes that anybody can check.
//!
//! ```text
//! collab-backup 3\n      16 bytes; the number is the version of what follows; versions 1 and 2 are read too
//! length, record         4 bytes, big-endian, and so many bytes of postcard
//! …                      again and again, until the record is the end
//! digest                 32 bytes: SHA-256 of everything before it
//! ```
//!
//! The records come in one order: the head; for each room, by name, the room, its snapshot if there is one, and its edits
//! without a gap; the log's entries without a gap; the end. [`Reader`] takes nothing else, so that whatever it has read to
//! its end is whole. Numbers, lists and texts are as in the store; a variant's position is its number.

mod reader;

mod writer;

use std::io::{self, ErrorKind};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use reader::Reader;
#[cfg(any(test, feature = "testing"))]
pub use writer::write_all;
pub use writer::{Pieces, Writer};

use super::record::{FirstRecord, RoomRecord, SecondRecord};
use crate::audit::NewEntry;

/// Longest record, in bytes: the largest document that can be configured, several times over.
const MAX_RECORD_BYTES: u32 = 64 << 20;

/// Bytes are handed over in pieces of about this size.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// One part of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The first record.
    Head {
        /// The number of the newest log entry there ever was.
        log_seq: u64,
    },
    /// A room as the first version of a backup has it. It is read as [`Record::Room`].
    FirstRoom(FirstRecord),
    /// The text of the last room up to an edit.
    Snapshot {
        /// The number of that edit.
        seq: u64,
        /// The text, as one Yjs update.
        state: Bytes,
    },
    /// An edit of the last room.
    Update {
        /// Its number.
        seq: u64,
        /// The Yjs update.
        update: Bytes,
    },
    /// An entry of the log.
    Entry {
        /// Its number.
        seq: u64,
        /// What it says.
        entry: NewEntry,
    },
    /// The last record: what came before.
    End(Summary),
    /// A room as the second version of a backup has it. It is read as [`Record::Room`].
    SecondRoom(SecondRecord),
    /// A room.
    Room(RoomRecord),
}

/// What is in a backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rooms.
    pub rooms: u64,
    /// Edits that are not in a snapshot.
    pub edits: u64,
    /// Log entries.
    pub entries: u64,
}

impl Summary {
    fn count(&mut self, record: &Record) {
        match record {
            Record::Room(_) => self.rooms += 1,
            Record::Update { .. } => self.edits += 1,
            Record::Entry { .. } => self.entries += 1,
            Record::Head { .. } | Record::Snapshot { .. } | Record::End(_) => {}
            Record::FirstRoom(_) | Record::SecondRoom(_) => {}
        }
    }
}

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Reading failed.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// It is something else.
    #[error("it is not a backup of a collab-server, or one of another version")]
    NotABackup,
    /// It ends too early.
    #[error("it is cut off")]
    Cut,
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::Cut } else { Self::Io(error) }
    }
}

#[cfg(test)]
mod tests;
