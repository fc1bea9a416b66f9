//! What an operator does with a data folder while no server runs on it: checking it, and filling a new one from a backup.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use collab_document::Document;
use collab_proto::Generation;
use collab_proto::api::LogKind;

use crate::audit::NewEntry;
use crate::auth::random_id;
use crate::clock::wall_ms;
use crate::data_dir::{DataDir, DataDirError, LOCK};
use crate::store::backup::{BackupError, Reader, Summary};
use crate::store::redb::{Findings, RedbStore, RestoreError};
use crate::store::{StoreError, StoredRoom};

/// Why it was not done. Each says in one line what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// The data folder; a server that runs on it, say.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// There is nothing to check.
    #[error("there is no database in {}", .0.display())]
    NoDatabase(PathBuf),
    /// The database cannot be opened.
    #[error("the database {}: {source}", path.display())]
    Store {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: StoreError,
    },
    /// A backup goes into an empty folder alone: nothing is ever written over.
    #[error("{} is not empty ({entry} is there); name an empty or a new folder with --data", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// Something in it.
        entry: String,
    },
    /// The data folder cannot be looked at.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The backup is not whole. Nothing was written.
    #[error("the backup {}: {source}; nothing was restored", path.display())]
    Backup {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: BackupError,
    },
    /// The new database could not be written. Nothing of it is left.
    #[error("{0}; nothing was restored")]
    Restore(#[from] RestoreError),
}

/// What a check found, to print.
#[derive(Debug)]
pub struct Report(Findings);

/// What was restored, to print.
#[derive(Debug)]
pub struct Restored {
    summary: Summary,
    folder: PathBuf,
}

/// Checks the database in a data folder: the checksum of every page, every record, that every text loads, and that the log
/// has no gaps. It reads the whole file and blocks. A database that was not closed in order is first brought to its last
/// commit, as at every start of a server.
///
/// # Errors
///
/// When the database cannot be opened at all. What is wrong with single records stands in the report.
pub fn check(folder: &Path) -> Result<Report, MaintenanceError> {
    if !folder.join(DataDir::STORE).exists() {
        return Err(MaintenanceError::NoDatabase(folder.to_owned()));
    }
    let data = DataDir::open(folder)?;
    let path = data.store();
    let findings = RedbStore::check(&path, characters);
    Ok(Report(findings.map_err(|source| MaintenanceError::Store { path, source })?))
}

/// The length of a room's text, as the server would load it.
fn characters(room: &StoredRoom) -> Result<u64, String> {
    let mut document = Document::new(0);
    for update in room.snapshot.iter().chain(&room.updates) {
        document.load(update).map_err(|error| format!("its text cannot be loaded: {error}"))?;
    }
    Ok(document.len().into())
}

/// Makes a data folder from a backup. Every room begins another life, so that clients that come back with unsaved edits never
/// merge them into a text that went back in time. It blocks.
///
/// # Errors
///
/// A folder with something in it, a backup that is not whole (which is known before anything is written), or a disk that does
/// not take it.
pub fn restore(folder: &Path, backup: &Path) -> Result<Restored, MaintenanceError> {
    let damaged = |source| MaintenanceError::Backup { path: backup.to_owned(), source };
    open_backup(backup).and_then(Reader::verify).map_err(damaged)?;
    check_empty(folder)?;
    let data = DataDir::open(folder)?;
    // Somebody else may have filled it before we locked it.
    check_empty(folder)?;
    let records = open_backup(backup).map_err(damaged)?;
    let name = backup.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let entry = NewEntry { detail: Some(format!("from {name}")), ..NewEntry::new(wall_ms(), LogKind::Restored) };
    let summary = RedbStore::restore(&data.store(), records, new_generation, entry)?;
    Ok(Restored { summary, folder: folder.to_owned() })
}

fn open_backup(path: &Path) -> Result<Reader<BufReader<File>>, BackupError> {
    Reader::new(BufReader::new(File::open(path)?))
}

fn new_generation() -> Result<Generation, StoreError> {
    random_id().map(Generation).map_err(|error| StoreError::Failed(format!("no random numbers: {error}")))
}

/// A folder that is not there is empty, and so is one that was locked before.
fn check_empty(folder: &Path) -> Result<(), MaintenanceError> {
    let failed = |source| MaintenanceError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if name != LOCK {
            let entry = name.to_string_lossy().into_owned();
            return Err(MaintenanceError::NotEmpty { folder: folder.to_owned(), entry });
        }
    }
    Ok(())
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.0.problems == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings { rooms, characters, edits, recent_edits, entries, log: (first, last), .. } = &self.0;
        let Findings { file_bytes, free_bytes, problems, told, .. } = &self.0;
        writeln!(f, "Rooms        {rooms}")?;
        writeln!(f, "Texts        {characters} characters")?;
        writeln!(f, "Edits        {edits}, {recent_edits} of them since the last snapshots")?;
        writeln!(f, "Log entries  {entries} (numbers {first} to {last})")?;
        writeln!(f, "Size         {}, {} of it free", Size(*file_bytes), Size(*free_bytes))?;
        told.iter().try_for_each(|problem| writeln!(f, "Wrong        {problem}"))?;
        match problems - told.len() as u64 {
            0 if *problems == 0 => writeln!(f, "Everything is in order."),
            0 => Ok(()),
            more => writeln!(f, "Wrong        {more} things more"),
        }
    }
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { rooms, edits, entries } = self.summary;
        writeln!(f, "Restored {rooms} rooms, {edits} edits since their snapshots and {entries} log entries.")?;
        writeln!(f, "Start a server on it with: collab-server --data {}", self.folder.display())
    }
}

/// A number of bytes for people.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ ..1_000 => write!(f, "{bytes} bytes"),
            bytes @ ..1_000_000 => write!(f, "{:.1} kB", bytes as f64 / 1e3),
            bytes @ ..1_000_000_000 => write!(f, "{:.1} MB", bytes as f64 / 1e6),
            bytes => write!(f, "{:.1} GB", bytes as f64 / 1e9),
        }
    }
}
