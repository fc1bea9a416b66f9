//! The database file: made, opened, opened again after a failure, closed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{Builder, Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::StoreError;
use super::check::free_bytes;
use super::error::guarded;
use super::journal::Mark;
use super::tables::{
    LOG, LOG_BY_ROOM, META, META_JOURNAL_AT, META_JOURNAL_IN_USE, META_JOURNAL_KEY, META_JOURNAL_SEQ, META_LOG_SEQ,
    META_SCHEMA, OLDEST_SCHEMA, RING_SCHEMA, ROOMS, SCHEMA, SNAPSHOTS, UPDATES,
};

/// Memory for pages of the file, in bytes. redb's default of 1 GiB is more than the whole server should take.
const CACHE_BYTES: usize = 32 << 20;

/// How much of the file is written again at a time, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// A smaller file is never compacted, in bytes: there is nothing to gain.
const SHRINK_BYTES: u64 = 16 << 20;

/// Opens the database, for the first time or again.
pub(super) type Open = Box<dyn Fn(Occasion) -> Result<Database, StoreError> + Send + Sync>;

/// Why the database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The store starts.
    Start,
    /// It failed, and redb refuses all work after a failure.
    Failure,
    /// Somebody looks at it; it stays as it is.
    Check,
}

/// The database as the writer and the readers share it.
pub(super) struct Files {
    open: Open,
    state: RwLock<State>,
}

/// What the database knows of its journal.
pub(super) struct JournalState {
    /// Behind the last record whose content it holds.
    pub(super) mark: Mark,
    /// Whether there may be more.
    pub(super) in_use: bool,
    key: Option<u64>,
}

enum State {
    Open(Database),
    Failed(StoreError),
    Closed,
}

impl Files {
    /// Opens the database for the first time.
    pub(super) fn new(open: Open) -> Result<Self, StoreError> {
        let database = open(Occasion::Start)?;
        Ok(Self { open, state: RwLock::new(State::Open(database)) })
    }

    /// What is durable now.
    pub(super) fn read(&self) -> Result<ReadTransaction, StoreError> {
        Ok(self.state().get()?.begin_read()?)
    }

    /// A transaction whose commit is durable when it returns.
    pub(super) fn write(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.state().get()?.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        // Otherwise a crash, and damage to the last commit's pages, would bring back the commit before it without a word.
        transaction.set_two_phase_commit(true);
        Ok(transaction)
    }

    /// What the database knows of its journal.
    pub(super) fn journal_state(&self) -> Result<JournalState, StoreError> {
        let meta = self.read()?.open_table(META)?;
        let number = |key| meta.get(key).map(|found| found.map(|number| number.value()));
        let at = number(META_JOURNAL_AT)?.unwrap_or(0);
        Ok(JournalState {
            mark: Mark { number: number(META_JOURNAL_SEQ)?.unwrap_or(0), at: at as usize },
            in_use: number(META_JOURNAL_IN_USE)? == Some(1),
            key: number(META_JOURNAL_KEY)?,
        })
    }

    /// Notes that the journal may hold more from now on, and gives the key of its records: drawn once, so that nobody outside can
    /// make one.
    pub(super) fn use_journal(&self, state: &JournalState) -> Result<u64, StoreError> {
        if let (Some(key), true) = (state.key, state.in_use) {
            return Ok(key);
        }
        let drawn = || getrandom::u64().map_err(|e| StoreError::Failed(format!("no random numbers: {e}")));
        let key = state.key.map_or_else(drawn, Ok)?;
        let transaction = self.write()?;
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_JOURNAL_KEY, key)?;
        meta.insert(META_JOURNAL_IN_USE, 1)?;
        drop(meta);
        transaction.commit()?;
        Ok(key)
    }

    /// Whether the database could not be opened again.
    pub(super) fn is_failed(&self) -> bool {
        matches!(*self.state(), State::Failed(_))
    }

    /// Closes the database and opens it again, back to what is durable. No transaction may be under way that writes.
    pub(super) fn reopen(&self) {
        let mut state = self.state_mut();
        // The file is locked until the old database is gone.
        state.shut();
        *state = (self.open)(Occasion::Failure).map_or_else(State::Failed, State::Open);
    }

    /// Closes the database for good.
    pub(super) fn close(&self) {
        self.state_mut().shut();
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn get(&self) -> Result<&Database, StoreError> {
        match self {
            Self::Open(database) => Ok(database),
            Self::Failed(error) => Err(error.clone()),
            Self::Closed => Err(StoreError::Closed),
        }
    }

    /// A database that has panicked may do so again when it closes.
    fn shut(&mut self) {
        let before = mem::replace(self, Self::Closed);
        let _ = guarded(|| {
            drop(before);
            Ok(())
        });
    }
}

/// Makes the store at `path` if there is none.
pub(super) fn ensure(path: &Path) -> Result<(), StoreError> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => create(path, |_| Ok(())),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Opens the store at `path`. The checksum of every page is checked, so that damage is found now and not in the middle of
/// the work; that reads the whole file once.
pub(super) fn open(path: &Path, occasion: Occasion) -> Result<Database, StoreError> {
    let database = guarded(|| open_checked(path))?;
    match occasion {
        Occasion::Start => guarded(|| {
            upgrade(&database)?;
            shrink(path, database)
        }),
        Occasion::Failure => write_again(path).map(|()| database).map_err(|e| failed(path, &e)),
        Occasion::Check => Ok(database),
    }
}

fn open_checked(path: &Path) -> Result<Database, StoreError> {
    let mut builder = builder();
    builder.set_check_integrity_on_open(true);
    let database = builder.open(path)?;
    check_schema(&database)?;
    Ok(database)
}

/// Gives back what is free when it is much. A failure (the disk is full, say) is no reason not to start: what was committed is
/// not touched.
fn shrink(path: &Path, mut database: Database) -> Result<Database, StoreError> {
    let before = len(path)?;
    if before < SHRINK_BYTES || free_bytes(database.begin_write()?, before)? < before / 2 {
        return Ok(database);
    }
    match database.compact() {
        Ok(_) => {
            tracing::info!(before, after = len(path)?, "the database gave back free space");
            Ok(database)
        }
        Err(error) => {
            tracing::warn!(%error, "the database could not give back free space");
            drop(database);
            guarded(|| open_checked(path))
        }
    }
}

/// The length of the file, in bytes.
pub(super) fn len(path: &Path) -> Result<u64, StoreError> {
    fs::metadata(path).map(|metadata| metadata.len()).map_err(|e| failed(path, &e))
}

/// Writes every byte of the file over itself and syncs. After a sync that failed, the kernel takes what it could not write
/// for written, and no later sync would bring it to the disk. Whoever calls holds the database open, and idle.
fn write_again(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return file.sync_all();
        }
        file.seek_relative(-(read as i64))?;
        file.write_all(&piece[..read])?;
    }
}

/// Makes a new store beside `path`, lets `fill` write to it, and moves it there when it is whole: a crash on the way leaves no
/// store rather than half of one, and an empty or cut file at `path` is damage rather than a new store.
pub(super) fn create<T, E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&Database) -> Result<T, E>,
) -> Result<T, E> {
    let draft = draft(path);
    let _ = fs::remove_file(&draft);
    let filled = create_draft(&draft).map_err(E::from).and_then(|database| fill(&database));
    let moved = filled.and_then(|done| {
        fs::rename(&draft, path).and_then(|()| sync_directory(path)).map_err(|e| failed(path, &e))?;
        Ok(done)
    });
    if moved.is_err() {
        let _ = fs::remove_file(&draft);
    }
    moved
}

fn create_draft(draft: &Path) -> Result<Database, StoreError> {
    private_file(draft).map_err(|e| failed(draft, &e))?;
    let database = builder().create(draft)?;
    write_schema(&database)?;
    Ok(database)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn draft(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    draft.into()
}

/// The store holds password hashes and texts: nobody else may read it.
pub(super) fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Without this, a power cut could take the new file's name.
pub(super) fn sync_directory(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn write_schema(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    transaction.open_table(ROOMS)?;
    transaction.open_table(UPDATES)?;
    transaction.open_table(SNAPSHOTS)?;
    transaction.open_table(LOG)?;
    transaction.open_table(LOG_BY_ROOM)?;
    let mut meta = transaction.open_table(META)?;
    meta.insert(META_SCHEMA, SCHEMA)?;
    meta.insert(META_LOG_SEQ, 0)?;
    drop(meta);
    Ok(transaction.commit()?)
}

fn check_schema(database: &Database) -> Result<(), StoreError> {
    let meta = database.begin_read()?.open_table(META)?;
    let number = |key| meta.get(key).map(|found| found.map(|number| number.value()));
    let in_use = number(META_JOURNAL_IN_USE)? == Some(1);
    match number(META_SCHEMA)? {
        Some(OLDEST_SCHEMA..RING_SCHEMA) if in_use => Err(StoreError::OlderJournal),
        Some(OLDEST_SCHEMA..=SCHEMA) => Ok(()),
        Some(newer) if newer > SCHEMA => Err(StoreError::NewerSchema { found: short(newer), known: short(SCHEMA) }),
        _ => Err(StoreError::Damaged("it does not say which schema it has".into())),
    }
}

/// From now on an older version refuses the database, since it could not read what this one writes.
fn upgrade(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    let mut meta = transaction.open_table(META)?;
    let before = meta.insert(META_SCHEMA, SCHEMA)?.map(|schema| schema.value());
    if before < Some(RING_SCHEMA) {
        // A place in a journal that is made anew now.
        meta.remove(META_JOURNAL_AT)?;
    }
    drop(meta);
    if before == Some(SCHEMA) {
        return Ok(transaction.abort()?);
    }
    transaction.commit()?;
    tracing::info!(before, after = SCHEMA, "the database has another schema now; older versions no longer open it");
    Ok(())
}

fn short(schema: u64) -> u32 {
    u32::try_from(schema).unwrap_or(u32::MAX)
}

fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}
