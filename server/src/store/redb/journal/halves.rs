//! Records as bytes, in both halves of the file. The format is told where the journal is.

use std::io;

use redb::StorageBackend;
use ring::digest::SHA256_OUTPUT_LEN;
use ring::hmac::{self, Key};

use super::{Mark, StoreError, damaged};

/// The length of each half, in bytes: what may be durable and not yet in the database.
pub(in super::super) const HALF: usize = 1 << 20;

/// What a disk writes as a whole, in bytes.
pub(super) const SECTOR: usize = 512;

const NUMBER: usize = SHA256_OUTPUT_LEN;
const LENGTH: usize = NUMBER + 8;
const BODY: usize = LENGTH + 4;

/// How many bytes a record with a body of `len` bytes takes.
pub(super) fn sectors(len: usize) -> usize {
    (BODY + len).next_multiple_of(SECTOR)
}

/// A record, with what fills it up.
pub(super) fn record(key: &Key, number: u64, body: &[u8]) -> Vec<u8> {
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
pub(super) struct Halves(Vec<u8>);

struct Record<'h> {
    number: u64,
    body: &'h [u8],
}

/// Reads both halves.
pub(super) fn read(file: &dyn StorageBackend) -> Result<Halves, StoreError> {
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
    /// The record behind a mark, from whichever copy is whole: where it stands, and its body.
    pub(super) fn next(&self, key: &Key, mark: Mark) -> Option<(usize, &[u8])> {
        let number = mark.number + 1;
        let (first, second) = self.0.split_at(HALF);
        let copy = |half, at| parse(key, half, at, |found| found == number).map(|record| (at, record.body));
        let places = [mark.at, 0];
        places.into_iter().find_map(|at| copy(first, at)).or_else(|| {
            let found = places.into_iter().find_map(|at| copy(second, at))?;
            tracing::warn!(number, "the journal: a record was mended from its second copy");
            Some(found)
        })
    }

    /// The number of any whole record later than `last`.
    pub(super) fn later_than(&self, key: &Key, last: u64) -> Option<u64> {
        let (first, second) = self.0.split_at(HALF);
        let later = |half, at| parse(key, half, at, |found| found > last).map(|record| record.number);
        (0..HALF).step_by(SECTOR).find_map(|at| later(first, at).or_else(|| later(second, at)))
    }
}

/// A whole record at this place, if there is one of a number that is looked for.
fn parse<'h>(key: &Key, half: &'h [u8], at: usize, looked_for: impl Fn(u64) -> bool) -> Option<Record<'h>> {
    let rest = half.get(at..)?;
    let number = u64::from_le_bytes(rest.get(NUMBER..LENGTH)?.try_into().ok()?);
    if !looked_for(number) {
        return None;
    }
    let length = u32::from_le_bytes(rest.get(LENGTH..BODY)?.try_into().ok()?) as usize;
    let end = BODY.checked_add(length)?;
    let body = rest.get(BODY..end)?;
    hmac::verify(key, &rest[NUMBER..end], &rest[..NUMBER]).ok()?;
    Some(Record { number, body })
}
