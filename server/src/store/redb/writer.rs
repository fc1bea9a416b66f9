//! The one thread that writes: it takes everything that waits, makes it durable by one record of the journal or in one
//! transaction, and answers in order.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use bytes::Bytes;
use collab_proto::{Generation, RoomName};
use tokio::sync::{oneshot, watch};

use super::apply::{Stop, Tables};
use super::error::panicked;
use super::journal::Journal;
use super::pending::{Pending, Recent, Write, encode};
use super::{OpenJournal, Shared, StoreError};
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

impl Op {
    /// What the journal would take of it.
    fn as_write(&self) -> Option<&Write> {
        match self {
            Self::Write(write) => Some(write),
            _ => None,
        }
    }
}

/// A write, what it holds of the bound, and who waits for it.
pub(super) struct Job {
    pub(super) op: Op,
    pub(super) admission: Option<Admission>,
    pub(super) answer: oneshot::Sender<Result<Answer, StoreError>>,
}

/// What is said to a write that is durable.
pub(super) struct Answer {
    /// The room's last edit after an append, how many went after a prune, otherwise 0.
    pub(super) number: u64,
    /// After a load: edits that the database may lack.
    pub(super) recent: Option<Recent>,
}

/// The writer.
pub(super) struct Writer {
    shared: Arc<Shared>,
    journal: Journal,
    pending: Pending,
    /// Rooms in which an append failed and that were not loaded since.
    broken: HashSet<RoomName>,
}

/// A batch that is durable.
struct Done {
    answers: Vec<Result<u64, StoreError>>,
    broken: HashSet<RoomName>,
    place: Place,
}

/// Where a batch was written.
enum Place {
    Nowhere,
    Journal,
    /// The database, which now holds everything up to this log entry.
    Database(u64),
}

impl Writer {
    /// The writer of an open database, with what its journal holds and the database does not.
    pub(super) fn open(shared: Arc<Shared>, journal: impl OpenJournal) -> Result<Self, StoreError> {
        let state = shared.files.journal_state()?;
        let file = journal(state.in_use)?;
        let key = shared.files.use_journal(&state)?;
        let (journal, bodies) = Journal::open(file, key, state.seq)?;
        let pending = Pending::recovered(&bodies, &shared.files.read()?)?;
        Ok(Self { shared, journal, pending, broken: HashSet::new() })
    }

    /// Works until nobody can ask any more, then closes the files. The end of `running` tells that they are closed.
    pub(super) fn run(mut self, queue: Receiver<Job>, running: watch::Sender<()>) {
        while let Some(batch) = self.next(&queue) {
            self.commit(batch);
            if self.pending.due().is_some_and(|due| due <= Instant::now()) {
                // Told already; what is pending is durable all the same.
                let _ = self.settle();
            }
        }
        self.end();
        drop(self.journal);
        self.shared.files.close();
        drop(running);
    }

    /// Everything that waits; nothing when it is time to settle.
    fn next(&self, queue: &Receiver<Job>) -> Option<Vec<Job>> {
        let first = match self.pending.due() {
            None => queue.recv().ok()?,
            Some(due) => match queue.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        };
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(BATCH_MAX - 1));
        Some(batch)
    }

    fn commit(&mut self, batch: Vec<Job>) {
        match self.guarded(|writer| writer.write(&batch)) {
            Ok(done) => self.succeed(batch, done),
            Err(error) => self.fail(batch, error),
        }
    }

    /// Brings into the database what is in the journal alone.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        match self.guarded(|writer| writer.write_database(&[], true)) {
            Ok(done) => self.succeed(Vec::new(), done),
            Err(error) => {
                self.fail(Vec::new(), error.clone());
                return Err(error);
            }
        }
        Ok(())
    }

    /// The last commit says that the journal holds nothing more.
    fn end(&mut self) {
        if let Err(error) = self.guarded(|writer| writer.write_database(&[], false)) {
            tracing::error!(%error, "the database was not closed in order; what it lacks is in the journal");
        }
    }

    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
    }

    fn write(&mut self, batch: &[Job]) -> Result<Done, StoreError> {
        match self.write_journal(batch)? {
            Some(done) => Ok(done),
            None => self.write_database(batch, true),
        }
    }

    /// None when the batch is not one for the journal, or does not fit.
    fn write_journal(&mut self, batch: &[Job]) -> Result<Option<Done>, StoreError> {
        if batch.iter().any(|job| !matches!(job.op, Op::Write(_) | Op::Load(_))) {
            return Ok(None);
        }
        self.shared.files.heal();
        let database = self.shared.files.read()?;
        let (mut broken, mut numbering) = (self.broken.clone(), self.pending.numbering(&database));
        let answers = judge(batch, &mut broken, |op| match op {
            Op::Write(Write::Append(append)) => Ok(numbering.number(append)?),
            _ => Ok(0),
        })?;
        let taken = batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        let writes: Vec<_> = taken.filter_map(|(job, _)| job.op.as_write()).collect();
        if writes.is_empty() {
            return Ok(Some(Done { answers, broken, place: Place::Nowhere }));
        }
        let body = encode(&writes)?;
        if !self.journal.takes(body.len()) {
            return Ok(None);
        }
        self.journal.write(&body)?;
        Ok(Some(Done { answers, broken, place: Place::Journal }))
    }

    /// Writes what is pending and a batch. `in_use` says whether the journal may be written to afterwards.
    fn write_database(&mut self, batch: &[Job], in_use: bool) -> Result<Done, StoreError> {
        let mut broken = self.broken.clone();
        let idle = batch.iter().all(|job| matches!(job.op, Op::Load(_) | Op::Settle));
        if idle && in_use && self.pending.is_empty() {
            self.shared.files.heal();
            let answers = judge(batch, &mut broken, |_| Ok(0))?;
            return Ok(Done { answers, broken, place: Place::Nowhere });
        }
        let transaction = self.shared.files.write()?;
        let mut tables = Tables::open(&transaction)?;
        for write in self.pending.writes() {
            tables.write(write).map_err(Stop::unexpected)?;
        }
        let answers = judge(batch, &mut broken, |op| tables.apply(op))?;
        let log_seq = tables.finish(self.journal.last(), in_use)?;
        transaction.commit()?;
        Ok(Done { answers, broken, place: Place::Database(log_seq) })
    }

    fn succeed(&mut self, batch: Vec<Job>, Done { answers, broken, place }: Done) {
        self.broken = broken;
        if let Place::Database(log_seq) = place {
            self.pending = Pending::default();
            self.journal.restart();
            self.raise(log_seq);
        }
        if !batch.is_empty() && !matches!(place, Place::Nowhere) {
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
        }
        for (Job { op, admission, answer }, result) in batch.into_iter().zip(answers) {
            let result = result.map(|number| self.answer(op, number, &place));
            drop(admission);
            // Whoever does not wait any more does not want to know.
            let _ = answer.send(result);
        }
    }

    /// Tells those who follow the log.
    fn raise(&self, log_seq: u64) {
        self.shared.newest.send_if_modified(|newest| std::mem::replace(newest, log_seq) != log_seq);
    }

    fn answer(&mut self, op: Op, number: u64, place: &Place) -> Answer {
        let mut recent = None;
        match (op, place) {
            (Op::Write(write), Place::Journal) => {
                let newest = *self.shared.newest.borrow() + write.entries();
                self.raise(newest);
                self.pending.push(write, number);
            }
            (Op::Load(name), _) => recent = self.pending.recent(&name),
            _ => {}
        }
        Answer { number, recent }
    }

    /// The whole batch fails. The database is opened again, so that the next batch starts from what is durable.
    fn fail(&mut self, batch: Vec<Job>, error: StoreError) {
        tracing::error!(%error, writes = batch.len(), "the store did not commit");
        self.shared.files.reopen();
        self.pending.put_off();
        for Job { op, admission, answer } in batch {
            if let Op::Write(Write::Append(append)) = op {
                self.broken.insert(append.room);
            }
            drop(admission);
            // As above.
            let _ = answer.send(Err(error.clone()));
        }
    }
}

/// The answers to a batch, once it is durable. A refusal is the answer to one write, anything else stops them all.
fn judge(
    batch: &[Job],
    broken: &mut HashSet<RoomName>,
    mut number: impl FnMut(&Op) -> Result<u64, Stop>,
) -> Result<Vec<Result<u64, StoreError>>, StoreError> {
    let judged = batch.iter().map(|job| match check_broken(broken, &job.op).and_then(|()| number(&job.op)) {
        Ok(number) => Ok(Ok(number)),
        Err(Stop::Refused(error)) => Ok(Err(error)),
        Err(Stop::Broken(error)) => Err(error),
    });
    judged.collect()
}

/// Refuses an append behind a failed one. A load, and the end of a room, make up for the failure.
fn check_broken(broken: &mut HashSet<RoomName>, op: &Op) -> Result<(), Stop> {
    match op {
        Op::Write(Write::Append(append)) if broken.contains(&append.room) => Err(Stop::Refused(StoreError::Failed(
            "an earlier edit of this room failed, and the room was not loaded since".into(),
        ))),
        Op::Load(name) | Op::Delete(name, _) => {
            broken.remove(name);
            Ok(())
        }
        _ => Ok(()),
    }
}
