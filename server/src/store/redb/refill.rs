//! A new store from a backup.

use std::io::Read;
use std::path::Path;

use collab_proto::{Generation, RoomName};
use redb::{Database, Table, WriteTransaction};

use super::StoreError;
use super::files;
use super::tables::{LOG, LOG_BY_ROOM, META, META_LOG_SEQ, ROOMS, SNAPSHOTS, UPDATES, encode_entry, encode_record};
use crate::audit::NewEntry;
use crate::store::RoomRecord;
use crate::store::backup::{BackupError, Reader, Record, Summary};

/// Records of one transaction, so that memory stays bounded however large the backup is.
const BATCH: usize = 1_024;

/// Why there is no new store. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup.
    #[error("the backup: {0}")]
    Backup(#[from] BackupError),
    /// The store.
    #[error("the new database: {0}")]
    Store(#[from] StoreError),
}

macro_rules! through_store_error {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for RestoreError {
            fn from(error: redb::$error) -> Self {
                StoreError::from(error).into()
            }
        })*
    };
}

through_store_error!(CommitError, StorageError, TableError, TransactionError);

/// Makes the file `path` from `backup`, with another generation for each room and `entry` as the newest of the log.
pub(super) fn refill(
    path: &Path,
    mut backup: Reader<impl Read>,
    mut generation: impl FnMut() -> Result<Generation, StoreError>,
    entry: NewEntry,
) -> Result<Summary, RestoreError> {
    let log_seq = backup.log_seq() + 1;
    files::create(path, |database| {
        let mut room = None;
        while fill_some(database, &mut backup, &mut room, &mut generation)? {}
        let transaction = database.begin_write()?;
        Tables::open(&transaction)?.log(log_seq, &entry)?;
        transaction.open_table(META)?.insert(META_LOG_SEQ, log_seq)?;
        transaction.commit()?;
        Ok(backup.summary())
    })
}

/// Writes the next records in one transaction. False at the end of the backup.
fn fill_some(
    database: &Database,
    backup: &mut Reader<impl Read>,
    room: &mut Option<RoomName>,
    generation: &mut impl FnMut() -> Result<Generation, StoreError>,
) -> Result<bool, RestoreError> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    let mut more = true;
    for _ in 0..BATCH {
        let Some(record) = backup.read()? else {
            more = false;
            break;
        };
        if let Record::Room(record) = record {
            *room = Some(record.name.clone());
            tables.room(&RoomRecord { generation: generation()?, ..record })?;
        } else {
            tables.put(room.as_ref(), &record)?;
        }
    }
    drop(tables);
    transaction.commit()?;
    Ok(more)
}

struct Tables<'t> {
    rooms: Table<'t, &'static str, &'static [u8]>,
    updates: Table<'t, (&'static str, u64), &'static [u8]>,
    snapshots: Table<'t, &'static str, (u64, &'static [u8])>,
    log: Table<'t, u64, &'static [u8]>,
    log_by_room: Table<'t, (&'static str, u64), ()>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, RestoreError> {
        Ok(Self {
            rooms: transaction.open_table(ROOMS)?,
            updates: transaction.open_table(UPDATES)?,
            snapshots: transaction.open_table(SNAPSHOTS)?,
            log: transaction.open_table(LOG)?,
            log_by_room: transaction.open_table(LOG_BY_ROOM)?,
        })
    }

    fn room(&mut self, record: &RoomRecord) -> Result<(), RestoreError> {
        self.rooms.insert(record.name.as_str(), encode_record(record)?.as_slice())?;
        Ok(())
    }

    /// Writes what belongs to `room`, or to none. The backup's reader has seen to it that a text comes behind its room.
    fn put(&mut self, room: Option<&RoomName>, record: &Record) -> Result<(), RestoreError> {
        match (room, record) {
            (Some(room), Record::Snapshot { seq, state }) => {
                self.snapshots.insert(room.as_str(), (*seq, state.as_ref()))?;
            }
            (Some(room), Record::Update { seq, update }) => {
                self.updates.insert((room.as_str(), *seq), update.as_ref())?;
            }
            (_, Record::Entry { seq, entry }) => self.log(*seq, entry)?,
            _ => return Err(BackupError::Damaged("a record is out of order").into()),
        }
        Ok(())
    }

    fn log(&mut self, seq: u64, entry: &NewEntry) -> Result<(), RestoreError> {
        self.log.insert(seq, encode_entry(entry)?.as_slice())?;
        if let Some(room) = &entry.room {
            self.log_by_room.insert((room.as_str(), seq), ())?;
        }
        Ok(())
    }
}
