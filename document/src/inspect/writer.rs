//! Numbers and strings to bytes, as lib0 writes them.

use super::Id;

#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn uint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn clock(&mut self, clock: u32) {
        self.uint(u64::from(clock));
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.uint(count as u64);
    }

    pub(crate) fn id(&mut self, id: Id) {
        self.uint(id.client);
        self.clock(id.clock);
    }

    pub(crate) fn string(&mut self, parts: &[&str]) {
        self.count(parts.iter().map(|part| part.len()).sum());
        parts.iter().for_each(|part| self.0.extend_from_slice(part.as_bytes()));
    }

    pub(crate) fn append(&mut self, other: Writer) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
