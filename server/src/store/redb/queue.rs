//! What is asked of the writer, and in what portions it takes it.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use bytes::Bytes;
use collab_proto::{Generation, RoomName};
use tokio::sync::oneshot;

use super::StoreError;
use super::pending::{Recent, Write};
use crate::audit::NewEntry;
use crate::store::{Admission, RoomRecord};

/// How many writes become durable together at most, so that the first of them does not wait long for the last.
pub(super) const BATCH_MAX: usize = 4_096;

/// What is asked of the writer.
pub(super) enum Op {
    Create(RoomRecord, NewEntry),
    Update(RoomRecord, NewEntry),
    Delete(RoomName, NewEntry),
    Write(Write),
    Compact {
        name: RoomName,
        generation: Generation,
        snapshot: Bytes,
        seq: u64,
    },
    Prune {
        before_ms: u64,
        keep: u64,
    },
    /// Writes nothing: answered when everything before it is durable, it lets the room be appended to again.
    Load(RoomName),
    /// Brings into the database what is in the journal alone.
    Settle,
}

/// How an op is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By a record of the journal.
    Journal,
    /// In the database, behind everything before it and ahead of everything after it.
    Database,
    /// In the database, together with what is pending. Edits and log entries may overtake it: they and it change nothing of
    /// each other.
    Beside,
}

impl Op {
    /// How it is done.
    pub(super) fn way(&self) -> Way {
        match self {
            Self::Write(_) | Self::Load(_) => Way::Journal,
            Self::Create(..) | Self::Update(..) | Self::Delete(..) => Way::Database,
            Self::Compact { .. } | Self::Prune { .. } | Self::Settle => Way::Beside,
        }
    }

    /// What the journal would take of it.
    pub(super) fn as_write(&self) -> Option<&Write> {
        match self {
            Self::Write(write) => Some(write),
            _ => None,
        }
    }
}

/// What somebody asked for.
pub(super) struct Job {
    pub(super) op: Op,
    pub(super) asker: Asker,
}

/// Who waits for it, and what they hold of the bound.
pub(super) struct Asker {
    pub(super) admission: Option<Admission>,
    pub(super) answer: oneshot::Sender<Result<Answer, StoreError>>,
}

impl Asker {
    /// Whoever does not wait any more does not want to know.
    pub(super) fn tell(self, result: Result<Answer, StoreError>) {
        drop(self.admission);
        let _ = self.answer.send(result);
    }
}

/// What is said to a write that is durable.
#[derive(Default)]
pub(super) struct Answer {
    /// The room's last edit after an append, how many went after a prune, otherwise 0.
    pub(super) number: u64,
    /// After a load: edits that the database may lack.
    pub(super) recent: Option<Recent>,
}

/// What the writer hears.
pub(super) enum Event {
    Job(Box<Job>),
    /// What was going into the database beside the writer is there, or has failed.
    Settled,
    /// Nothing comes behind this.
    Stop,
}

/// What the writer takes at once.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) batch: Vec<Job>,
    pub(super) settled: bool,
    pub(super) stop: bool,
}

impl Turn {
    /// Everything that waits; nothing when nothing has come up to the time `until`.
    pub(super) fn next(events: &Receiver<Event>, until: Option<Instant>) -> Self {
        let first = match until {
            None => events.recv().ok(),
            Some(until) => events.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
        };
        let mut turn = Self::default();
        for event in first.into_iter().chain(events.try_iter()).take(BATCH_MAX) {
            match event {
                Event::Job(job) => turn.batch.push(*job),
                Event::Settled => turn.settled = true,
                Event::Stop => turn.stop = true,
            }
        }
        turn
    }
}
