//! What the owner of a room decides: when an edit's author is told, when the text becomes a snapshot, when the room goes out
//! of memory or must be loaded again. No clock, no I/O: the [`task`](super::task) lends it both, a simulation plays them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_document::{Document, Limits as DocumentLimits, UpdateError};
use collab_proto::{Code, ServerFrame};

use super::admission::{AdmittedEdit, Limits};
use super::core::{AppliedEdit, Core, EditError, Entrant, Joined, Participant, Seat, Ticket};
use crate::refusal::Refusal;
use crate::store::{Durable, StoreError, StoredRoom};

/// Edits of a room that may wait for the disk; beyond it the mailbox is left alone.
const MAX_IN_FLIGHT: usize = 256;

/// When members come back to a room that had to be loaded again.
const RELOAD: Duration = Duration::from_millis(250);

/// What a room is held to by its owner.
#[derive(Debug, Clone, Copy)]
pub struct Housekeeping {
    /// When the edits since the last snapshot become a snapshot.
    pub compaction: Compaction,
    /// How long a room stays in memory with nobody in it.
    pub idle: Duration,
}

/// When the edits since the last snapshot become a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Compaction {
    /// After this many edits.
    pub updates: usize,
    /// Or after this many bytes of edits.
    pub bytes: usize,
}

/// The text as it is, to take the place of the edits up to a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The number of the last durable edit. The text holds at least every edit up to it.
    pub seq: u64,
    /// The text with its history, as one Yjs update.
    pub state: Bytes,
}

/// Why a room went out of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Nobody was in it for a while.
    Idle,
    /// It was told to, or its text must be loaded again.
    Closed,
}

/// A room in memory and what its owner knows besides.
#[derive(Debug)]
pub struct Keeper {
    core: Core,
    housekeeping: Housekeeping,
    /// Edits that the store has and that are not durable yet.
    in_flight: usize,
    /// The number of the last durable edit.
    seq: u64,
    /// Edits and their bytes since the last snapshot.
    since_snapshot: (usize, usize),
    /// Since when nobody is here.
    empty_since: Option<Instant>,
    /// When members may come back, while the room only waits for the store.
    draining: Option<Duration>,
    end: Option<End>,
}

impl Keeper {
    /// A room as it was stored.
    ///
    /// # Errors
    ///
    /// What is stored cannot be read. It is an error, never an empty room.
    pub fn load(
        now: Instant,
        stored: &StoredRoom,
        limits: Limits,
        housekeeping: Housekeeping,
    ) -> Result<Self, UpdateError> {
        let document_limits =
            DocumentLimits { max_update_bytes: limits.max_update_bytes, max_document_bytes: limits.max_document_bytes };
        // Replica 0 is the server's own; it never edits.
        let mut document = Document::new(0).with_limits(document_limits);
        for update in stored.snapshot.iter().chain(&stored.updates) {
            document.load(update)?;
        }
        Ok(Self {
            core: Core::new(&stored.record, document, limits),
            housekeeping,
            in_flight: 0,
            seq: stored.last_seq,
            since_snapshot: (stored.updates.len(), stored.updates.iter().map(Bytes::len).sum()),
            empty_since: Some(now),
            draining: None,
            end: None,
        })
    }

    /// The room itself.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The room itself, for what needs no store. [`Keeper::handle_timeout`] should follow.
    pub fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }

    /// Whether another command may be taken from the mailbox.
    pub fn is_ready(&self) -> bool {
        self.in_flight < MAX_IN_FLIGHT && self.draining.is_none() && self.end.is_none()
    }

    /// Why the room ends, once it does. What is in flight must still become durable before it is loaded again.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Takes a seat, as [`Core::join`].
    ///
    /// # Errors
    ///
    /// As [`Core::join`].
    pub fn join(&mut self, now: Instant, entrant: Entrant) -> Result<Joined, Refusal> {
        let joined = self.core.join(now, entrant);
        self.handle_timeout(now);
        joined
    }

    /// Frees a seat whose holder is gone.
    pub fn leave(&mut self, now: Instant, seat: Seat) -> Option<Participant> {
        let gone = self.core.leave(now, seat);
        self.handle_timeout(now);
        gone
    }

    /// Applies an edit. What is given back must be handed to the store, and [`Keeper::durable`] told what came of it.
    ///
    /// # Errors
    ///
    /// As [`Core::edit`]. An edit that broke the text ends the room.
    pub fn edit(&mut self, now: Instant, seat: Seat, edit: AdmittedEdit) -> Result<AppliedEdit, EditError> {
        let applied = self.core.edit(now, seat, edit);
        match &applied {
            Ok(applied) => {
                self.in_flight += 1;
                self.since_snapshot.0 += 1;
                self.since_snapshot.1 += applied.update.as_ref().map_or(0, Bytes::len);
                #[cfg(feature = "planted-bugs")]
                if self.core.errs(super::planted::Planted::UnsyncedAck) {
                    self.core.saved(now, applied.ticket, collab_proto::Durability::Disk);
                }
            }
            Err(EditError::Broken(_)) => {
                self.core.expel(now, seat, Code::InvalidUpdate.into());
                self.give_up(Code::Internal);
            }
            Err(EditError::Gone | EditError::Rejected(..)) => {}
        }
        self.handle_timeout(now);
        applied
    }

    /// The store takes nothing any more.
    pub fn store_closed(&mut self) {
        self.give_up(Code::Storage);
    }

    /// The store has an answer for an edit. Answers come in the order of the edits.
    pub fn durable(&mut self, now: Instant, ticket: Ticket, result: &Result<Durable, StoreError>) {
        self.in_flight -= 1;
        match result {
            Ok(Durable { durability, seq }) => {
                self.seq = *seq;
                self.core.saved(now, ticket, *durability);
            }
            Err(StoreError::NoSuchRoom) => self.give_up(Code::RoomDeleted),
            Err(_) => self.give_up(Code::Storage),
        }
        self.drain_if_done();
        self.handle_timeout(now);
    }

    /// The text in memory is ahead of the store and must not be served on. Members keep what is not saved and come back.
    fn give_up(&mut self, reason: Code) {
        self.close(&go_away(RELOAD, reason));
    }

    /// The room was deleted from the store.
    pub fn deleted(&mut self) {
        self.close(&Refusal::from(Code::RoomDeleted).into_frame());
    }

    /// Sends everybody away once every edit that was applied is durable; they may come back `after` that.
    pub fn drain(&mut self, after: Duration) {
        self.draining = Some(after);
        self.drain_if_done();
    }

    fn drain_if_done(&mut self) {
        if let Some(after) = self.draining
            && self.in_flight == 0
        {
            self.close(&go_away(after, Code::Draining));
        }
    }

    fn close(&mut self, last: &ServerFrame) {
        self.core.close(last);
        self.end.get_or_insert(End::Closed);
    }

    /// When [`Keeper::handle_timeout`] should be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.core.poll_timeout(), self.idle_at()].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.handle_timeout(now);
        self.empty_since = if self.core.count() == 0 { self.empty_since.or(Some(now)) } else { None };
        if self.idle_at().is_some_and(|at| at <= now) {
            self.end.get_or_insert(End::Idle);
        }
    }

    /// When the room goes out of memory, as long as nobody comes.
    fn idle_at(&self) -> Option<Instant> {
        self.empty_since.filter(|_| self.in_flight == 0).map(|since| since + self.housekeeping.idle)
    }

    /// The snapshot that is due, if one is: when enough has gathered, and before the room goes out of memory.
    pub fn poll_snapshot(&mut self) -> Option<Snapshot> {
        let (updates, bytes) = self.since_snapshot;
        let Compaction { updates: many, bytes: large } = self.housekeeping.compaction;
        let due = match self.end {
            None => updates >= many || bytes >= large,
            Some(End::Idle) => updates > 0,
            Some(End::Closed) => false,
        };
        if !due {
            return None;
        }
        self.since_snapshot = (0, 0);
        let state = self.core.document().state().ok()?;
        Some(Snapshot { seq: self.seq, state: state.into() })
    }
}

fn go_away(after: Duration, reason: Code) -> ServerFrame {
    ServerFrame::GoAway { reconnect_after_ms: u32::try_from(after.as_millis()).unwrap_or(u32::MAX), reason }
}
