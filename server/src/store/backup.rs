//! A backup: everything that a store holds, as bytes that anybody can check.
//!
//! ```text
//! collab-backup 3\n      16 bytes; the number is the version of what follows; versions 1 and 2 are read too
//! length, record         4 bytes, big-endian, and so many bytes of postcard
//! …                      again and again, until the record is the end
//! digest                 32 bytes: SHA-256 of everything before it
//! ```
//!
//! The records come in one order: the head; for each room, by name, the room, its snapshot if there is one, and its edits
//! without a gap; the log's entries without a gap; the end. [`Reader`] takes nothing else, so that whatever it has read to
//! its end is whole. Numbers, lists and texts are as in the store; a variant's position is its number.

use std::io::{self, ErrorKind, Read, Write};

use bytes::Bytes;
use collab_proto::RoomName;
use collab_proto::api::{BACKUP_DIGEST_BYTES, BACKUP_MAGIC, BACKUP_MAGICS};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::record::{FirstRecord, RoomRecord, SecondRecord};
use crate::audit::NewEntry;

/// Longest record, in bytes: the largest document that can be configured, several times over.
const MAX_RECORD_BYTES: u32 = 64 << 20;

/// Bytes are handed over in pieces of about this size.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// One part of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The first record.
    Head {
        /// The number of the newest log entry there ever was.
        log_seq: u64,
    },
    /// A room as the first version of a backup has it. It is read as [`Record::Room`].
    FirstRoom(FirstRecord),
    /// The text of the last room up to an edit.
    Snapshot {
        /// The number of that edit.
        seq: u64,
        /// The text, as one Yjs update.
        state: Bytes,
    },
    /// An edit of the last room.
    Update {
        /// Its number.
        seq: u64,
        /// The Yjs update.
        update: Bytes,
    },
    /// An entry of the log.
    Entry {
        /// Its number.
        seq: u64,
        /// What it says.
        entry: NewEntry,
    },
    /// The last record: what came before.
    End(Summary),
    /// A room as the second version of a backup has it. It is read as [`Record::Room`].
    SecondRoom(SecondRecord),
    /// A room.
    Room(RoomRecord),
}

/// What is in a backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rooms.
    pub rooms: u64,
    /// Edits that are not in a snapshot.
    pub edits: u64,
    /// Log entries.
    pub entries: u64,
}

impl Summary {
    fn count(&mut self, record: &Record) {
        match record {
            Record::Room(_) => self.rooms += 1,
            Record::Update { .. } => self.edits += 1,
            Record::Entry { .. } => self.entries += 1,
            Record::Head { .. } | Record::Snapshot { .. } | Record::End(_) => {}
            Record::FirstRoom(_) | Record::SecondRoom(_) => {}
        }
    }
}

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Reading failed.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// It is something else.
    #[error("it is not a backup of a collab-server, or one of another version")]
    NotABackup,
    /// It ends too early.
    #[error("it is cut off")]
    Cut,
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::Cut } else { Self::Io(error) }
    }
}

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

/// Reads a backup record by record, and checks what can be checked of each.
pub struct Reader<R> {
    from: R,
    digest: Context,
    summary: Summary,
    place: Place,
    log_seq: u64,
}

/// What was read last.
#[derive(Debug)]
enum Place {
    Start,
    Head,
    /// The number of the last edit of a room; none right behind the room.
    Room(RoomName, Option<u64>),
    Entry(u64),
    End,
}

impl<R: Read> Reader<R> {
    /// Reads the beginning.
    ///
    /// # Errors
    ///
    /// [`BackupError`]; so do the other functions.
    pub fn new(from: R) -> Result<Self, BackupError> {
        let (digest, summary) = (Context::new(&SHA256), Summary::default());
        let mut reader = Self { from, digest, summary, place: Place::Start, log_seq: 0 };
        let mut magic = [0; BACKUP_MAGIC.len()];
        reader.exactly(&mut magic)?;
        if !BACKUP_MAGICS.contains(&&magic) {
            return Err(BackupError::NotABackup);
        }
        match reader.read()? {
            Some(Record::Head { log_seq }) => Ok(Self { log_seq, ..reader }),
            _ => Err(BackupError::Damaged("it does not begin with a head")),
        }
    }

    /// The number of the newest log entry there ever was.
    pub fn log_seq(&self) -> u64 {
        self.log_seq
    }

    /// The next record between head and end; none at the end, which is where the whole is known to be what was written.
    pub fn read(&mut self) -> Result<Option<Record>, BackupError> {
        let mut len = [0; 4];
        self.exactly(&mut len)?;
        let len = u32::from_be_bytes(len);
        if len > MAX_RECORD_BYTES {
            return Err(BackupError::Damaged("a record is too long"));
        }
        // The length may be wrong: no memory is taken before the bytes are there.
        let mut bytes = Vec::new();
        (&mut self.from).take(len.into()).read_to_end(&mut bytes)?;
        if bytes.len() != len as usize {
            return Err(BackupError::Cut);
        }
        self.digest.update(&bytes);
        let record = match postcard::from_bytes(&bytes).map_err(|_| BackupError::Damaged("a record is not one"))? {
            Record::FirstRoom(first) => Record::Room(first.into()),
            Record::SecondRoom(second) => Record::Room(second.into()),
            record => record,
        };
        self.step(&record)?;
        match record {
            Record::End(_) => self.end().map(|()| None),
            record => Ok(Some(record)),
        }
    }

    /// What was read so far.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Reads to the end.
    pub fn verify(mut self) -> Result<Summary, BackupError> {
        while self.read()?.is_some() {}
        Ok(self.summary)
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.from.read_exact(bytes)?;
        self.digest.update(bytes);
        Ok(())
    }

    /// Checks that a record may follow the last one.
    fn step(&mut self, record: &Record) -> Result<(), BackupError> {
        let last = std::mem::replace(&mut self.place, Place::End);
        let wrong = BackupError::Damaged("a record is out of order");
        self.place = match (last, record) {
            (Place::Start, Record::Head { .. }) => Place::Head,
            (Place::Head, Record::Room(room)) => Place::Room(room.name.clone(), None),
            (Place::Room(last, _), Record::Room(room)) if last < room.name => Place::Room(room.name.clone(), None),
            (Place::Room(name, None), Record::Snapshot { seq, .. }) => Place::Room(name, Some(*seq)),
            (Place::Room(name, last), Record::Update { seq, .. }) if last.unwrap_or(0).checked_add(1) == Some(*seq) => {
                Place::Room(name, Some(*seq))
            }
            (Place::Head | Place::Room(..), Record::Entry { seq, .. }) if *seq <= self.log_seq => Place::Entry(*seq),
            (Place::Entry(last), Record::Entry { seq, .. }) if last + 1 == *seq && *seq <= self.log_seq => {
                Place::Entry(*seq)
            }
            (Place::Head | Place::Room(..), Record::End(summary)) if *summary == self.summary => Place::End,
            (Place::Entry(last), Record::End(summary)) if last == self.log_seq && *summary == self.summary => {
                Place::End
            }
            _ => return Err(wrong),
        };
        self.summary.count(record);
        Ok(())
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let mut digest = [0; BACKUP_DIGEST_BYTES];
        self.from.read_exact(&mut digest)?;
        if self.digest.clone().finish().as_ref() != digest {
            return Err(BackupError::Damaged("its digest does not fit"));
        }
        match self.from.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(BackupError::Damaged("there is something behind its end")),
        }
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

#[cfg(test)]
mod tests {
    use collab_proto::api::LogKind;

    use super::*;
    use crate::store::conformance::{entry, name, record};

    fn room(name: &str) -> Record {
        Record::Room(record(name, 1))
    }

    fn update(seq: u64) -> Record {
        Record::Update { seq, update: Bytes::from_static(b"edit") }
    }

    fn snapshot(seq: u64) -> Record {
        Record::Snapshot { seq, state: Bytes::from_static(b"text") }
    }

    fn logged(seq: u64) -> Record {
        Record::Entry { seq, entry: entry(7, LogKind::Edited, "a") }
    }

    fn sample() -> Vec<Record> {
        vec![room("a"), snapshot(4), update(5), update(6), room("b"), update(1), room("c"), logged(8), logged(9)]
    }

    fn read(bytes: &[u8]) -> Result<Vec<Record>, BackupError> {
        let mut reader = Reader::new(bytes)?;
        let mut records = Vec::new();
        while let Some(record) = reader.read()? {
            records.push(record);
        }
        Ok(records)
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = write_all(9, &sample()).unwrap();
        assert_eq!(read(&bytes).unwrap(), sample());
        assert_eq!(Reader::new(&bytes[..]).unwrap().verify().unwrap(), Summary { rooms: 3, edits: 3, entries: 2 });
        assert_eq!(read(&write_all(0, &[]).unwrap()).unwrap(), []);
        assert_eq!(Reader::new(&bytes[..]).unwrap().log_seq(), 9);
        assert_eq!(name("a").as_str(), "a");
    }

    /// A backup of an earlier version that holds one room and one edit.
    fn earlier(magic: &[u8; 16], room: Record) -> Vec<u8> {
        let mut bytes = magic.to_vec();
        let end = Record::End(Summary { rooms: 1, edits: 1, entries: 0 });
        for record in [Record::Head { log_seq: 0 }, room, update(1), end] {
            let record = postcard::to_stdvec(&record).unwrap();
            bytes.extend(u32::try_from(record.len()).unwrap().to_be_bytes());
            bytes.extend(record);
        }
        let digest = ring::digest::digest(&SHA256, &bytes);
        bytes.extend(digest.as_ref());
        bytes
    }

    #[test]
    fn backups_of_earlier_versions_are_read() {
        let RoomRecord { name, generation, created_ms, password_hash, password_version, .. } = record("a", 1);
        let first = FirstRecord { name, generation, created_ms, password_hash, password_version };
        let bytes = earlier(b"collab-backup 1\n", Record::FirstRoom(first));
        assert_eq!(read(&bytes).unwrap(), [room("a"), update(1)]);

        let RoomRecord { name, generation, created_ms, password_hash, password_version, .. } = record("a", 1);
        let second = SecondRecord {
            name,
            generation,
            created_ms,
            password_hash,
            password_version,
            viewer_hash: Some("v".into()),
            viewer_version: 4,
            roles: Default::default(),
            bans: Vec::new(),
            revision: 9,
        };
        let bytes = earlier(b"collab-backup 2\n", Record::SecondRoom(second));
        let expected = RoomRecord { viewer_hash: Some("v".into()), viewer_version: 4, revision: 9, ..record("a", 1) };
        assert_eq!(read(&bytes).unwrap(), [Record::Room(expected), update(1)]);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let bytes = write_all(9, &sample()).unwrap();
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "cut to {len}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                assert!(read(&bytes).is_err(), "bit {bit} of byte {at}");
            }
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(read(&longer), Err(BackupError::Damaged(_))));
    }

    #[test]
    fn what_is_out_of_order_is_refused_whatever_its_digest() {
        let wrong = [
            vec![update(1)],
            vec![snapshot(1)],
            vec![room("b"), room("a")],
            vec![room("a"), room("a")],
            vec![room("a"), update(2)],
            vec![room("a"), update(1), update(3)],
            vec![room("a"), update(1), snapshot(1)],
            vec![room("a"), snapshot(1), update(1)],
            vec![room("a"), snapshot(u64::MAX), update(0)],
            vec![logged(9), room("a")],
            vec![logged(7), logged(9)],
            vec![logged(8)],
            vec![logged(9), logged(10)],
            vec![Record::Head { log_seq: 9 }],
            vec![Record::End(Summary::default())],
        ];
        for records in wrong {
            let bytes = write_all(9, &records).unwrap();
            assert!(matches!(read(&bytes), Err(BackupError::Damaged(_))), "{records:?}");
        }
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        let mut bytes = BACKUP_MAGIC.to_vec();
        bytes.extend(MAX_RECORD_BYTES.to_be_bytes());
        assert!(matches!(read(&bytes), Err(BackupError::Cut)));
        bytes.truncate(BACKUP_MAGIC.len());
        bytes.extend((MAX_RECORD_BYTES + 1).to_be_bytes());
        assert!(matches!(read(&bytes), Err(BackupError::Damaged(_))));
        assert!(matches!(read(b"something else, longer than the beginning"), Err(BackupError::NotABackup)));
    }

    #[test]
    fn writing_ends_when_nobody_receives() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut pieces = Pieces::new(sender);
        pieces.write_all(&[7; PIECE_BYTES]).unwrap();
        assert_eq!(receiver.blocking_recv().map(|piece| piece.len()), Some(PIECE_BYTES));
        drop(receiver);
        assert_eq!(pieces.write_all(&[7; PIECE_BYTES]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
