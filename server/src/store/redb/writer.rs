//! The one thread that writes: it takes everything that waits, makes it durable by one record of the journal or in one
//! transaction, and answers in order. What goes into the database later it sends there beside itself.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use collab_proto::RoomName;
use redb::ReadTransaction;
use tokio::sync::watch;

use super::apply::Tables;
use super::error::guarded;
use super::journal::{Journal, Mark};
use super::judge::{Answers, judge};
use super::pending::{Pending, Write, encode};
use super::queue::{Answer, Event, Job, Op, Turn, Way};
use super::settling::{Outcome, Settled, Settlement, Settling};
use super::{OpenJournal, Shared, StoreError, read};

/// The writer.
pub(super) struct Writer {
    shared: Arc<Shared>,
    journal: Journal,
    pending: Pending,
    /// The database as it was at the last commit, or earlier by no more than what is pending. Kept, since beginning to read waits
    /// while a settling makes the file longer.
    view: Option<ReadTransaction>,
    /// What is pending may be on its way into the database.
    settling: Option<Settling>,
    /// What goes with the next settling.
    waiting: Vec<Job>,
    /// Rooms in which an append failed and that were not loaded since.
    broken: HashSet<RoomName>,
}

/// A batch that is durable.
struct Done {
    answers: Answers,
    broken: HashSet<RoomName>,
    place: Place,
}

/// Where a batch was written.
enum Place {
    Nowhere,
    Journal,
    /// The database, which now holds everything up to this mark and this log entry.
    Database(Mark, u64),
}

impl Writer {
    /// The writer of an open database, with what its journal holds and the database does not.
    pub(super) fn open(shared: Arc<Shared>, journal: impl OpenJournal) -> Result<Self, StoreError> {
        let state = shared.files.journal_state()?;
        let file = journal(state.in_use)?;
        let key = shared.files.use_journal(&state)?;
        let (journal, records) = Journal::open(file, key, state.mark)?;
        let pending = Pending::recovered(records, &shared.files.read()?)?;
        let broken = HashSet::new();
        Ok(Self { shared, journal, pending, view: None, settling: None, waiting: Vec::new(), broken })
    }

    /// Works until [`Event::Stop`], then closes the files. The end of `running` tells that they are closed.
    pub(super) fn run(mut self, queue: Sender<Event>, events: Receiver<Event>, running: watch::Sender<()>) {
        loop {
            let Turn { batch, settled, stop } = Turn::next(&events, self.due());
            if settled {
                self.look();
            }
            self.take(batch);
            if stop {
                break;
            }
            if self.due().is_some_and(|due| due <= Instant::now()) {
                self.settle_beside(&queue);
            }
        }
        self.end();
        drop((self.view, self.journal));
        self.shared.files.close();
        drop(running);
    }

    /// When the next settling should begin.
    fn due(&self) -> Option<Instant> {
        match self.settling {
            Some(_) => None,
            None if !self.waiting.is_empty() => Some(Instant::now()),
            None => self.pending.due(self.journal.is_half_full()),
        }
    }

    fn take(&mut self, batch: Vec<Job>) {
        let (beside, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(|job| job.op.way() == Way::Beside);
        self.waiting.extend(beside);
        if !batch.is_empty() {
            self.commit(batch);
        }
    }

    fn commit(&mut self, mut batch: Vec<Job>) {
        if batch.iter().any(|job| job.op.way() == Way::Database) {
            batch.splice(0..0, self.waiting.drain(..));
        }
        match guarded(|| self.write(&batch)) {
            Ok(done) => self.succeed(batch, done),
            Err(error) => self.fail(batch, error),
        }
    }

    /// Brings into the database what is in the journal alone.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        let settled = guarded(|| self.write_database(&[], true));
        settled.map(|done| self.succeed(Vec::new(), done)).inspect_err(|error| self.fail(Vec::new(), error.clone()))
    }

    /// As [`Writer::settle`], together with the jobs that wait for it, while the writer goes on.
    fn settle_beside(&mut self, queue: &Sender<Event>) {
        self.heal();
        let jobs = mem::take(&mut self.waiting);
        if self.pending.is_empty() && jobs.iter().all(|job| matches!(job.op, Op::Settle)) {
            return jobs.into_iter().for_each(|job| job.asker.tell(Ok(Answer::default())));
        }
        self.view = self.view.take().or_else(|| self.shared.files.read().ok());
        match Settling::start(self.shared.clone(), self.settlement(true), jobs, queue.clone()) {
            Ok(settling) => self.settling = Some(settling),
            Err((error, jobs)) => self.fail(jobs, StoreError::Failed(format!("no thread for the database: {error}"))),
        }
    }

    /// Sees what has become of the settling.
    fn look(&mut self) {
        if let Some(outcome) = self.settling.as_ref().and_then(Settling::ended) {
            self.settling = None;
            self.end_settling(outcome);
        }
    }

    /// Waits for the end of the settling. False when there is none.
    fn wait(&mut self) -> bool {
        let outcome = self.settling.take().map(Settling::wait);
        outcome.map(|outcome| self.end_settling(outcome)).is_some()
    }

    fn end_settling(&mut self, Outcome { jobs, settled }: Outcome) {
        match settled {
            Ok(Settled { mark, log_seq, done: answers }) => {
                let (broken, place) = (self.broken.clone(), Place::Database(mark, log_seq));
                self.succeed(jobs, Done { answers, broken, place });
            }
            Err(error) => self.fail(jobs, error),
        }
    }

    /// The last commit says that the journal holds nothing more.
    fn end(&mut self) {
        self.wait();
        let jobs = mem::take(&mut self.waiting);
        match guarded(|| self.write_database(&jobs, false)) {
            Ok(done) => self.succeed(jobs, done),
            Err(error) => {
                tracing::error!(%error, "the database was not closed in order; what it lacks is in the journal");
                jobs.into_iter().for_each(|job| job.asker.tell(Err(error.clone())));
            }
        }
    }

    /// When the journal is full, or not meant for the batch, what is on its way into the database goes ahead.
    fn write(&mut self, batch: &[Job]) -> Result<Done, StoreError> {
        let for_journal = batch.iter().all(|job| job.op.way() == Way::Journal);
        loop {
            if for_journal && let Some(done) = self.write_journal(batch)? {
                return Ok(done);
            }
            if !self.wait() {
                return self.write_database(batch, true);
            }
        }
    }

    /// None when the batch does not fit now.
    fn write_journal(&mut self, batch: &[Job]) -> Result<Option<Done>, StoreError> {
        self.heal();
        let (answers, broken) = match guarded(|| self.number(batch)) {
            // A settling that fails leaves a database that refuses reads, or panics, until it is opened again.
            Err(_) if self.wait() => self.number(batch)?,
            numbered => numbered?,
        };
        let taken = batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        let writes: Vec<_> = taken.filter_map(|(job, _)| job.op.as_write()).collect();
        if writes.is_empty() {
            return Ok(Some(Done { answers, broken, place: Place::Nowhere }));
        }
        let body = encode(&writes)?;
        let Some(place) = self.journal.place(body.len()) else { return Ok(None) };
        self.journal.write(place, &body)?;
        Ok(Some(Done { answers, broken, place: Place::Journal }))
    }

    fn number(&mut self, batch: &[Job]) -> Result<(Answers, HashSet<RoomName>), StoreError> {
        let view = self.view.take().map_or_else(|| self.shared.files.read(), Ok)?;
        let (mut broken, mut numbering) = (self.broken.clone(), self.pending.numbering(&view));
        let answers = judge(batch, &mut broken, |op| match op {
            Op::Write(Write::Append(append)) => Ok(numbering.number(append)?),
            _ => Ok(0),
        })?;
        self.view = Some(view);
        Ok((answers, broken))
    }

    /// Writes what is pending and a batch. `in_use` says whether the journal may be written to afterwards.
    fn write_database(&mut self, batch: &[Job], in_use: bool) -> Result<Done, StoreError> {
        self.heal();
        let mut broken = self.broken.clone();
        if batch.is_empty() && in_use && self.pending.is_empty() {
            return Ok(Done { answers: Vec::new(), broken, place: Place::Nowhere });
        }
        let mut settlement = self.settlement(in_use);
        if batch.iter().any(|job| job.op.way() != Way::Beside) {
            settlement.mark = settlement.mark.skip();
        }
        let judged = |tables: &mut Tables<'_>| judge(batch, &mut broken, |op| tables.apply(op));
        let Settled { mark, log_seq, done: answers } = settlement.commit(&self.shared.files, judged)?;
        Ok(Done { answers, broken, place: Place::Database(mark, log_seq) })
    }

    /// Everything that the database lacks.
    fn settlement(&mut self, in_use: bool) -> Settlement {
        Settlement { writes: self.pending.on_its_way(), mark: self.journal.end(), in_use }
    }

    fn succeed(&mut self, batch: Vec<Job>, Done { answers, broken, place }: Done) {
        self.broken = broken;
        if let Place::Database(mark, log_seq) = place {
            self.settled(mark, log_seq);
        }
        if !batch.is_empty() && !matches!(place, Place::Nowhere) {
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
        }
        for (Job { op, asker }, result) in batch.into_iter().zip(answers) {
            asker.tell(result.map(|number| self.answer(op, number, &place)));
        }
    }

    /// The database holds everything up to this mark and this log entry.
    fn settled(&mut self, mark: Mark, log_seq: u64) {
        self.view = None;
        self.pending.settled(mark.number);
        self.journal.settled(mark);
        self.raise(log_seq + self.pending.entries());
    }

    /// Tells those who follow the log.
    fn raise(&self, log_seq: u64) {
        self.shared.newest.send_if_modified(|newest| mem::replace(newest, log_seq) != log_seq);
    }

    fn answer(&mut self, op: Op, number: u64, place: &Place) -> Answer {
        let mut recent = None;
        match (op, place) {
            (Op::Write(write), Place::Journal) => {
                let newest = *self.shared.newest.borrow() + write.entries();
                self.raise(newest);
                self.pending.push(self.journal.end().number, write, number);
            }
            (Op::Load(name), _) => recent = self.pending.recent(&name),
            _ => {}
        }
        Answer { number, recent }
    }

    /// The whole batch fails. The database is opened again, so that the next batch starts from what is durable.
    fn fail(&mut self, batch: Vec<Job>, error: StoreError) {
        tracing::error!(%error, writes = batch.len(), "the store did not commit");
        self.wait();
        self.reopen();
        for Job { op, asker } in batch {
            if let Op::Write(Write::Append(append)) = op {
                self.broken.insert(append.room);
            }
            asker.tell(Err(error.clone()));
        }
    }

    /// Opens the database again if it had failed.
    fn heal(&mut self) {
        if self.shared.files.is_failed() {
            self.reopen();
        }
    }

    /// Opens the database again. It may hold what it did not confirm.
    fn reopen(&mut self) {
        self.view = None;
        self.shared.files.reopen();
        match guarded(|| Ok((self.shared.files.journal_state()?.mark, read::newest(&self.shared.files.read()?)?))) {
            Ok((mark, log_seq)) => self.settled(mark, log_seq),
            Err(error) => tracing::error!(%error, "the database could not be opened again"),
        }
        self.pending.put_off();
    }
}
