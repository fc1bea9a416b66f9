//! Records as bytes, each of them twice. The format is told where the journal is.

use std::io;

use redb::StorageBackend;
use ring::digest::SHA256_OUTPUT_LEN;
use ring::hmac::{self, Key};

use super::{Mark, StoreError, damaged};

/// The length of the file, in bytes: what may be durable and not yet in the database, twice.
pub(in super::super) const RING: usize = 16 << 20;

/// What a disk writes as a whole, and what a direct write must be a multiple of, in bytes.
pub(in super::super) const SECTOR: usize = 4096;

/// The longest copy of a record, in bytes. It bounds what looking for records costs at the start, since a body may hold what
/// resembles the beginning of one.
pub(in super::super) const COPY_MAX: usize = 1 << 20;

const NUMBER: usize = SHA256_OUTPUT_LEN;
const LENGTH: usize = NUMBER + 8;
const BODY: usize = LENGTH + 4;

/// How many bytes each copy of a record with a body of `len` bytes takes.
pub(super) fn copy_len(len: usize) -> usize {
    (BODY + len).next_multiple_of(SECTOR)
}

/// How many bytes such a record takes, if there is one.
pub(super) fn record_len(len: usize) -> Option<usize> {
    (len <= COPY_MAX - BODY).then(|| 2 * copy_len(len))
}

/// Memory for a record, which begins at a multiple of [`SECTOR`], as a direct write wants it. It is kept for the next one.
#[derive(Default)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    fn take(&mut self, len: usize) -> &mut [u8] {
        if self.0.len() < len + SECTOR {
            self.0.resize(len + SECTOR, 0);
        }
        let start = self.0.as_ptr().align_offset(SECTOR);
        &mut self.0[start..start + len]
    }

    /// A record: both copies, with what fills them up.
    pub(super) fn record(&mut self, key: &Key, number: u64, body: &[u8]) -> &[u8] {
        let len = copy_len(body.len());
        let record = self.take(2 * len);
        let (first, second) = record.split_at_mut(len);
        let (copy, rest) = first.split_at_mut(BODY + body.len());
        copy[NUMBER..LENGTH].copy_from_slice(&number.to_le_bytes());
        copy[LENGTH..BODY].copy_from_slice(&(body.len() as u32).to_le_bytes());
        copy[BODY..].copy_from_slice(body);
        let tag = hmac::sign(key, &copy[NUMBER..]);
        copy[..NUMBER].copy_from_slice(tag.as_ref());
        rest.fill(0);
        second.copy_from_slice(first);
        record
    }
}

/// The bytes of the file.
pub(super) struct Ring(Vec<u8>);

struct Copy<'r> {
    number: u64,
    body: &'r [u8],
}

/// Reads the file.
pub(super) fn read(file: &dyn StorageBackend) -> Result<Ring, StoreError> {
    let failed = |e: io::Error| StoreError::Failed(format!("the journal: {e}"));
    let len = file.len().map_err(failed)?;
    if len != RING as u64 {
        return Err(damaged(format!("it has {len} bytes and should have {RING}")));
    }
    let mut bytes = vec![0; RING];
    file.read(0, &mut bytes).map_err(failed)?;
    Ok(Ring(bytes))
}

impl Ring {
    /// The record behind a mark, from whichever copy is whole: where it stands, and its body.
    pub(super) fn next(&self, key: &Key, mark: Mark) -> Option<(usize, &[u8])> {
        let number = mark.number + 1;
        let places = [mark.at, 0];
        let first = |at| self.copy(key, at, |found, _| found == number).map(|copy| (at, copy.body));
        places.into_iter().find_map(first).or_else(|| {
            let second = |at| self.second(key, at, number).map(|copy| (at, copy.body));
            let found = places.into_iter().find_map(second)?;
            tracing::warn!(number, "the journal: a record was mended from its second copy");
            Some(found)
        })
    }

    /// The second copy of a record at this place, whose first does not say where it stands: as far behind as it is long itself.
    fn second(&self, key: &Key, at: usize, number: u64) -> Option<Copy<'_>> {
        let mut distances = (SECTOR..=COPY_MAX).step_by(SECTOR);
        distances.find_map(|far| self.copy(key, at + far, |found, len| found == number && copy_len(len) == far))
    }

    /// The number of any whole copy later than `last`.
    pub(super) fn later_than(&self, key: &Key, last: u64) -> Option<u64> {
        let later = |at| self.copy(key, at, |found, _| found > last).map(|copy| copy.number);
        (0..RING).step_by(SECTOR).find_map(later)
    }

    /// A whole copy at this place, if there is one of a number and a body's length that are looked for.
    fn copy(&self, key: &Key, at: usize, looked_for: impl Fn(u64, usize) -> bool) -> Option<Copy<'_>> {
        let rest = self.0.get(at..)?;
        let number = u64::from_le_bytes(rest.get(NUMBER..LENGTH)?.try_into().ok()?);
        let len = u32::from_le_bytes(rest.get(LENGTH..BODY)?.try_into().ok()?) as usize;
        if len > COPY_MAX - BODY || !looked_for(number, len) {
            return None;
        }
        let copy = rest.get(..BODY + len)?;
        hmac::verify(key, &copy[NUMBER..], &copy[..NUMBER]).ok()?;
        Some(Copy { number, body: &copy[BODY..] })
    }
}

#[cfg(test)]
mod tests {
    use ring::hmac::HMAC_SHA256;

    use super::*;

    #[test]
    fn a_record_begins_at_a_sector_in_memory_and_leaves_nothing_of_the_one_before() {
        let key = Key::new(HMAC_SHA256, b"key");
        let mut buffer = Buffer::default();
        for len in [0, 70_000, 1, SECTOR - BODY, SECTOR - BODY + 1, COPY_MAX - BODY, 5_000] {
            let body = vec![7; len];
            let record = buffer.record(&key, 3, &body);
            assert_eq!(record.as_ptr().align_offset(SECTOR), 0);
            assert_eq!(Some(record.len()), record_len(len));
            let (first, second) = record.split_at(record.len() / 2);
            assert!(first == second && first[BODY..BODY + len] == body, "{len}");
            assert!(first[BODY + len..].iter().all(|byte| *byte == 0), "{len}");
        }
        assert_eq!(record_len(COPY_MAX - BODY + 1), None);
    }
}
