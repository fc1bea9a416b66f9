//! What is durable and not yet in the database: a file of fixed length, in which one small write and one sync serve
//! everybody who waits.
//!
//! A commit of the database costs two syncs and the rewriting of many pages; a record here costs one sync. So edits and log
//! entries are durable as soon as they stand here, and go into the database together a little later.
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
//! The database says up to which number it holds the records. Once it holds all, the next record is written at the beginning.
//! What is read is the record of the next number at the beginning, then what follows it without a gap. A last record of
//! which no copy is whole was never answered: a crash cut it off. One in the middle is damage. Behind the last record lie
//! remains of earlier ones, with bodies that clients have chosen; without the key none of them can pass for a record.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use redb::StorageBackend;
use redb::backends::FileBackend;
use ring::digest::SHA256_OUTPUT_LEN;
use ring::hmac::{self, HMAC_SHA256, Key};

use super::StoreError;
use super::files::{private_file, sync_directory};

/// The length of each half, in bytes: what may be durable and not yet in the database.
pub(super) const HALF: usize = 1 << 20;

/// What a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

const NUMBER: usize = SHA256_OUTPUT_LEN;
const LENGTH: usize = NUMBER + 8;
const BODY: usize = LENGTH + 4;

/// The journal, open for writing.
pub(super) struct Journal {
    file: Box<dyn StorageBackend>,
    key: Key,
    /// Where the next record goes, in each half.
    at: usize,
    /// The number of the last record that was begun.
    last: u64,
    /// Whether a record failed: what is on the disk is not known then, until the database holds everything before it.
    failed: bool,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("at", &self.at).field("last", &self.last).finish_non_exhaustive()
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

impl Journal {
    /// Reads the bodies of the records that come after number `after`, which the database holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when a record is missing.
    pub(super) fn open(
        file: Box<dyn StorageBackend>,
        key: u64,
        after: u64,
    ) -> Result<(Self, Vec<Vec<u8>>), StoreError> {
        let key = Key::new(HMAC_SHA256, &key.to_le_bytes());
        let halves = read(&*file)?;
        let (mut at, mut last, mut bodies) = (0, after, Vec::new());
        while let Some(body) = halves.body(&key, at, last + 1) {
            at += sectors(body.len());
            last += 1;
            bodies.push(body.to_vec());
        }
        match halves.later_than(&key, at, last) {
            Some(number) => Err(damaged(format!("record {} is missing before record {number}", last + 1))),
            None => Ok((Self { file, key, at, last, failed: false }, bodies)),
        }
    }

    /// The number of the last record. To be written into the database together with what the records hold.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Whether a record with a body of `len` bytes can be written now.
    pub(super) fn takes(&self, len: usize) -> bool {
        !self.failed && self.at + sectors(len) <= HALF
    }

    /// Writes a record. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// The disk's. Whether the record is there after a restart is not known then, and none is taken before
    /// [`Journal::restart`].
    pub(super) fn write(&mut self, body: &[u8]) -> Result<(), StoreError> {
        self.last += 1;
        let record = record(&self.key, self.last, body);
        // Also for a disk that panics: the number is used up.
        self.failed = true;
        let done = self.put(&record);
        self.failed = done.is_err();
        self.at += record.len();
        done.map_err(|e| StoreError::Failed(format!("the journal: {e}")))
    }

    fn put(&self, record: &[u8]) -> io::Result<()> {
        self.file.write(self.at as u64, record)?;
        self.file.write((HALF + self.at) as u64, record)?;
        self.file.sync_data()
    }

    /// The database holds everything up to [`Journal::last`]: the next record goes to the beginning.
    pub(super) fn restart(&mut self) {
        self.at = 0;
        self.failed = false;
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The lock goes with the file in any case.
        let _ = self.file.close();
    }
}

/// How many bytes a record with a body of `len` bytes takes.
fn sectors(len: usize) -> usize {
    (BODY + len).next_multiple_of(SECTOR)
}

fn record(key: &Key, number: u64, body: &[u8]) -> Vec<u8> {
    let mut record = vec![0; SHA256_OUTPUT_LEN];
    record.extend(number.to_le_bytes());
    record.extend((body.len() as u32).to_le_bytes());
    record.extend(body);
    let tag = hmac::sign(key, &record[NUMBER..]);
    record[..NUMBER].copy_from_slice(tag.as_ref());
    record.resize(sectors(body.len()), 0);
    record
}

/// The bytes of both halves.
struct Halves(Vec<u8>);

struct Record<'h> {
    number: u64,
    body: &'h [u8],
}

fn read(file: &dyn StorageBackend) -> Result<Halves, StoreError> {
    let failed = |e: io::Error| StoreError::Failed(format!("the journal: {e}"));
    let len = file.len().map_err(failed)?;
    if len != 2 * HALF as u64 {
        return Err(damaged(format!("it has {len} bytes and should have {}", 2 * HALF)));
    }
    let mut bytes = vec![0; 2 * HALF];
    file.read(0, &mut bytes).map_err(failed)?;
    Ok(Halves(bytes))
}

impl Halves {
    /// The body of the record of this number at this place, from whichever copy is whole.
    fn body(&self, key: &Key, at: usize, number: u64) -> Option<&[u8]> {
        let (first, second) = self.0.split_at(HALF);
        let expected = |half| parse(key, half, at).filter(|record: &Record<'_>| record.number == number);
        let found = expected(first).or_else(|| {
            let record = expected(second)?;
            tracing::warn!(number, "the journal: a record was mended from its second copy");
            Some(record)
        });
        found.map(|record| record.body)
    }

    /// The number of any whole record later than `last`, from a place on.
    fn later_than(&self, key: &Key, from: usize, last: u64) -> Option<u64> {
        let (first, second) = self.0.split_at(HALF);
        let places = (from..HALF).step_by(SECTOR);
        let records = places.flat_map(|at| [parse(key, first, at), parse(key, second, at)]);
        records.flatten().map(|record| record.number).find(|number| *number > last)
    }
}

fn parse<'h>(key: &Key, half: &'h [u8], at: usize) -> Option<Record<'h>> {
    let rest = half.get(at..)?;
    let number = u64::from_le_bytes(rest.get(NUMBER..LENGTH)?.try_into().ok()?);
    let length = u32::from_le_bytes(rest.get(LENGTH..BODY)?.try_into().ok()?) as usize;
    let end = BODY.checked_add(length)?;
    let body = rest.get(BODY..end)?;
    hmac::verify(key, &rest[NUMBER..end], &rest[..NUMBER]).ok()?;
    Some(Record { number, body })
}

fn damaged(why: String) -> StoreError {
    StoreError::Damaged(format!("the journal: {why}"))
}
