//! Bringing into the database what is pending, in one transaction: beside the writer, which goes on with the journal meanwhile,
//! or by the writer itself.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::apply::{Stop, Tables};
use super::error::guarded;
use super::files::Files;
use super::journal::Mark;
use super::judge::{Answers, judge};
use super::pending::Write;
use super::queue::{Event, Job};
use super::{Shared, StoreError};

/// What goes into the database.
pub(super) struct Settlement {
    /// What the journal holds up to the mark, and the database does not.
    pub(super) writes: Vec<Arc<Write>>,
    /// Where the journal goes on.
    pub(super) mark: Mark,
    /// Whether it does.
    pub(super) in_use: bool,
}

/// What went into the database.
pub(super) struct Settled<T> {
    /// Where the journal goes on.
    pub(super) mark: Mark,
    /// The newest log entry that the database holds.
    pub(super) log_seq: u64,
    /// What was done besides.
    pub(super) done: T,
}

impl Settlement {
    /// Brings it there, and does `more` behind it. All of it is durable when this returns, or none of it, or nobody knows.
    pub(super) fn commit<T>(
        self,
        files: &Files,
        more: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError>,
    ) -> Result<Settled<T>, StoreError> {
        let transaction = files.write()?;
        let mut tables = Tables::open(&transaction)?;
        for write in &self.writes {
            tables.write(write).map_err(Stop::unexpected)?;
        }
        let done = more(&mut tables)?;
        let log_seq = tables.finish(self.mark, self.in_use)?;
        transaction.commit()?;
        Ok(Settled { mark: self.mark, log_seq, done })
    }
}

/// What became of a settling.
pub(super) struct Outcome {
    pub(super) jobs: Vec<Job>,
    pub(super) settled: Result<Settled<Answers>, StoreError>,
}

/// A settlement on its way, on a thread of its own.
pub(super) struct Settling(Receiver<Outcome>);

impl Settling {
    /// Sends a settlement on its way with jobs behind it. [`Event::Settled`] tells of its end. The thread gives way to others as the one
    /// that starts it does. Without a thread the jobs come back.
    pub(super) fn start(
        shared: Arc<Shared>,
        settlement: Settlement,
        jobs: Vec<Job>,
        events: Sender<Event>,
    ) -> Result<Self, (io::Error, Vec<Job>)> {
        let (ended, outcome) = channel();
        let (give, given) = channel::<Vec<Job>>();
        let thread = thread::Builder::new().name("settling".into()).spawn(move || {
            let Ok(jobs) = given.recv() else { return };
            let settled = guarded(|| {
                // None of the jobs is an append.
                settlement.commit(&shared.files, |tables| judge(&jobs, &mut HashSet::new(), |op| tables.apply(op)))
            });
            drop(shared);
            // The writer holds both ends, unless it has panicked.
            let _ = ended.send(Outcome { jobs, settled });
            let _ = events.send(Event::Settled);
        });
        match thread {
            Ok(_) => {
                // The thread waits for them.
                let _ = give.send(jobs);
                Ok(Self(outcome))
            }
            Err(error) => Err((error, jobs)),
        }
    }

    /// What became of it, if it has ended.
    pub(super) fn ended(&self) -> Option<Outcome> {
        self.0.try_recv().ok()
    }

    /// Waits for its end.
    pub(super) fn wait(self) -> Outcome {
        let gone = || Outcome { jobs: Vec::new(), settled: Err(StoreError::Failed("a thread is gone".into())) };
        self.0.recv().unwrap_or_else(|_| gone())
    }
}
