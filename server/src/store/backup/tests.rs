use std::io::Write;

use collab_proto::api::{BACKUP_MAGIC, LogKind};
use ring::digest::SHA256;
use tokio::sync::mpsc;

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
