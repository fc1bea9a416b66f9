//! A disk that holds a sync back, or fails, or panics, when told to.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use redb::backends::FileBackend;
use redb::{Builder, StorageBackend};

use super::*;

/// The handle on the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    pub(super) journal: Part,
    pub(super) database: Part,
    gone: Arc<AtomicBool>,
}

/// The handle on what one of the files stands on.
#[derive(Debug, Clone, Default)]
pub(super) struct Part(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    full: AtomicBool,
    growth_panics: AtomicBool,
    gate: Mutex<Gate>,
    turn: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    shut: bool,
    waiting: bool,
    /// How many syncs may pass though it is shut.
    passes: u32,
    /// The next sync is not one of a commit, but makes the file longer: nobody can begin to read meanwhile.
    grows: bool,
    /// What becomes of the syncs to come.
    fates: VecDeque<Fate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Good,
    Fails,
    Panics,
}

impl Disk {
    /// Opens the store at `path`, which is there, on this disk.
    pub(super) fn open(&self, path: &Path) -> RedbStore {
        let (disk, path) = (self.clone(), path.to_owned());
        drop(RedbStore::open(&path).expect("a new store"));
        let journal = self.journal.backend(&path.with_extension(JOURNAL));
        RedbStore::start(Box::new(move |_| disk.database(&path)), |_| Ok(Box::new(journal))).expect("a store")
    }

    fn database(&self, path: &Path) -> Result<::redb::Database, StoreError> {
        if self.gone.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("the disk is gone".into()));
        }
        Ok(Builder::new().create_with_backend(self.database.backend(path))?)
    }

    /// Whether writes and syncs fail.
    pub(super) fn set_full(&self, full: bool) {
        self.journal.set_full(full);
        self.database.set_full(full);
    }

    /// Whether the database cannot be opened again.
    pub(super) fn set_gone(&self, gone: bool) {
        self.gone.store(gone, Ordering::SeqCst);
    }
}

impl Part {
    fn backend(&self, path: &Path) -> Backend {
        let file = OpenOptions::new().read(true).write(true).open(path).expect("a file");
        Backend { file: FileBackend::new(file).expect("a free file"), disk: self.clone() }
    }

    /// Whether writes and syncs fail.
    pub(super) fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::SeqCst);
    }

    /// The next time that the file is made longer, which a database does with its locks held, is a panic.
    pub(super) fn panic_at_growth(&self) {
        self.0.growth_panics.store(true, Ordering::SeqCst);
    }

    /// What becomes of the next commits' syncs.
    pub(super) fn next_syncs(&self, fates: &[Fate]) {
        self.gate().fates = fates.iter().copied().collect();
    }

    /// Whether everything that was to become of it has.
    pub(super) fn had_its_fates(&self) -> bool {
        self.gate().fates.is_empty() && !self.0.growth_panics.load(Ordering::SeqCst)
    }

    /// From now on a commit's sync waits.
    pub(super) fn shut(&self) {
        self.gate().shut = true;
    }

    /// Waits until a sync waits.
    pub(super) fn until_waiting(&self) {
        drop(self.0.turn.wait_while(self.gate(), |gate| !gate.waiting).expect("the gate"));
    }

    /// Lets the sync that waits pass, and waits until the next one waits.
    pub(super) fn step(&self) {
        let mut gate = self.gate();
        (gate.passes, gate.waiting) = (1, false);
        self.0.turn.notify_all();
        drop(gate);
        self.until_waiting();
    }

    /// Lets syncs pass again.
    pub(super) fn release(&self) {
        self.gate().shut = false;
        self.0.turn.notify_all();
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.0.gate.lock().expect("the gate")
    }

    fn pass(&self) -> io::Result<()> {
        if self.0.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn pass_gate(&self) -> io::Result<()> {
        let mut gate = self.gate();
        if std::mem::take(&mut gate.grows) {
            drop(gate);
            return self.pass();
        }
        gate.waiting = true;
        self.0.turn.notify_all();
        gate = self.0.turn.wait_while(gate, |gate| gate.shut && gate.passes == 0).expect("the gate");
        (gate.waiting, gate.passes) = (false, 0);
        let fate = gate.fates.pop_front();
        drop(gate);
        match fate {
            Some(Fate::Fails) => Err(io::Error::other("told to")),
            Some(Fate::Panics) => panic!("told to"),
            Some(Fate::Good) | None => self.pass(),
        }
    }
}

#[derive(Debug)]
struct Backend {
    file: FileBackend,
    disk: Part,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.pass()?;
        let grows = len > self.file.len()?;
        assert!(!(grows && self.disk.0.growth_panics.swap(false, Ordering::SeqCst)), "told to");
        self.disk.gate().grows = grows;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.pass_gate()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.pass()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}
