//! The one thread that writes: it takes everything that waits, writes it in one transaction, and answers in order.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use bytes::Bytes;
use collab_proto::{Generation, RoomName};
use tokio::sync::{oneshot, watch};

use super::apply::{Stop, Tables};
use super::error::panicked;
use super::{Shared, StoreError};
use crate::audit::NewEntry;
use crate::store::{Admission, Append, RoomRecord};

/// How many writes one transaction takes at most, so that the first of them does not wait long for the last.
pub(super) const BATCH_MAX: usize = 4_096;

/// What is asked of the writer.
pub(super) enum Op {
    Create(RoomRecord, NewEntry),
    Update(RoomRecord, NewEntry),
    Delete(RoomName, NewEntry),
    Append(Append),
    Compact {
        name: RoomName,
        generation: Generation,
        snapshot: Bytes,
        seq: u64,
    },
    Log(Vec<NewEntry>),
    Prune {
        before_ms: u64,
        keep: u64,
    },
    /// Writes nothing: answered when everything before it is durable, it lets the room be appended to again.
    Load(RoomName),
}

/// A write, what it holds of the bound, and who waits for it.
pub(super) struct Job {
    pub(super) op: Op,
    pub(super) admission: Option<Admission>,
    pub(super) answer: oneshot::Sender<Result<u64, StoreError>>,
}

/// The writer.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// Rooms in which an append failed and that were not loaded since.
    broken: HashSet<RoomName>,
    /// Its end tells that the files are closed.
    _running: watch::Sender<()>,
}

/// A batch that is durable.
struct Done {
    answers: Vec<Result<u64, StoreError>>,
    broken: HashSet<RoomName>,
    log_seq: Option<u64>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, running: watch::Sender<()>) -> Self {
        Self { shared, broken: HashSet::new(), _running: running }
    }

    /// Works until nobody can ask any more, then closes the files.
    pub(super) fn run(mut self, queue: Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH_MAX - 1));
            self.commit(batch);
        }
        self.shared.files.close();
    }

    fn commit(&mut self, batch: Vec<Job>) {
        let done = catch_unwind(AssertUnwindSafe(|| self.write(&batch)));
        match done.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))) {
            Ok(done) => self.succeed(batch, done),
            Err(error) => self.fail(batch, error),
        }
    }

    fn write(&self, batch: &[Job]) -> Result<Done, StoreError> {
        let mut broken = self.broken.clone();
        let transaction = self.shared.files.write()?;
        let mut tables = Tables::open(&transaction)?;
        let mut answers = Vec::with_capacity(batch.len());
        for Job { op, .. } in batch {
            answers.push(match check_broken(&mut broken, op).and_then(|()| tables.apply(op)) {
                Ok(number) => Ok(number),
                Err(Stop::Refused(error)) => Err(error),
                Err(Stop::Broken(error)) => return Err(error),
            });
        }
        let mut log_seq = None;
        if batch.iter().any(|job| !matches!(job.op, Op::Load(_))) {
            log_seq = Some(tables.finish()?);
            transaction.commit()?;
        }
        Ok(Done { answers, broken, log_seq })
    }

    fn succeed(&mut self, batch: Vec<Job>, done: Done) {
        self.broken = done.broken;
        if let Some(log_seq) = done.log_seq {
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
            self.shared.newest.send_if_modified(|newest| std::mem::replace(newest, log_seq) != log_seq);
        }
        for (job, answer) in batch.into_iter().zip(done.answers) {
            job.reply(answer);
        }
    }

    /// The whole batch fails. The database is opened again, so that the next batch starts from what is durable.
    fn fail(&mut self, batch: Vec<Job>, error: StoreError) {
        tracing::error!(%error, writes = batch.len(), "the store did not commit");
        self.shared.files.reopen();
        for job in batch {
            if let Op::Append(append) = &job.op {
                self.broken.insert(append.room.clone());
            }
            job.reply(Err(error.clone()));
        }
    }
}

impl Job {
    fn reply(self, answer: Result<u64, StoreError>) {
        drop(self.admission);
        // Whoever does not wait any more does not want to know.
        let _ = self.answer.send(answer);
    }
}

/// Refuses an append behind a failed one. A load, and the end of a room, make up for the failure.
fn check_broken(broken: &mut HashSet<RoomName>, op: &Op) -> Result<(), Stop> {
    match op {
        Op::Append(append) if broken.contains(&append.room) => Err(Stop::Refused(StoreError::Failed(
            "an earlier edit of this room failed, and the room was not loaded since".into(),
        ))),
        Op::Load(name) | Op::Delete(name, _) => {
            broken.remove(name);
            Ok(())
        }
        _ => Ok(()),
    }
}
