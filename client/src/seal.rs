//! Whether a backup came whole.

use collab_proto::api::{BACKUP_DIGEST_BYTES, BACKUP_MAGIC, BACKUP_MAGICS};
use sha2::{Digest, Sha256};

/// Checks a backup as it comes: how it begins, and that its last bytes are the digest of those before them.
#[derive(Default)]
pub(crate) struct Seal {
    digest: Sha256,
    /// The last bytes, which may be the digest.
    tail: Vec<u8>,
    start: Vec<u8>,
    /// How many came.
    pub(crate) bytes: u64,
}

impl Seal {
    /// Takes the next piece.
    pub(crate) fn look(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        let lacks = BACKUP_MAGIC.len().saturating_sub(self.start.len()).min(chunk.len());
        self.start.extend_from_slice(&chunk[..lacks]);
        self.tail.extend_from_slice(chunk);
        let known = self.tail.len().saturating_sub(BACKUP_DIGEST_BYTES);
        self.digest.update(&self.tail[..known]);
        self.tail.drain(..known);
    }

    /// Whether what came is whole.
    pub(crate) fn holds(&self) -> bool {
        BACKUP_MAGICS.iter().any(|magic| self.start == *magic) && self.digest.clone().finalize().as_slice() == self.tail
    }
}
