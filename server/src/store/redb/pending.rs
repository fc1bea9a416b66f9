//! What is in the journal and not yet in the database, and what the writer must know of it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_proto::{Generation, RoomName};
use redb::ReadTransaction;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::journal::Found;
use super::read::tail;
use crate::audit::NewEntry;
use crate::store::{Append, StoredRoom};

/// After this long what is in the journal alone is on its way into the database, while the disk is well. Each time costs a
/// commit; what has gathered must be read and written again at the start after a crash.
const SETTLE_AFTER: Duration = Duration::from_secs(1);

/// After the database did not take what is pending, this long until the next try.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The first byte of every record's body; the rest is postcard.
const FORMAT: u8 = 1;

/// A write that the journal takes. The order is part of its format.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Write {
    /// See [`crate::store::Store::append`].
    Append(Append),
    /// See [`crate::store::Store::log`].
    Log(Vec<NewEntry>),
}

impl Write {
    /// How many entries it adds to the log.
    pub(super) fn entries(&self) -> u64 {
        match self {
            Self::Append(_) => 1,
            Self::Log(entries) => entries.len() as u64,
        }
    }
}

/// Writes that are durable in the journal, in their order.
#[derive(Debug, Default)]
pub(super) struct Pending {
    writes: VecDeque<InJournal>,
    /// Edits among them, by room.
    recent: HashMap<RoomName, Recent>,
    /// When they should be on their way into the database; none when all are.
    due: Option<Instant>,
    /// Whether that is later than usual, since the database did not take them.
    put_off: bool,
}

#[derive(Debug)]
struct InJournal {
    /// The number of its record.
    record: u64,
    write: Arc<Write>,
}

/// Edits of a room that are in the journal alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recent {
    generation: Generation,
    /// The number of the edit before them.
    before: u64,
    updates: VecDeque<Bytes>,
}

/// Gives the appends of a batch their numbers before any of them is written.
pub(super) struct Numbering<'p> {
    pending: &'p Pending,
    database: &'p ReadTransaction,
    tails: HashMap<RoomName, (Generation, u64)>,
}

impl Pending {
    /// What was found in the journal.
    pub(super) fn recovered(records: Vec<Found>, database: &ReadTransaction) -> Result<Self, StoreError> {
        let mut pending = Self::default();
        for (record, body) in records {
            for write in decode(&body)? {
                let number = match &write {
                    Write::Append(append) => pending.numbering(database).number(append)?,
                    Write::Log(_) => 0,
                };
                pending.push(record, write, number);
            }
        }
        Ok(pending)
    }

    /// Whether the database holds everything.
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// How many entries it adds to the log.
    pub(super) fn entries(&self) -> u64 {
        self.writes.iter().map(|pending| pending.write.entries()).sum()
    }

    /// When the database should be given what is here: now, when the journal is `crowded`, unless the database did not take it.
    pub(super) fn due(&self, crowded: bool) -> Option<Instant> {
        if crowded && !self.put_off { self.due.map(|_| Instant::now()) } else { self.due }
    }

    /// The database did not take it.
    pub(super) fn put_off(&mut self) {
        self.put_off = !self.is_empty();
        self.due = self.put_off.then(|| Instant::now() + TRY_AGAIN_AFTER);
    }

    /// Everything, in its order. It is on its way into the database, so only what comes later will be due.
    pub(super) fn on_its_way(&mut self) -> Vec<Arc<Write>> {
        (self.due, self.put_off) = (None, false);
        self.writes.iter().map(|pending| pending.write.clone()).collect()
    }

    /// Adds what has become durable by the journal's record of number `record`; `number` is what [`Numbering::number`] gave to an
    /// append.
    pub(super) fn push(&mut self, record: u64, write: Write, number: u64) {
        if let Write::Append(Append { room, generation, update: Some(update), .. }) = &write {
            let fresh = || Recent { generation: *generation, before: number - 1, updates: VecDeque::new() };
            self.recent.entry(room.clone()).or_insert_with(fresh).updates.push_back(update.clone());
        }
        self.writes.push_back(InJournal { record, write: Arc::new(write) });
        self.due.get_or_insert_with(|| Instant::now() + SETTLE_AFTER);
    }

    /// The database holds everything up to the journal's record of number `record`.
    pub(super) fn settled(&mut self, record: u64) {
        while self.writes.front().is_some_and(|first| first.record <= record) {
            if let Some(InJournal { write, .. }) = self.writes.pop_front()
                && let Write::Append(Append { room, update: Some(_), .. }) = &*write
                && let Entry::Occupied(mut recent) = self.recent.entry(room.clone())
                && recent.get_mut().forget_first()
            {
                recent.remove();
            }
        }
    }

    /// The edits of a room.
    pub(super) fn recent(&self, room: &RoomName) -> Option<Recent> {
        self.recent.get(room).cloned()
    }

    /// Begins to number a batch, on top of what is pending and of what the database holds.
    pub(super) fn numbering<'p>(&'p self, database: &'p ReadTransaction) -> Numbering<'p> {
        Numbering { pending: self, database, tails: HashMap::new() }
    }
}

impl Numbering<'_> {
    /// The number of the room's last edit, with this one.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchRoom`], or the database's.
    pub(super) fn number(&mut self, append: &Append) -> Result<u64, StoreError> {
        let (generation, last) = match self.tails.get(&append.room) {
            Some(tail) => *tail,
            None => self.tail(&append.room)?,
        };
        if generation != append.generation {
            return Err(StoreError::NoSuchRoom);
        }
        let number = last + u64::from(append.update.is_some());
        self.tails.insert(append.room.clone(), (generation, number));
        Ok(number)
    }

    fn tail(&self, room: &RoomName) -> Result<(Generation, u64), StoreError> {
        match self.pending.recent.get(room) {
            Some(recent) => Ok((recent.generation, recent.before + recent.updates.len() as u64)),
            None => tail(self.database, room)?.ok_or(StoreError::NoSuchRoom),
        }
    }
}

impl Recent {
    /// The database holds one more of them. Says whether that was the last.
    fn forget_first(&mut self) -> bool {
        self.before += u64::from(self.updates.pop_front().is_some());
        self.updates.is_empty()
    }

    /// Adds to a room what the database did not hold when it was read. It may have taken all of it meanwhile, and the room
    /// may have been made anew.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when the two do not fit together.
    pub(super) fn complete(self, room: &mut StoredRoom) -> Result<(), StoreError> {
        if self.generation != room.record.generation {
            return Ok(());
        }
        let Some(known) = room.last_seq.checked_sub(self.before) else {
            let text = format!("edit {} of {} is missing", room.last_seq + 1, room.record.name);
            return Err(StoreError::Damaged(text));
        };
        for update in self.updates.into_iter().skip(known as usize) {
            room.last_seq += 1;
            room.updates.push(update);
        }
        Ok(())
    }
}

/// The body of a record.
pub(super) fn encode(writes: &[&Write]) -> Result<Vec<u8>, StoreError> {
    let failed = |e| StoreError::Failed(format!("a record of the journal cannot be written: {e}"));
    postcard::to_extend(writes, vec![FORMAT]).map_err(failed)
}

fn decode(body: &[u8]) -> Result<Vec<Write>, StoreError> {
    let damaged = |why: &dyn std::fmt::Display| StoreError::Damaged(format!("a record of the journal: {why}"));
    match body.split_first() {
        Some((&FORMAT, rest)) => postcard::from_bytes(rest).map_err(|e| damaged(&e)),
        _ => Err(damaged(&"unknown format")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::record;

    fn completed(last_seq: u64, generation: u64) -> Result<StoredRoom, StoreError> {
        let updates = [4, 5].map(|n| Bytes::from(vec![n])).into();
        let recent = Recent { generation: Generation(1), before: 3, updates };
        let mut room = StoredRoom { record: record("a", generation), snapshot: None, updates: Vec::new(), last_seq };
        recent.complete(&mut room).map(|()| room)
    }

    #[test]
    fn a_room_is_completed_by_what_the_database_did_not_hold_yet() {
        for (known, added) in [(3, vec![4, 5]), (4, vec![5]), (5, vec![]), (6, vec![])] {
            let room = completed(known, 1).expect("they fit");
            let updates: Vec<_> = room.updates.iter().map(|update| u64::from(update[0])).collect();
            assert_eq!((updates, room.last_seq), (added, known.max(5)), "{known}");
        }
        let room = completed(0, 2).expect("another life");
        assert!(room.updates.is_empty(), "edits of an earlier life do not come back");
        assert!(matches!(completed(2, 1), Err(StoreError::Damaged(_))), "edit 3 would be missing");
    }

    fn edit(room: &str) -> Write {
        Write::Append(crate::store::conformance::edit(room, "x"))
    }

    #[test]
    fn what_the_database_holds_is_forgotten_by_record() {
        let mut pending = Pending::default();
        pending.push(4, edit("a"), 8);
        pending.push(4, edit("b"), 1);
        pending.push(5, edit("a"), 9);
        assert_eq!(pending.on_its_way().len(), 3);
        assert_eq!(pending.due(true), None, "all of it is on its way");
        pending.push(6, Write::Log(vec![NewEntry::new(0, collab_proto::api::LogKind::Joined)]), 0);
        assert!(pending.due(false).is_some() && pending.entries() == 4);
        pending.settled(4);
        let name = crate::store::conformance::name;
        let left = pending.recent(&name("a")).map(|recent| (recent.before, recent.updates.len()));
        assert_eq!((left, pending.recent(&name("b")), pending.entries()), (Some((8, 1)), None, 2));
        pending.settled(5);
        assert_eq!((pending.recent(&name("a")), pending.entries(), pending.is_empty()), (None, 1, false));
        pending.settled(6);
        assert!(pending.is_empty());
    }

    #[test]
    fn it_is_due_at_once_when_the_journal_is_crowded_but_not_after_a_failure() {
        let mut pending = Pending::default();
        pending.put_off();
        assert_eq!((pending.due(false), pending.due(true)), (None, None));
        pending.push(1, edit("a"), 1);
        let usual = pending.due(false).expect("due");
        assert!(pending.due(true).expect("due") < usual);
        pending.put_off();
        let later = pending.due(true).expect("due");
        assert!(later > usual);
        pending.push(2, edit("a"), 2);
        assert_eq!(pending.due(true), Some(later));
    }
}
