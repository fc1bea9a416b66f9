//! The disk: one writer that commits in groups what was handed to it, in the order in which it came. What was not committed when the
//! server crashes is lost; what was being committed is lost or not.
//!
//! What is committed lies in the server's [`MemoryStore`], the plainest reading of what a store owes.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use collab_proto::api::LogKind;
use collab_proto::{Generation, RoomName};
use collab_server::audit::NewEntry;
use collab_server::room::core::Ticket;
use collab_server::room::keeper::Snapshot;
use collab_server::store::memory::MemoryStore;
use collab_server::store::{Append, Durable, RoomRecord, Store, StoreError, StoredRoom};
use futures_util::FutureExt;

/// What is handed to the writer. `room` names a room in memory, to which the answer goes.
#[derive(Debug)]
pub(super) enum Request {
    Append { room: u64, ticket: Ticket, append: Append },
    Compact { name: RoomName, generation: Generation, snapshot: Snapshot },
    Load { room: u64, name: RoomName },
    Create(RoomRecord),
    Delete(RoomName),
}

/// What the writer says.
#[derive(Debug)]
pub(super) enum Answer {
    Durable { room: u64, ticket: Ticket, result: Result<Durable, StoreError> },
    Loaded { room: u64, result: Result<Option<StoredRoom>, StoreError> },
    Deleted(RoomName),
}

/// What is wrong with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Good,
    /// Writes fail; what was written may be there all the same.
    Failing,
    /// Writes fail, and nothing of them is there.
    Full,
    /// Reads fail.
    Unreadable,
    Slow,
}

pub(super) struct Disk {
    committed: MemoryStore,
    waiting: VecDeque<Request>,
    committing: Option<Vec<Request>>,
    /// Rooms in which an append failed and that were not loaded since.
    broken: BTreeSet<RoomName>,
    pub(super) health: Health,
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the store in memory never waits")
}

fn entry() -> NewEntry {
    NewEntry::new(0, LogKind::Edited)
}

fn broke() -> StoreError {
    StoreError::Failed("the disk is played".into())
}

impl Disk {
    pub(super) fn new() -> Self {
        Self {
            committed: MemoryStore::new(),
            waiting: VecDeque::new(),
            committing: None,
            broken: BTreeSet::new(),
            health: Health::Good,
        }
    }

    pub(super) fn request(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    /// Bytes of edits that are not durable yet.
    pub(super) fn waiting_bytes(&self) -> usize {
        let cost = |request: &Request| match request {
            Request::Append { append, .. } => 100 + append.update.as_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        self.waiting.iter().chain(self.committing.iter().flatten()).map(cost).sum()
    }

    /// Begins a commit of everything that waits; false when there is nothing or another goes on.
    pub(super) fn begin(&mut self) -> bool {
        if self.committing.is_some() || self.waiting.is_empty() {
            return false;
        }
        self.committing = Some(self.waiting.drain(..).collect());
        true
    }

    /// Ends the commit. `partly` says whether a commit that fails is on the disk all the same.
    pub(super) fn end(&mut self, partly: bool) -> Vec<Answer> {
        let requests = self.committing.take().unwrap_or_default();
        let fails = matches!(self.health, Health::Failing | Health::Full);
        let kept = !fails || partly && self.health == Health::Failing;
        requests.into_iter().filter_map(|request| self.carry_out(request, fails, kept)).collect()
    }

    fn carry_out(&mut self, request: Request, fails: bool, kept: bool) -> Option<Answer> {
        match request {
            Request::Append { room, ticket, append } => {
                let result = self.append(append, fails, kept);
                Some(Answer::Durable { room, ticket, result })
            }
            Request::Load { room, name } if self.health == Health::Unreadable => {
                self.broken.insert(name);
                Some(Answer::Loaded { room, result: Err(broke()) })
            }
            Request::Load { room, name } => {
                self.broken.remove(&name);
                Some(Answer::Loaded { room, result: Ok(self.room(&name)) })
            }
            Request::Compact { name, generation, snapshot } if kept => {
                // As the server does: what cannot be compacted stays as it is.
                let _ = now(self.committed.compact(&name, generation, snapshot.state, snapshot.seq));
                None
            }
            Request::Create(record) if !fails => {
                // A room that is there already stays.
                let _ = now(self.committed.create_room(record, entry()));
                None
            }
            Request::Delete(name) if !fails => {
                now(self.committed.delete_room(&name, entry())).ok().map(|()| Answer::Deleted(name))
            }
            Request::Compact { .. } | Request::Create(_) | Request::Delete(_) => None,
        }
    }

    fn append(&mut self, append: Append, fails: bool, kept: bool) -> Result<Durable, StoreError> {
        if self.broken.contains(&append.room) {
            return Err(broke());
        }
        let name = append.room.clone();
        let result = if kept { self.commit(append) } else { Err(broke()) };
        if fails {
            self.broken.insert(name);
            return Err(broke());
        }
        result
    }

    fn commit(&self, append: Append) -> Result<Durable, StoreError> {
        let admission = now(self.committed.admit(1))?;
        now(self.committed.append(admission, append))
    }

    /// The server is gone, and with it what was not committed. `written` says what became of the commit that went on.
    pub(super) fn crash(&mut self, written: bool) {
        if written && !matches!(self.health, Health::Full) {
            for request in self.committing.take().unwrap_or_default() {
                self.carry_out(request, false, true);
            }
        }
        self.committing = None;
        self.waiting.clear();
        self.broken.clear();
    }

    /// A room's record, as it is committed.
    pub(super) fn record(&self, name: &RoomName) -> Option<RoomRecord> {
        now(self.committed.room(name)).expect("the store in memory is open")
    }

    /// A room, as it is committed.
    pub(super) fn room(&self, name: &RoomName) -> Option<StoredRoom> {
        now(self.committed.load(name)).expect("the store in memory is open")
    }

    /// Whether everything handed over is committed.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.committing.is_none()
    }

    /// Creates a room at once, before anything else happens.
    pub(super) fn create(&self, record: RoomRecord) {
        now(self.committed.create_room(record, entry())).expect("a new room");
    }
}
