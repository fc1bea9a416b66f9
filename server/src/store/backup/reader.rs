//! Reading a backup, and checking all that can be checked of it.

use std::io::Read;

use collab_proto::RoomName;
use collab_proto::api::{BACKUP_DIGEST_BYTES, BACKUP_MAGIC, BACKUP_MAGICS};
use ring::digest::{Context, SHA256};

use super::{BackupError, MAX_RECORD_BYTES, Record, Summary};

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
