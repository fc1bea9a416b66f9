//! What is durable and not yet in the database: a file of fixed length, in which one small write and one sync serve
//! everybody who waits.
//!
//! A commit of the database costs two syncs and the rewriting of many pages; a record here costs one sync. So edits and log
//! entries are durable as soon as they stand here, and go into the database together a little later, while more are written
//! here.
//!
//! # Format
//!
//! Two halves of [`HALF`] bytes hold the same records, at the same places: damage to one copy is mended from the other. A
//! record begins at a multiple of [`SECTOR`], so that writing one never touches a sector of an earlier one:
//!
//! | bytes | |
//! |---|---|
//! | 32 | HMAC-SHA256 of everything that follows in the record, with a key that only the database knows |
//! | 8 | the record's number, little-endian; each is one more than the last |
//! | 4 | the length of the body, little-endian |
//! | … | the body |
//!
//! Each half is written round and round: a record stands behind the one before it or, when there is no room up to the end, at the
//! beginning, and never on one that the database lacks. The database says up to which number it holds the records, and where the
//! next one was to stand: its [`Mark`]. What is read is the record of the next number there or at the beginning, then what
//! follows it without a gap. A last record of which no copy is whole was never answered: a crash cut it off. One in the middle
//! is damage, so no record of a later number may stand anywhere. Between the last record and the first lie remains of earlier
//! ones, with bodies that clients have chosen; without the key none of them can pass for a record.
//!
//! What goes into the database without a record takes a number as well, where it must not be missed: so an older database,
//! brought back beside a newer journal, does not take the records behind it for all that happened.
//!
//! Older versions began at the beginning whenever the database held everything, and wrote no place down. That is read too.

mod halves;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use redb::StorageBackend;
use redb::backends::FileBackend;
use ring::hmac::{HMAC_SHA256, Key};

pub(super) use self::halves::HALF;
use self::halves::{SECTOR, read, record, sectors};
use super::StoreError;
use super::files::{private_file, sync_directory};

/// A boundary between records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The last number before it.
    pub(super) number: u64,
    /// Where the record behind it stands in each half, unless it stands at the beginning.
    pub(super) at: usize,
}

impl Mark {
    /// With a number for something that stands in no record.
    pub(super) fn skip(self) -> Self {
        Self { number: self.number + 1, ..self }
    }
}

/// The journal, open for writing.
pub(super) struct Journal {
    file: Box<dyn StorageBackend>,
    key: Key,
    /// What comes before is in the database.
    start: Mark,
    /// Behind the last record that was begun.
    end: Mark,
    /// Whether a record failed: what is on the disk is not known then, until the database holds everything before it.
    failed: bool,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("start", &self.start).field("end", &self.end).finish_non_exhaustive()
    }
}

/// Opens the journal in the file `path`. A missing one is made, unless the database needs what was in it.
///
/// # Errors
///
/// [`StoreError::Damaged`] when a needed one is missing, otherwise the disk's.
pub(super) fn file(path: &Path, needed: bool) -> Result<Box<dyn StorageBackend>, StoreError> {
    let open = || OpenOptions::new().read(true).write(true).open(path);
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && needed => {
            let name = path.display();
            return Err(damaged(format!("{name} is missing, and the server was not stopped in order; bring it back")));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).and_then(|()| open()),
        file => file,
    };
    let file = file.map_err(|e| StoreError::Failed(format!("{}: {e}", path.display())))?;
    let backend = FileBackend::new(file).map_err(|e| StoreError::from(redb::Error::from(e)))?;
    Ok(Box::new(backend))
}

/// The whole length is written now, so that a full disk does not stop a record later. The file has its name when it is whole.
fn make(path: &Path) -> io::Result<()> {
    let draft = path.with_extension("journal.new");
    // A crash may have left one.
    let _ = fs::remove_file(&draft);
    let mut file = private_file(&draft)?;
    file.write_all(&vec![0; 2 * HALF])?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_directory(path)
}

/// A record's number and body.
pub(super) type Found = (u64, Vec<u8>);

/// Where a record may be written.
pub(super) struct Place(usize);

impl Journal {
    /// Reads the records that come after what the database holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when a record is missing, or the database names a place where none can be.
    pub(super) fn open(
        file: Box<dyn StorageBackend>,
        key: u64,
        mut start: Mark,
    ) -> Result<(Self, Vec<Found>), StoreError> {
        let key = Key::new(HMAC_SHA256, &key.to_le_bytes());
        let halves = read(&*file)?;
        if start.at > HALF || !start.at.is_multiple_of(SECTOR) {
            return Err(damaged(format!("no record stands at {}", start.at)));
        }
        let (mut end, mut found) = (start, Vec::new());
        while let Some((at, body)) = halves.next(&key, end) {
            if found.is_empty() {
                start.at = at;
            }
            end = Mark { number: end.number + 1, at: at + sectors(body.len()) };
            found.push((end.number, body.to_vec()));
        }
        match halves.later_than(&key, end.number) {
            Some(number) => Err(damaged(format!("record {} is missing before record {number}", end.number + 1))),
            None => Ok((Self { file, key, start, end, failed: false }, found)),
        }
    }

    /// Behind the last record. To be written into the database together with what the records hold.
    pub(super) fn end(&self) -> Mark {
        self.end
    }

    /// Where a record with a body of `len` bytes can be written now.
    pub(super) fn place(&self, len: usize) -> Option<Place> {
        let free = |at: &usize| !self.failed && self.is_free(*at, *at + sectors(len));
        [self.end.at, 0].into_iter().find(free).map(Place)
    }

    fn is_free(&self, from: usize, to: usize) -> bool {
        let (start, end) = (self.start.at, self.end.at);
        let overwrites = match self.start.number == self.end.number {
            true => false,
            // From the start to the end, or round over the beginning.
            false if start < end => from < end && start < to,
            false => from < end || start < to,
        };
        to <= HALF && !overwrites
    }

    /// Whether half of what it takes is not in the database yet.
    pub(super) fn is_half_full(&self) -> bool {
        let (start, end) = (self.start.at, self.end.at);
        let held = match self.start.number == self.end.number {
            true => 0,
            false if start < end => end - start,
            false => HALF - start + end,
        };
        held >= HALF / 2
    }

    /// Writes a record. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// The disk's. Whether the record is there after a restart is not known then, and none is taken before
    /// the database holds everything.
    pub(super) fn write(&mut self, Place(at): Place, body: &[u8]) -> Result<(), StoreError> {
        if self.start.number == self.end.number {
            self.start.at = at;
        }
        let number = self.end.number + 1;
        let record = record(&self.key, number, body);
        self.end = Mark { number, at: at + record.len() };
        // Also for a disk that panics: the number is used up.
        self.failed = true;
        let done = self.put(at, &record);
        self.failed = done.is_err();
        done.map_err(|e| StoreError::Failed(format!("the journal: {e}")))
    }

    fn put(&self, at: usize, record: &[u8]) -> io::Result<()> {
        self.file.write(at as u64, record)?;
        self.file.write((HALF + at) as u64, record)?;
        self.file.sync_data()
    }

    /// The database holds everything up to a mark: later records may be written over it.
    pub(super) fn settled(&mut self, mark: Mark) {
        if mark.number > self.start.number {
            self.start = mark;
        }
        if mark.number > self.end.number {
            self.end = mark;
        }
        self.failed &= self.start.number < self.end.number;
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The lock goes with the file in any case.
        let _ = self.file.close();
    }
}

fn damaged(why: String) -> StoreError {
    StoreError::Damaged(format!("the journal: {why}"))
}
