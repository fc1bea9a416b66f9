//! A disk that holds a sync back, or fails, when told to.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use redb::backends::FileBackend;
use redb::{Builder, StorageBackend};

use super::*;

/// The handle on the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    full: AtomicBool,
    gone: AtomicBool,
    gate: Mutex<Gate>,
    turn: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    shut: bool,
    waiting: bool,
}

impl Disk {
    /// Opens the store at `path`, which is there, on this disk.
    pub(super) fn open(&self, path: &Path) -> RedbStore {
        let (disk, path) = (self.clone(), path.to_owned());
        drop(RedbStore::open(&path).expect("a new store"));
        let journal = self.backend(&path.with_extension(JOURNAL));
        RedbStore::start(Box::new(move |_| disk.database(&path)), |_| Ok(Box::new(journal))).expect("a store")
    }

    fn database(&self, path: &Path) -> Result<::redb::Database, StoreError> {
        if self.0.gone.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("the disk is gone".into()));
        }
        Ok(Builder::new().create_with_backend(self.backend(path))?)
    }

    fn backend(&self, path: &Path) -> Backend {
        let file = OpenOptions::new().read(true).write(true).open(path).expect("a file");
        Backend { file: FileBackend::new(file).expect("a free file"), disk: self.clone() }
    }

    /// Whether writes and syncs fail.
    pub(super) fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::SeqCst);
    }

    /// Whether the file cannot be opened again.
    pub(super) fn set_gone(&self, gone: bool) {
        self.0.gone.store(gone, Ordering::SeqCst);
    }

    /// From now on a sync waits.
    pub(super) fn shut(&self) {
        self.0.gate.lock().expect("the gate").shut = true;
    }

    /// Waits until a sync waits.
    pub(super) fn until_waiting(&self) {
        let gate = self.0.gate.lock().expect("the gate");
        drop(self.0.turn.wait_while(gate, |gate| !gate.waiting).expect("the gate"));
    }

    /// Lets syncs pass again.
    pub(super) fn release(&self) {
        self.0.gate.lock().expect("the gate").shut = false;
        self.0.turn.notify_all();
    }

    fn pass(&self) -> io::Result<()> {
        if self.0.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn pass_gate(&self) -> io::Result<()> {
        let mut gate = self.0.gate.lock().expect("the gate");
        gate.waiting = true;
        self.0.turn.notify_all();
        gate = self.0.turn.wait_while(gate, |gate| gate.shut).expect("the gate");
        gate.waiting = false;
        drop(gate);
        self.pass()
    }
}

#[derive(Debug)]
struct Backend {
    file: FileBackend,
    disk: Disk,
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
