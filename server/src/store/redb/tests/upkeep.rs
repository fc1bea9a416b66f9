//! A store that nobody uses: checked, filled from a backup, and made smaller when it opens.

use std::fs;

use bytes::Bytes;
use collab_proto::Generation;
use redb::WriteTransaction;

use super::super::tables::{LOG, LOG_BY_ROOM, ROOMS, SNAPSHOTS, UPDATES, encode_record};
use super::*;
use crate::store::backup::{BackupError, Record, write_all};
use crate::store::conformance::backup;

/// A closed store with two rooms, one of them with a snapshot.
async fn sample(path: &Path) {
    let store = RedbStore::open(path).expect("a new store");
    for room in ["a", "b"] {
        create(&store, room).await;
        for update in ["1", "2", "3"] {
            append(&store, room, update).await.expect("durable");
        }
    }
    store.compact(&name("a"), Generation(1), Bytes::from_static(b"12"), 2).await.expect("a snapshot");
    store.prune_log(0, 7).await.expect("pruned");
    store.close().await;
}

fn findings(path: &Path) -> Findings {
    RedbStore::check(path, |_| Ok(10)).expect("it opens")
}

fn spoil(path: &Path, spoil: impl FnOnce(&WriteTransaction)) {
    let database = Builder::new().open(path).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    spoil(&transaction);
    transaction.commit().expect("durable");
}

#[tokio::test]
async fn a_whole_store_is_found_whole() {
    let (_directory, path) = place();
    sample(&path).await;
    let found = findings(&path);
    assert_eq!((found.rooms, found.characters, found.edits, found.recent_edits), (2, 20, 6, 4));
    assert_eq!((found.entries, found.log, found.problems), (7, (2, 8), 0), "{found:?}");
    assert_eq!(found.file_bytes, fs::metadata(&path).expect("a file").len());
    let again = Findings { free_bytes: found.free_bytes, ..findings(&path) };
    assert_eq!(again, found, "a check leaves what is in it as it was");
}

#[tokio::test]
async fn every_kind_of_damage_in_single_records_is_told() {
    let other = encode_record(&record("z", 1)).expect("a record");
    type Spoil<'s> = Box<dyn FnOnce(&WriteTransaction) + 's>;
    let cases: Vec<(&str, Spoil<'_>)> = vec![
        ("edit 2 of b is missing", Box::new(|t| drop(t.open_table(UPDATES).unwrap().remove(("b", 2)).unwrap()))),
        ("edit 1 of a is missing", Box::new(|t| drop(t.open_table(SNAPSHOTS).unwrap().remove("a").unwrap()))),
        (
            "a room's record cannot be read",
            Box::new(|t| drop(t.open_table(ROOMS).unwrap().insert("b", &b"\x01?"[..]).unwrap())),
        ),
        ("says z", Box::new(|t| drop(t.open_table(ROOMS).unwrap().insert("b", other.as_slice()).unwrap()))),
        ("edits of b, which is no room", Box::new(|t| drop(t.open_table(ROOMS).unwrap().remove("b").unwrap()))),
        ("a snapshot of a, which", Box::new(|t| drop(t.open_table(ROOMS).unwrap().remove("a").unwrap()))),
        ("entries 4 to 4 are missing", Box::new(|t| drop(t.open_table(LOG).unwrap().remove(4).unwrap()))),
        ("newest log entry is 7", Box::new(|t| drop(t.open_table(LOG).unwrap().remove(8).unwrap()))),
        ("log entry 5", Box::new(|t| drop(t.open_table(LOG).unwrap().insert(5, &b"\x02"[..]).unwrap()))),
        ("entry 6 is not found", Box::new(|t| drop(t.open_table(LOG_BY_ROOM).unwrap().remove(("b", 6)).unwrap()))),
        (
            "8 log entries are listed",
            Box::new(|t| drop(t.open_table(LOG_BY_ROOM).unwrap().insert(("c", 6), ()).unwrap())),
        ),
    ];
    let (_directory, whole) = place();
    sample(&whole).await;
    for (told, case) in cases {
        let (_directory, path) = place();
        fs::copy(&whole, &path).expect("a copy");
        spoil(&path, case);
        let found = findings(&path);
        assert!(found.told.iter().any(|line| line.contains(told)), "{told}: {:?}", found.told);
        assert!(found.problems >= 1);
    }
    let found = RedbStore::check(&whole, |room| Err(format!("{} is unreadable", room.updates.len()))).expect("open");
    assert_eq!(found.told, ["room a: 1 is unreadable", "room b: 3 is unreadable"]);
}

#[tokio::test]
async fn a_store_that_is_open_is_not_checked() {
    let (_directory, path) = place();
    let _store = RedbStore::open(&path).expect("a new store");
    assert_eq!(RedbStore::check(&path, |_| Ok(0)).expect_err("in use"), StoreError::InUse);
}

#[tokio::test]
async fn a_restored_store_holds_the_same_in_another_life() {
    let (directory, path) = place();
    sample(&path).await;
    let old = RedbStore::open(&path).expect("the same store");
    let records = backup(&old).await.expect("a backup");
    let bytes = write_all(8, &records).expect("a backup");
    let copy = directory.path().join("copy");
    let mut lives = 10..;
    let life = || Ok(Generation(lives.next().expect("a number")));
    let restored = entry(9, LogKind::Restored, "a");
    RedbStore::restore(&copy, Reader::new(&bytes[..]).expect("a backup"), life, restored.clone()).expect("restored");

    let new = RedbStore::open(&copy).expect("a store");
    let mut expected = records;
    let mut lives = 10..;
    for record in &mut expected {
        if let Record::Room(room) = record {
            room.generation = Generation(lives.next().expect("a number"));
        }
    }
    expected.push(Record::Entry { seq: 9, entry: restored });
    assert_eq!(backup(&new).await, Ok(expected));
    assert_eq!(*new.watch_log().borrow(), 9);
    assert_eq!(append(&new, "a", "late").await, Err(StoreError::NoSuchRoom), "the old life is over");
    new.close().await;
    assert_eq!(findings(&copy).problems, 0);
}

#[tokio::test]
async fn nothing_is_left_of_a_restore_that_failed() {
    let (directory, path) = place();
    let bytes = write_all(0, &[Record::Room(record("a", 1)), Record::Room(record("b", 1))]).expect("a backup");
    let cut = Reader::new(&bytes[..bytes.len() - 1]).expect("its beginning");
    let failed = RedbStore::restore(&path, cut, || Ok(Generation(2)), entry(0, LogKind::Restored, "a"));
    assert!(matches!(failed, Err(RestoreError::Backup(BackupError::Cut))), "{failed:?}");
    assert_eq!(fs::read_dir(directory.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_store_that_is_mostly_free_is_made_smaller_when_it_opens() {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    let room = |i: usize| format!("room-{i}");
    for i in 0..40 {
        create(&store, &room(i)).await;
        append(&store, &room(i), &"x".repeat(1_000_000)).await.expect("durable");
    }
    // What is last in the file stays, so that it cannot simply be cut.
    for i in 0..36 {
        store.delete_room(&name(&room(i)), entry(0, LogKind::RoomDeleted, "a")).await.expect("deleted");
    }
    store.close().await;
    let before = findings(&path);
    assert!(before.file_bytes > 32 << 20 && before.free_bytes > before.file_bytes / 2, "{before:?}");

    let store = RedbStore::open(&path).expect("the same store");
    assert_eq!(texts(&store, "room-39").await, (vec!["x".repeat(1_000_000)], 1));
    store.close().await;
    let after = findings(&path);
    assert!(after.file_bytes < before.file_bytes / 4, "{after:?}");
    assert_eq!((after.problems, after.entries), (0, before.entries));
}
