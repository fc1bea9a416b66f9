//! Bytes to numbers and strings, each checked before anything is built from it.

use super::{Id, MAX_CLIENT, MAX_CLOCK};
use crate::UpdateError;

type Result<T> = std::result::Result<T, UpdateError>;

/// A cursor over bytes that never reads beyond them and never allocates.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or(UpdateError::Malformed("it ends too early"))?;
        self.at += 1;
        Ok(byte)
    }

    /// An unsigned number of at most 53 bits, seven bits a byte, in as few bytes as possible.
    pub(crate) fn uint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let padded = byte == 0 && shift > 0;
                return if padded { Err(UpdateError::Malformed("a padded number")) } else { Ok(value) };
            }
        }
        Err(UpdateError::Malformed("a number out of range"))
    }

    pub(crate) fn client(&mut self) -> Result<u64> {
        self.uint_up_to(MAX_CLIENT)
    }

    pub(crate) fn clock(&mut self) -> Result<u32> {
        let clock = self.uint_up_to(u64::from(MAX_CLOCK))?;
        u32::try_from(clock).map_err(|_| UpdateError::Malformed("a number out of range"))
    }

    pub(crate) fn id(&mut self) -> Result<Id> {
        Ok(Id { client: self.client()?, clock: self.clock()? })
    }

    /// How many things follow, each of them at least `bytes_each` long: more cannot be there, so a count beyond is a lie.
    pub(crate) fn count(&mut self, bytes_each: usize) -> Result<usize> {
        let count = self.uint()?;
        let possible = self.remaining() / bytes_each;
        match usize::try_from(count) {
            Ok(count) if count <= possible => Ok(count),
            _ => Err(UpdateError::Malformed("a count beyond the bytes that remain")),
        }
    }

    pub(crate) fn string(&mut self) -> Result<&'a str> {
        let len = self.count(1)?;
        let bytes = &self.bytes[self.at..self.at + len];
        self.at += len;
        std::str::from_utf8(bytes).map_err(|_| UpdateError::Malformed("text that is not UTF-8"))
    }

    pub(crate) fn finish(self) -> Result<()> {
        if self.remaining() == 0 { Ok(()) } else { Err(UpdateError::Malformed("bytes after its end")) }
    }

    fn uint_up_to(&mut self, max: u64) -> Result<u64> {
        let value = self.uint()?;
        if value <= max { Ok(value) } else { Err(UpdateError::Malformed("a number out of range")) }
    }
}
