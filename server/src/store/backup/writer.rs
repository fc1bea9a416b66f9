//! Writing a backup.

use std::io::{self, ErrorKind, Write};

use bytes::Bytes;
use collab_proto::api::BACKUP_MAGIC;
use ring::digest::{Context, SHA256};
use tokio::sync::mpsc;

use super::{MAX_RECORD_BYTES, PIECE_BYTES, Record, Summary};

/// Writes a backup.
pub struct Writer<W> {
    to: W,
    digest: Context,
    summary: Summary,
}

impl<W: Write> Writer<W> {
    /// Begins a backup of a store whose newest log entry has the number `log_seq`.
    ///
    /// # Errors
    ///
    /// As writing to `to`; so do the other functions.
    pub fn new(to: W, log_seq: u64) -> io::Result<Self> {
        let mut writer = Self { to, digest: Context::new(&SHA256), summary: Summary::default() };
        writer.bytes(BACKUP_MAGIC)?;
        writer.record(&Record::Head { log_seq })?;
        Ok(writer)
    }

    /// Writes the next record.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        let bytes = postcard::to_stdvec(record).map_err(io::Error::other)?;
        let len = u32::try_from(bytes.len()).ok().filter(|len| *len <= MAX_RECORD_BYTES);
        let len = len.ok_or_else(|| io::Error::other("a record is too long for a backup"))?;
        self.summary.count(record);
        self.bytes(&len.to_be_bytes())?;
        self.bytes(&bytes)
    }

    /// Writes the end.
    pub fn finish(mut self) -> io::Result<Summary> {
        self.record(&Record::End(self.summary))?;
        self.to.write_all(self.digest.finish().as_ref())?;
        self.to.flush()?;
        Ok(self.summary)
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.to.write_all(bytes)
    }
}

/// Collects what is written into pieces of some size and sends them. Whoever writes waits, and must be allowed to block;
/// once nobody receives, writing fails.
pub struct Pieces {
    to: mpsc::Sender<Bytes>,
    piece: Vec<u8>,
}

impl Pieces {
    /// Sends to this channel.
    pub fn new(to: mpsc::Sender<Bytes>) -> Self {
        Self { to, piece: Vec::new() }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() {
            return Ok(());
        }
        self.to.blocking_send(piece.into()).map_err(|_| ErrorKind::BrokenPipe.into())
    }
}

/// The records of a backup, for tests that make one by hand.
#[cfg(any(test, feature = "testing"))]
pub fn write_all(log_seq: u64, records: &[Record]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, log_seq)?;
    records.iter().try_for_each(|record| writer.record(record))?;
    writer.finish()?;
    Ok(bytes)
}
