//! The store of one server: an embedded database, written by one thread.
//!
//! The road of a write: [`RedbStore`] puts it in a queue; `writer` takes everything that waits and makes it durable at once.
//! Edits and log entries become so by one record in the `journal`, and are `pending` until they go into the database
//! together, a moment later, by a `settling` on a thread of its own: who writes meanwhile does not wait for it. Snapshots go with
//! it; rooms are made, changed and deleted in the database directly, behind what is pending. `apply` says what each write does
//! to the `tables`. One write to the disk serves everybody who waited, so the throughput grows with the load. Reads run beside the
//! writer.
//!
//! `dump` and `refill` are the two ends of a backup, `check` looks at every record of a store that nobody uses.
//!
//! When a commit fails (the disk is full, say), everything in its batch fails; the database is closed, opened again,
//! checked and synced, and the next batch is tried as if nothing had been. While it cannot be opened, reads and writes fail, and each
//! later batch tries again.

mod tables;

mod files;

mod error;

mod apply;

mod journal;

mod pending;

mod queue;

mod judge;

mod settling;

mod writer;

mod read;

mod dump;

mod refill;

mod check;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bytes::Bytes;
use collab_proto::api::{LogPage, LogQuery};
use collab_proto::{Durability, Generation, RoomName};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use redb::{ReadTransaction, StorageBackend};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use self::apply::PRUNE_STEP;
pub use self::check::Findings;
use self::error::panicked;
use self::files::{Files, Open};
use self::pending::Write;
use self::queue::{Answer, Asker, Event, Job, Op};
pub use self::refill::RestoreError;
use self::writer::Writer;
use super::backup::{Pieces, Reader, Summary};
use super::gate::Gate;
use super::{Admission, Append, Durable, RoomRecord, Store, StoreError, StoredRoom};
use crate::audit::NewEntry;
use crate::priority::{WRITING, give_way};

/// The extension of the journal's file.
const JOURNAL: &str = "journal";

/// How many log entries outside of edits may wait for the disk.
const WAITING_ENTRIES: u32 = 16_384;

/// Rooms, texts and the log in one file, by redb, with a journal beside it.
pub struct RedbStore {
    shared: Arc<Shared>,
    /// None once closed.
    queue: Mutex<Option<Sender<Event>>>,
    /// Ends when the files are closed.
    running: watch::Receiver<()>,
    writer: Mutex<Option<JoinHandle<()>>>,
    gate: Gate,
    entries: Semaphore,
}

/// What the writer and the readers share.
struct Shared {
    files: Files,
    newest: watch::Sender<u64>,
    commits: AtomicU64,
}

impl RedbStore {
    /// Opens the store in the file `path`, and makes it if there is none; the directory must be there. Its journal lies beside it,
    /// with the extension `journal`.
    ///
    /// It reads the whole file once to check it, so it may take seconds, and blocks. Errors: [`StoreError::InUse`],
    /// [`StoreError::NewerSchema`], [`StoreError::OlderJournal`], [`StoreError::Damaged`], and [`StoreError::Failed`] when the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        files::ensure(&path)?;
        let journal = path.with_extension(JOURNAL);
        Self::start(Box::new(move |occasion| files::open(&path, occasion)), |in_use| journal::file(&journal, in_use))
    }

    /// Looks at every record in the file `path`, which no store may have open: whether it can be read, and whether `text` takes
    /// each room. Checks every page first, and blocks, for as long as it takes to read the file twice.
    ///
    /// Errors are as from [`RedbStore::open`]; what is wrong with single records is among the findings.
    pub fn check(path: &Path, text: impl FnMut(&StoredRoom) -> Result<u64, String>) -> Result<Findings, StoreError> {
        check::check(path, text)
    }

    /// Makes a new store in the file `path` from a backup. Every room gets a generation from `generation`, and `entry` becomes
    /// the log's newest. The file appears when it is whole.
    pub fn restore(
        path: &Path,
        backup: Reader<impl Read>,
        generation: impl FnMut() -> Result<Generation, StoreError>,
        entry: NewEntry,
    ) -> Result<Summary, RestoreError> {
        refill::refill(path, backup, generation, entry)
    }

    fn start(open: Open, journal: impl OpenJournal) -> Result<Self, StoreError> {
        let shared = Shared::new(Files::new(open)?)?;
        let mut writer = Writer::open(shared.clone(), journal)?;
        if let Err(error) = writer.settle() {
            tracing::warn!(%error, "the database does not take what the journal holds; the log does not show it yet");
        }
        let (queue, events) = channel();
        let sender = queue.clone();
        let (ending, running) = watch::channel(());
        let writer = std::thread::Builder::new().name("store".into()).spawn(move || {
            give_way(WRITING);
            writer.run(sender, events, ending)
        });
        Ok(Self {
            shared,
            queue: Mutex::new(Some(queue)),
            running,
            writer: Mutex::new(Some(writer.map_err(|e| StoreError::Failed(e.to_string()))?)),
            gate: Gate::new(),
            entries: Semaphore::new(WAITING_ENTRIES as usize),
        })
    }

    /// How many times something that somebody waited for became durable since the store was opened.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// Takes a place in the queue now. The future waits for the answer.
    fn submit(&self, op: Op, admission: Option<Admission>) -> BoxFuture<'static, Result<Answer, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let job = Job { op, asker: Asker { admission, answer } };
        let sent = match &*self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(queue) => queue.send(Event::Job(Box::new(job))).map_err(|_| writer_stopped()),
            None => Err(StoreError::Closed),
        };
        match sent {
            Ok(()) => answered.map(|answer| answer.unwrap_or_else(|_| Err(writer_stopped()))).boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    async fn write(&self, op: Op) -> Result<(), StoreError> {
        self.submit(op, None).await.map(drop)
    }

    /// Reads on a thread that may block: a page that is not in memory is read from the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || read(&shared.files.read()?)).await;
        done.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => Err(panicked(panic.as_ref())),
            Err(_) => Err(StoreError::Closed),
        })
    }

    fn stop(&self) {
        self.gate.close();
        self.entries.close();
        if let Some(queue) = self.queue.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A writer that has stopped needs no telling.
            let _ = queue.send(Event::Stop);
        }
    }
}

/// Opens the journal's file. It must be there when it may hold what the database lacks.
trait OpenJournal: FnOnce(bool) -> Result<Box<dyn StorageBackend>, StoreError> {}

impl<F: FnOnce(bool) -> Result<Box<dyn StorageBackend>, StoreError>> OpenJournal for F {}

impl Shared {
    fn new(files: Files) -> Result<Arc<Self>, StoreError> {
        let newest = read::newest(&files.read()?)?;
        Ok(Arc::new(Self { files, newest: watch::Sender::new(newest), commits: AtomicU64::new(0) }))
    }
}

fn writer_stopped() -> StoreError {
    StoreError::Failed("its writer has stopped".into())
}

#[async_trait]
impl Store for RedbStore {
    async fn admit(&self, bytes: usize) -> Result<Admission, StoreError> {
        self.gate.admit(bytes).await
    }

    async fn create_room(&self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError> {
        self.write(Op::Create(record, entry)).await
    }

    async fn update_room(&self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError> {
        self.write(Op::Update(record, entry)).await
    }

    async fn delete_room(&self, name: &RoomName, entry: NewEntry) -> Result<(), StoreError> {
        self.write(Op::Delete(name.clone(), entry)).await
    }

    async fn room(&self, name: &RoomName) -> Result<Option<RoomRecord>, StoreError> {
        let name = name.clone();
        self.read(move |transaction| read::room(transaction, &name)).await
    }

    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        self.read(read::rooms).await
    }

    async fn load(&self, name: &RoomName) -> Result<Option<StoredRoom>, StoreError> {
        let name = name.clone();
        let recent = self.submit(Op::Load(name.clone()), None).await?.recent;
        let mut room = self.read(move |transaction| read::load(transaction, &name)).await?;
        if let (Some(room), Some(recent)) = (&mut room, recent) {
            recent.complete(room)?;
        }
        Ok(room)
    }

    fn append(&self, admission: Admission, append: Append) -> BoxFuture<'static, Result<Durable, StoreError>> {
        let durable = |Answer { number: seq, .. }| Durable { durability: Durability::Disk, seq };
        self.submit(Op::Write(Write::Append(append)), Some(admission)).map(move |answer| answer.map(durable)).boxed()
    }

    async fn compact(
        &self,
        name: &RoomName,
        generation: Generation,
        snapshot: Bytes,
        seq: u64,
    ) -> Result<(), StoreError> {
        self.write(Op::Compact { name: name.clone(), generation, snapshot, seq }).await
    }

    async fn log(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        let cost = u32::try_from(entries.len()).unwrap_or(u32::MAX).min(WAITING_ENTRIES);
        let _place = self.entries.acquire_many(cost).await.map_err(|_| StoreError::Closed)?;
        self.write(Op::Write(Write::Log(entries))).await
    }

    async fn logs(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let query = query.clone();
        // While the database takes nothing, the log shows what it held before.
        let _ = self.write(Op::Settle).await;
        self.read(move |transaction| read::logs(transaction, &query)).await
    }

    fn watch_log(&self) -> watch::Receiver<u64> {
        self.shared.newest.subscribe()
    }

    async fn prune_log(&self, before_ms: u64, keep: u64) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let step = self.submit(Op::Prune { before_ms, keep }, None).await?.number;
            gone += step;
            if step < PRUNE_STEP {
                return Ok(gone);
            }
        }
    }

    async fn backup(&self, pieces: mpsc::Sender<Bytes>) -> Result<Summary, StoreError> {
        self.write(Op::Settle).await?;
        self.read(move |transaction| dump::dump(transaction, Pieces::new(pieces))).await
    }

    async fn close(&self) {
        self.stop();
        // Nothing is ever sent: this ends when the writer has dropped its end.
        let _ = self.running.clone().changed().await;
    }
}

impl Drop for RedbStore {
    /// Waits for the last commit, so that whoever opens the file next finds it free.
    fn drop(&mut self) {
        self.stop();
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }
}
