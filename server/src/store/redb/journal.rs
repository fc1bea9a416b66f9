//! What is durable and not yet in the database: a file of fixed length, in which one small write serves everybody who waits.
//!
//! A commit of the database costs two syncs and the rewriting of many pages; a record here costs one write that goes straight to
//! the disk, or a write and a sync where the file system knows no such writes. So edits and log entries are durable as soon as they
//! stand here, and go into the database together a little later, while more are written here.
//!
//! # Format
//!
//! A ring of [`RING`] bytes. A record stands there twice, one copy right behind the other: damage to one is mended from the other.
//! Each copy begins at a multiple of [`SECTOR`], so that writing a record never touches a sector of an earlier one, and both go to
//! the disk by one write:
//!
//! | bytes | |
//! |---|---|
//! | 32 | HMAC-SHA256 of everything that follows in the copy, with a key that only the database knows |
//! | 8 | the record's number, little-endian; each is one more than the last |
//! | 4 | the length of the body, little-endian; a copy has [`COPY_MAX`](copies::COPY_MAX) bytes at most |
//! | … | the body |
//! | … | zeros, up to the next sector |
//!
//! The ring is written round and round: a record stands behind the one before it or, when there is no room up to the end, at the
//! beginning, and never on one that the database lacks. The database says up to which number it holds the records, and where the
//! next one was to stand: its [`Mark`]. What is read is the record of the next number there or at the beginning, then what
//! follows it without a gap. Where the first copy is not whole, and so does not say how long it is, the second is looked for in the
//! sectors behind: it must stand as far behind as it is long. A last record of which no copy is whole was never answered: a crash
//! cut it off. One in the middle is damage, so no record of a later number may stand anywhere. Between the last record and the
//! first lie remains of earlier ones, with bodies that clients have chosen; without the key none of them can pass for a record.
//!
//! What goes into the database without a record takes a number as well, where it must not be missed: so an older database,
//! brought back beside a newer journal, does not take the records behind it for all that happened.
//!
//! Up to schema 4 of the database the file had two halves, one for each copy, which took two writes. That is not read: such a file is
//! made anew when the database needs it no more, and otherwise the database is refused.

mod copies;

#[cfg(target_os = "linux")]
mod direct;

mod file;

use std::fmt;

use redb::StorageBackend;
use ring::hmac::{HMAC_SHA256, Key};

#[cfg(test)]
pub(super) use self::copies::COPY_MAX;
use self::copies::{Buffer, copy_len, read, record_len};
pub(super) use self::copies::{RING, SECTOR};
#[cfg(test)]
pub(super) use self::file::EARLIER_LEN;
pub(super) use self::file::file;
use super::StoreError;

/// A boundary between records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The last number before it.
    pub(super) number: u64,
    /// Where the record behind it stands, unless it stands at the beginning.
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
    buffer: Buffer,
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
        let ring = read(&*file)?;
        if start.at > RING || !start.at.is_multiple_of(SECTOR) {
            return Err(damaged(format!("no record stands at {}", start.at)));
        }
        let (mut end, mut found) = (start, Vec::new());
        while let Some((at, body)) = ring.next(&key, end) {
            if found.is_empty() {
                start.at = at;
            }
            end = Mark { number: end.number + 1, at: at + 2 * copy_len(body.len()) };
            found.push((end.number, body.to_vec()));
        }
        match ring.later_than(&key, end.number) {
            Some(number) => Err(damaged(format!("record {} is missing before record {number}", end.number + 1))),
            None => Ok((Self { file, key, buffer: Buffer::default(), start, end, failed: false }, found)),
        }
    }

    /// Behind the last record. To be written into the database together with what the records hold.
    pub(super) fn end(&self) -> Mark {
        self.end
    }

    /// Where a record with a body of `len` bytes can be written now.
    pub(super) fn place(&self, len: usize) -> Option<Place> {
        let len = record_len(len)?;
        let free = |at: &usize| !self.failed && self.is_free(*at, *at + len);
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
        to <= RING && !overwrites
    }

    /// Whether half of what it takes is not in the database yet.
    pub(super) fn is_half_full(&self) -> bool {
        let (start, end) = (self.start.at, self.end.at);
        let held = match self.start.number == self.end.number {
            true => 0,
            false if start < end => end - start,
            false => RING - start + end,
        };
        held >= RING / 2
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
        let record = self.buffer.record(&self.key, number, body);
        self.end = Mark { number, at: at + record.len() };
        // Also for a disk that panics: the number is used up.
        self.failed = true;
        let done = self.file.write(at as u64, record).and_then(|()| self.file.sync_data());
        self.failed = done.is_err();
        done.map_err(|e| StoreError::Failed(format!("the journal: {e}")))
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
