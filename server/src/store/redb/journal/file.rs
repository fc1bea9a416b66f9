//! The journal's file: found, made, and opened so that a write to it goes straight to the disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::copies::RING;
#[cfg(target_os = "linux")]
use super::direct::direct;
use super::{StoreError, damaged};
use crate::store::redb::files::{private_file, sync_directory};

/// What a new file is written by: all of it at once would stay in the process's heap.
static PIECE: [u8; 1 << 16] = [0; 1 << 16];

/// The length of the file as versions up to schema 4 made it, in bytes.
pub(in super::super) const EARLIER_LEN: u64 = 2 << 20;

/// Opens the journal in the file `path`. A missing one is made, unless the database needs what was in it; so is one in the place
/// of an earlier version's, which the database needs no more when it has the present schema.
///
/// # Errors
///
/// [`StoreError::Damaged`] when a needed one is missing, [`StoreError::InUse`], otherwise the disk's.
pub(in super::super) fn file(path: &Path, needed: bool) -> Result<Box<dyn StorageBackend>, StoreError> {
    let file = match open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && needed => {
            let name = path.display();
            return Err(damaged(format!("{name} is missing, and the server was not stopped in order; bring it back")));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Ok(file) if !needed => renewed(path, file),
        file => file,
    };
    let failed = |e: io::Error| StoreError::Failed(format!("{}: {e}", path.display()));
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse),
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => return Err(failed(error)),
        _ => {}
    }
    let file = FileBackend::new(file)?;
    #[cfg(target_os = "linux")]
    let file = direct(path, file);
    #[cfg(not(target_os = "linux"))]
    let file = Box::new(file);
    Ok(file)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// The whole length is written now, so that a full disk does not stop a record later, and a record changes nothing but bytes.
/// The file has its name when it is whole.
fn make(path: &Path) -> io::Result<File> {
    let draft = path.with_extension("journal.new");
    // A crash may have left one.
    let _ = fs::remove_file(&draft);
    let made = fill(&draft).and_then(|()| fs::rename(&draft, path));
    if made.is_err() {
        let _ = fs::remove_file(&draft);
    }
    made?;
    sync_directory(path)?;
    open(path)
}

fn fill(draft: &Path) -> io::Result<()> {
    let mut file = private_file(draft)?;
    for _ in 0..RING / PIECE.len() {
        file.write_all(&PIECE)?;
    }
    file.sync_all()
}

fn renewed(path: &Path, file: File) -> io::Result<File> {
    if file.metadata()?.len() == EARLIER_LEN { make(path) } else { Ok(file) }
}
