//! The tables and how their values are written.

use collab_proto::api::LogEntry;
use redb::{ReadableTable, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::audit::NewEntry;
use crate::store::record::{FirstRecord, RoomRecord, SecondRecord};

/// The schema this version writes. It rises when an older version could no longer read the tables, or the journal.
pub(super) const SCHEMA: u64 = 5;

/// The oldest schema that this version reads. Its records are read as they are, and written in the new form when they change.
pub(super) const OLDEST_SCHEMA: u64 = 1;

/// The first schema with the present form of the journal.
pub(super) const RING_SCHEMA: u64 = 5;

/// Room name to [`RoomRecord`].
pub(super) const ROOMS: TableDefinition<&str, &[u8]> = TableDefinition::new("rooms");

/// Room name and number of the edit to its Yjs update.
pub(super) const UPDATES: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("updates");

/// Room name to the number of the last edit in the snapshot, and the snapshot.
pub(super) const SNAPSHOTS: TableDefinition<&str, (u64, &[u8])> = TableDefinition::new("snapshots");

/// Number to [`NewEntry`].
pub(super) const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");

/// The numbers of the entries about a room.
pub(super) const LOG_BY_ROOM: TableDefinition<(&str, u64), ()> = TableDefinition::new("log_by_room");

/// Single numbers, under the keys that follow.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The key of the schema version.
pub(super) const META_SCHEMA: &str = "schema";

/// The key of the number of the newest log entry. It outlives the entry, so that a number is never given twice.
pub(super) const META_LOG_SEQ: &str = "log_seq";

/// The key of the number of the last journal record that the tables hold.
pub(super) const META_JOURNAL_SEQ: &str = "journal_seq";

/// The key of the place in the journal where the record after that one stands.
pub(super) const META_JOURNAL_AT: &str = "journal_at";

/// The key of what the journal's records are authenticated with.
pub(super) const META_JOURNAL_KEY: &str = "journal_key";

/// The key of whether the journal may hold more than the tables: 1 from the start of a server to its orderly end.
pub(super) const META_JOURNAL_IN_USE: &str = "journal_in_use";

/// The first byte of every log entry, and of every record of schema 1; the rest is postcard.
const FORMAT: u8 = 1;

/// The first byte of every record of schemas 2 and 3.
const SECOND_FORMAT: u8 = 2;

/// The first byte of every record since schema 4.
const RECORD_FORMAT: u8 = 3;

/// What a damaged record is called.
const RECORD: &str = "a room's record";

/// A room's record as bytes.
pub(super) fn encode_record(record: &RoomRecord) -> Result<Vec<u8>, StoreError> {
    to_bytes(RECORD_FORMAT, record)
}

/// A room's record from its bytes.
pub(super) fn decode_record(bytes: &[u8]) -> Result<RoomRecord, StoreError> {
    match bytes.first() {
        Some(&RECORD_FORMAT) => decode(RECORD, RECORD_FORMAT, bytes),
        Some(&SECOND_FORMAT) => decode::<SecondRecord>(RECORD, SECOND_FORMAT, bytes).map(RoomRecord::from),
        _ => decode::<FirstRecord>(RECORD, FORMAT, bytes).map(RoomRecord::from),
    }
}

/// A log entry as bytes.
pub(super) fn encode_entry(entry: &NewEntry) -> Result<Vec<u8>, StoreError> {
    to_bytes(FORMAT, entry)
}

fn to_bytes<T: Serialize>(format: u8, value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![format]).map_err(|e| StoreError::Failed(format!("a record cannot be written: {e}")))
}

fn decode<T: DeserializeOwned>(what: &str, format: u8, bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((first, rest)) if *first == format => postcard::from_bytes(rest).map_err(|e| damaged(what, &e)),
        Some((format, _)) => Err(damaged(what, &format_args!("unknown format {format}"))),
        None => Err(damaged(what, &"it is empty")),
    }
}

fn damaged(what: &str, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("{what} cannot be read: {why}"))
}

/// The log entry with this number.
pub(super) fn log_entry(log: &impl ReadableTable<u64, &'static [u8]>, seq: u64) -> Result<LogEntry, StoreError> {
    match log.get(seq)? {
        Some(bytes) => decode_entry(seq, bytes.value()),
        None => Err(StoreError::Damaged(format!("log entry {seq} is missing"))),
    }
}

/// A log entry from its bytes.
pub(super) fn decode_entry(seq: u64, bytes: &[u8]) -> Result<LogEntry, StoreError> {
    Ok(decode_log(bytes)?.numbered(seq))
}

/// What a log entry says, without its number.
pub(super) fn decode_log(bytes: &[u8]) -> Result<NewEntry, StoreError> {
    decode("a log entry", FORMAT, bytes)
}
