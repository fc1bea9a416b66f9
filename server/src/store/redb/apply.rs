//! What each write does to the tables, inside the transaction of its batch.

use collab_proto::{Generation, RoomName};
use redb::{ReadableTable, Table, WriteTransaction};

use super::StoreError;
use super::journal::Mark;
use super::pending::Write;
use super::queue::Op;
use super::read::{last_seq, snapshot_seq};
use super::tables::{
    LOG, LOG_BY_ROOM, META, META_JOURNAL_AT, META_JOURNAL_IN_USE, META_JOURNAL_SEQ, META_LOG_SEQ, ROOMS, SNAPSHOTS,
    UPDATES, decode_record, encode_entry, encode_record, log_entry,
};
use crate::audit::NewEntry;
use crate::store::{Append, RoomRecord};

/// How many log entries one prune removes, so that others do not wait long behind it.
pub(super) const PRUNE_STEP: u64 = 10_000;

/// Why a write was not done.
pub(super) enum Stop {
    /// It does not fit what is there. Nothing of it was done; the rest of the batch goes on.
    Refused(StoreError),
    /// The database failed. Nothing of the whole batch can be trusted.
    Broken(StoreError),
}

impl<E: Into<redb::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Broken(error.into().into())
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchRoom => Self::Refused(error),
            error => Self::Broken(error),
        }
    }
}

impl Stop {
    /// What stopped a write that was judged before, and is durable already.
    pub(super) fn unexpected(self) -> StoreError {
        match self {
            Self::Refused(error) => StoreError::Damaged(format!("the journal does not fit the database: {error}")),
            Self::Broken(error) => error,
        }
    }
}

/// The tables, open for writing.
pub(super) struct Tables<'t> {
    rooms: Table<'t, &'static str, &'static [u8]>,
    updates: Table<'t, (&'static str, u64), &'static [u8]>,
    snapshots: Table<'t, &'static str, (u64, &'static [u8])>,
    log: Table<'t, u64, &'static [u8]>,
    log_by_room: Table<'t, (&'static str, u64), ()>,
    meta: Table<'t, &'static str, u64>,
    log_seq: u64,
}

impl<'t> Tables<'t> {
    /// Opens them.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        let meta = transaction.open_table(META)?;
        let log_seq = meta.get(META_LOG_SEQ)?.map(|seq| seq.value());
        Ok(Self {
            rooms: transaction.open_table(ROOMS)?,
            updates: transaction.open_table(UPDATES)?,
            snapshots: transaction.open_table(SNAPSHOTS)?,
            log: transaction.open_table(LOG)?,
            log_by_room: transaction.open_table(LOG_BY_ROOM)?,
            meta,
            log_seq: log_seq.ok_or_else(|| StoreError::Damaged("the log's last number is missing".into()))?,
        })
    }

    /// Writes what is kept for the end: up to where the tables hold the journal now, and whether more may be
    /// written to it. Says the number of the newest log entry.
    pub(super) fn finish(mut self, journal: Mark, journal_in_use: bool) -> Result<u64, StoreError> {
        self.meta.insert(META_LOG_SEQ, self.log_seq)?;
        self.meta.insert(META_JOURNAL_SEQ, journal.number)?;
        self.meta.insert(META_JOURNAL_AT, journal.at as u64)?;
        self.meta.insert(META_JOURNAL_IN_USE, u64::from(journal_in_use))?;
        Ok(self.log_seq)
    }

    /// Does one write. The number is the room's last edit after an append, how many went after a prune, otherwise 0.
    pub(super) fn apply(&mut self, op: &Op) -> Result<u64, Stop> {
        match op {
            Op::Create(record, entry) => self.create(record, entry),
            Op::Update(record, entry) => self.update(record, entry),
            Op::Delete(name, entry) => self.delete(name, entry),
            Op::Write(write) => self.write(write),
            Op::Compact { name, generation, snapshot, seq } => {
                self.check_generation(name, *generation)?;
                self.compact(name, snapshot, *seq)
            }
            Op::Prune { before_ms, keep } => self.prune(*before_ms, *keep),
            Op::Load(_) | Op::Settle => Ok(0),
        }
    }

    /// Does one write of those that the journal takes.
    pub(super) fn write(&mut self, write: &Write) -> Result<u64, Stop> {
        match write {
            Write::Append(append) => self.append(append),
            Write::Log(entries) => entries.iter().try_for_each(|entry| self.log(entry)).map(|()| 0),
        }
    }

    fn create(&mut self, record: &RoomRecord, entry: &NewEntry) -> Result<u64, Stop> {
        if self.rooms.get(record.name.as_str())?.is_some() {
            return Err(Stop::Refused(StoreError::RoomExists));
        }
        self.put_room(record, entry)
    }

    fn update(&mut self, record: &RoomRecord, entry: &NewEntry) -> Result<u64, Stop> {
        let present = self.check_generation(&record.name, record.generation)?;
        if record.revision != present.revision + 1 {
            return Err(Stop::Refused(StoreError::Conflict));
        }
        self.put_room(record, entry)
    }

    fn put_room(&mut self, record: &RoomRecord, entry: &NewEntry) -> Result<u64, Stop> {
        let bytes = encode_record(record).map_err(Stop::Refused)?;
        self.rooms.insert(record.name.as_str(), bytes.as_slice())?;
        self.log(entry)?;
        Ok(0)
    }

    fn delete(&mut self, name: &RoomName, entry: &NewEntry) -> Result<u64, Stop> {
        if self.rooms.remove(name.as_str())?.is_none() {
            return Err(Stop::Refused(StoreError::NoSuchRoom));
        }
        self.snapshots.remove(name.as_str())?;
        self.forget_updates(name, u64::MAX)?;
        self.log(entry)?;
        Ok(0)
    }

    fn append(&mut self, append: &Append) -> Result<u64, Stop> {
        self.check_generation(&append.room, append.generation)?;
        let mut seq = last_seq(&self.updates, &self.snapshots, &append.room)?;
        if let Some(update) = &append.update {
            seq += 1;
            self.updates.insert((append.room.as_str(), seq), update.as_ref())?;
        }
        self.log(&append.entry)?;
        Ok(seq)
    }

    fn compact(&mut self, name: &RoomName, snapshot: &[u8], seq: u64) -> Result<u64, Stop> {
        if seq > last_seq(&self.updates, &self.snapshots, name)? {
            let text = format!("a snapshot of {name} holds edits that are not stored");
            return Err(Stop::Refused(StoreError::Failed(text)));
        }
        if snapshot_seq(&self.snapshots, name)?.is_none_or(|present| present <= seq) {
            self.snapshots.insert(name.as_str(), (seq, snapshot))?;
            self.forget_updates(name, seq)?;
        }
        Ok(0)
    }

    fn log(&mut self, entry: &NewEntry) -> Result<(), Stop> {
        let bytes = encode_entry(entry).map_err(Stop::Broken)?;
        self.log_seq += 1;
        self.log.insert(self.log_seq, bytes.as_slice())?;
        if let Some(room) = &entry.room {
            self.log_by_room.insert((room.as_str(), self.log_seq), ())?;
        }
        Ok(())
    }

    fn prune(&mut self, before_ms: u64, keep: u64) -> Result<u64, Stop> {
        let mut gone = 0;
        while gone < PRUNE_STEP {
            let Some(seq) = self.log.first()?.map(|(seq, _)| seq.value()) else { break };
            let entry = log_entry(&self.log, seq).map_err(Stop::Broken)?;
            if entry.time_ms >= before_ms && self.log_seq - seq < keep {
                break;
            }
            self.log.remove(seq)?;
            if let Some(room) = &entry.room {
                self.log_by_room.remove((room.as_str(), seq))?;
            }
            gone += 1;
        }
        Ok(gone)
    }

    fn check_generation(&self, name: &RoomName, generation: Generation) -> Result<RoomRecord, Stop> {
        let Some(bytes) = self.rooms.get(name.as_str())? else { return Err(Stop::Refused(StoreError::NoSuchRoom)) };
        let record = decode_record(bytes.value()).map_err(Stop::Refused)?;
        if record.generation == generation { Ok(record) } else { Err(Stop::Refused(StoreError::NoSuchRoom)) }
    }

    fn forget_updates(&mut self, name: &RoomName, up_to: u64) -> Result<(), Stop> {
        Ok(self.updates.retain_in((name.as_str(), 0)..=(name.as_str(), up_to), |_, _| false)?)
    }
}
