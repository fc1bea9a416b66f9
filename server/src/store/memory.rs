//! A store that forgets everything with the process: for tests, and as the plainest reading of what a store owes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use collab_proto::api::{LogEntry, LogPage, LogQuery};
use collab_proto::{Durability, Generation, RoomName};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::{mpsc, watch};

use super::backup::{PIECE_BYTES, Record, Summary, Writer};
use super::gate::Gate;
use super::page::{Span, page};
use super::{Admission, Append, Durable, RoomRecord, Store, StoreError, StoredRoom};
use crate::audit::NewEntry;

/// Everything in maps. It claims [`Durability::Disk`], so that what is tested with it sees what it will see.
pub struct MemoryStore {
    tables: Mutex<Tables>,
    newest: watch::Sender<u64>,
    gate: Gate,
}

#[derive(Default)]
struct Tables {
    rooms: BTreeMap<RoomName, Room>,
    log: BTreeMap<u64, LogEntry>,
    log_seq: u64,
    closed: bool,
}

struct Room {
    record: RoomRecord,
    snapshot: Option<(u64, Bytes)>,
    updates: BTreeMap<u64, Bytes>,
}

impl MemoryStore {
    /// A store with nothing in it.
    pub fn new() -> Self {
        Self { tables: Mutex::default(), newest: watch::Sender::new(0), gate: Gate::new() }
    }

    fn tables(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.closed { Err(StoreError::Closed) } else { Ok(tables) }
    }

    fn write<T>(&self, work: impl FnOnce(&mut Tables) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut tables = self.tables()?;
        let done = work(&mut tables)?;
        self.newest.send_if_modified(|newest| std::mem::replace(newest, tables.log_seq) != tables.log_seq);
        Ok(done)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Tables {
    fn room(&mut self, name: &RoomName, generation: Generation) -> Result<&mut Room, StoreError> {
        let room = self.rooms.get_mut(name).filter(|room| room.record.generation == generation);
        room.ok_or(StoreError::NoSuchRoom)
    }

    fn log(&mut self, entry: NewEntry) {
        self.log_seq += 1;
        self.log.insert(self.log_seq, entry.numbered(self.log_seq));
    }

    fn create(&mut self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError> {
        if self.rooms.contains_key(&record.name) {
            return Err(StoreError::RoomExists);
        }
        let room = Room { record, snapshot: None, updates: BTreeMap::new() };
        self.rooms.insert(room.record.name.clone(), room);
        self.log(entry);
        Ok(())
    }

    fn append(&mut self, append: Append) -> Result<Durable, StoreError> {
        let room = self.room(&append.room, append.generation)?;
        let mut seq = room.last_seq();
        if let Some(update) = append.update {
            seq += 1;
            room.updates.insert(seq, update);
        }
        self.log(append.entry);
        Ok(Durable { durability: Durability::Disk, seq })
    }

    fn backup(&self) -> std::io::Result<(Vec<u8>, Summary)> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, self.log_seq)?;
        for room in self.rooms.values() {
            writer.record(&Record::Room(room.record.clone()))?;
            if let Some((seq, state)) = room.snapshot.clone() {
                writer.record(&Record::Snapshot { seq, state })?;
            }
            for (&seq, update) in &room.updates {
                writer.record(&Record::Update { seq, update: update.clone() })?;
            }
        }
        for (&seq, entry) in &self.log {
            writer.record(&Record::Entry { seq, entry: unnumbered(entry.clone()) })?;
        }
        let summary = writer.finish()?;
        Ok((bytes, summary))
    }

    fn prune(&mut self, before_ms: u64, keep: u64) -> u64 {
        let mut gone = 0;
        while let Some(oldest) = self.log.first_entry() {
            if oldest.get().time_ms >= before_ms && self.log_seq - *oldest.key() < keep {
                break;
            }
            oldest.remove();
            gone += 1;
        }
        gone
    }
}

impl Room {
    fn last_seq(&self) -> u64 {
        let snapshot = self.snapshot.as_ref().map_or(0, |(seq, _)| *seq);
        self.updates.last_key_value().map_or(snapshot, |(seq, _)| *seq)
    }

    fn compact(&mut self, snapshot: Bytes, seq: u64) -> Result<(), StoreError> {
        if seq > self.last_seq() {
            let text = format!("a snapshot of {} holds edits that are not stored", self.record.name);
            return Err(StoreError::Failed(text));
        }
        if self.snapshot.as_ref().is_none_or(|(present, _)| *present <= seq) {
            self.snapshot = Some((seq, snapshot));
            self.updates.retain(|&number, _| number > seq);
        }
        Ok(())
    }

    fn stored(&self) -> StoredRoom {
        StoredRoom {
            record: self.record.clone(),
            snapshot: self.snapshot.as_ref().map(|(_, bytes)| bytes.clone()),
            updates: self.updates.values().cloned().collect(),
            last_seq: self.last_seq(),
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn admit(&self, bytes: usize) -> Result<Admission, StoreError> {
        self.gate.admit(bytes).await
    }

    async fn create_room(&self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError> {
        self.write(|tables| tables.create(record, entry))
    }

    async fn update_room(&self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError> {
        self.write(|tables| {
            let room = tables.room(&record.name, record.generation)?;
            if record.revision != room.record.revision + 1 {
                return Err(StoreError::Conflict);
            }
            room.record = record;
            tables.log(entry);
            Ok(())
        })
    }

    async fn delete_room(&self, name: &RoomName, entry: NewEntry) -> Result<(), StoreError> {
        self.write(|tables| {
            tables.rooms.remove(name).ok_or(StoreError::NoSuchRoom)?;
            tables.log(entry);
            Ok(())
        })
    }

    async fn room(&self, name: &RoomName) -> Result<Option<RoomRecord>, StoreError> {
        Ok(self.tables()?.rooms.get(name).map(|room| room.record.clone()))
    }

    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        Ok(self.tables()?.rooms.values().map(|room| room.record.clone()).collect())
    }

    async fn load(&self, name: &RoomName) -> Result<Option<StoredRoom>, StoreError> {
        Ok(self.tables()?.rooms.get(name).map(Room::stored))
    }

    fn append(&self, admission: Admission, append: Append) -> BoxFuture<'static, Result<Durable, StoreError>> {
        drop(admission);
        ready(self.write(|tables| tables.append(append))).boxed()
    }

    async fn compact(
        &self,
        name: &RoomName,
        generation: Generation,
        snapshot: Bytes,
        seq: u64,
    ) -> Result<(), StoreError> {
        self.write(|tables| tables.room(name, generation)?.compact(snapshot, seq))
    }

    async fn log(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        self.write(|tables| {
            entries.into_iter().for_each(|entry| tables.log(entry));
            Ok(())
        })
    }

    async fn logs(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let tables = self.tables()?;
        let span = Span::new(query, tables.log_seq);
        let rows: Vec<_> = span.range().map_or_else(Vec::new, |range| tables.log.range(range).collect());
        let in_room = |entry: &LogEntry| query.room.is_none() || entry.room == query.room;
        let rows = rows.into_iter().map(|(_, entry)| entry.clone()).filter(in_room).map(Ok);
        if span.ascending { page(query, span, rows) } else { page(query, span, rows.rev()) }
    }

    fn watch_log(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    async fn prune_log(&self, before_ms: u64, keep: u64) -> Result<u64, StoreError> {
        self.write(|tables| Ok(tables.prune(before_ms, keep)))
    }

    async fn backup(&self, pieces: mpsc::Sender<Bytes>) -> Result<Summary, StoreError> {
        let (bytes, summary) = self.tables()?.backup().map_err(|error| StoreError::Failed(error.to_string()))?;
        for piece in bytes.chunks(PIECE_BYTES) {
            let sent = pieces.send(Bytes::copy_from_slice(piece)).await;
            sent.map_err(|_| StoreError::Failed("nobody takes the backup".into()))?;
        }
        Ok(summary)
    }

    async fn close(&self) {
        self.gate.close();
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }
}

fn unnumbered(entry: LogEntry) -> NewEntry {
    let LogEntry { time_ms, kind, room, member, name, address, bytes, detail, .. } = entry;
    let address = address.and_then(|address| address.parse().ok());
    NewEntry { time_ms, kind, room, member, name, address, bytes, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[tokio::test]
    async fn does_what_every_store_owes() {
        conformance::check(MemoryStore::new).await;
    }
}
