//! What is durable in the journal alone: it outlives a crash, damage to one copy, and a full disk.

use std::fs;
use std::path::Path;

use super::super::journal::{COPY_MAX, EARLIER_LEN, RING, SECTOR};
use super::super::tables::{META_JOURNAL_IN_USE, META_JOURNAL_KEY, META_JOURNAL_SEQ};
use super::backend::Disk;
use super::*;

/// What a crash would leave of an open store.
pub(super) fn crashed(path: &Path) -> (TempDir, PathBuf) {
    let (directory, copy) = place();
    fs::copy(path, &copy).expect("a copy");
    fs::copy(path.with_extension(JOURNAL), copy.with_extension(JOURNAL)).expect("a copy");
    (directory, copy)
}

/// A number of the database.
pub(super) fn meta(path: &Path, key: &str) -> u64 {
    let database = Builder::new().open(path).expect("a database");
    let meta = database.begin_read().expect("a read").open_table(META).expect("a table");
    meta.get(key).expect("a read").expect("a number").value()
}

/// Sets a number of the database.
pub(super) fn set_meta(path: &Path, key: &str, value: u64) {
    let database = Builder::new().open(path).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    transaction.open_table(META).expect("a table").insert(key, value).expect("written");
    transaction.commit().expect("durable");
}

/// A store that crashed with three edits in its journal: each in a record of its own, since it was waited for.
pub(super) async fn three_edits() -> (TempDir, PathBuf) {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    create(&store, "a").await;
    for update in ["1", "2", "3"] {
        append(&store, "a", update).await.expect("durable");
    }
    crashed(&path)
}

pub(super) async fn found(path: &Path) -> (Vec<String>, u64) {
    let store = RedbStore::open(path).expect("the store opens");
    let log = *store.watch_log().borrow();
    (texts(&store, "a").await.0, log)
}

fn three() -> (Vec<String>, u64) {
    (["1", "2", "3"].map(str::to_owned).to_vec(), 4)
}

fn spoil(path: &Path, at: usize) {
    let journal = path.with_extension(JOURNAL);
    let mut bytes = fs::read(&journal).expect("a journal");
    bytes[at] ^= 1;
    fs::write(&journal, bytes).expect("written");
}

#[tokio::test]
async fn what_was_answered_outlives_a_crash_at_any_moment() {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    create(&store, "a").await;
    create(&store, "b").await;
    let mut expected = Vec::new();
    for i in 0..40 {
        append(&store, "a", &i.to_string()).await.expect("durable");
        append(&store, "b", "x").await.expect("durable");
        expected.push(i.to_string());
        if i % 9 == 8 {
            store.compact(&name("b"), Generation(1), Bytes::from_static(b"b"), i + 1).await.expect("a snapshot");
        }
        let (_directory, copy) = crashed(&path);
        let again = RedbStore::open(&copy).expect("it opens after a crash");
        assert_eq!(texts(&again, "a").await, (expected.clone(), i + 1));
        assert_eq!(texts(&again, "b").await.1, i + 1);
        assert_eq!(*again.watch_log().borrow(), 2 + 2 * (i + 1));
        assert_eq!(append(&again, "a", "next").await, Ok(i + 2), "and goes on");
    }
}

#[tokio::test]
async fn a_load_sees_what_is_in_the_journal_alone() {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    create(&store, "a").await;
    append(&store, "a", "1").await.expect("durable");
    store.compact(&name("a"), Generation(1), Bytes::from_static(b"1"), 1).await.expect("a snapshot");
    append(&store, "a", "2").await.expect("durable");
    let room = store.load(&name("a")).await.expect("readable").expect("there");
    let texts: Vec<_> = room.updates.iter().map(|update| update.as_ref()).collect();
    assert_eq!((room.snapshot.as_deref(), texts, room.last_seq), (Some(&b"1"[..]), vec![&b"2"[..]], 2));
}

/// Where a copy of one of the three edits stands.
fn copy(record: usize, second: bool) -> usize {
    (2 * record + usize::from(second)) * SECTOR
}

fn spoil_both(path: &Path, record: usize) {
    for second in [false, true] {
        spoil(path, copy(record, second) + 60);
    }
}

#[tokio::test]
async fn one_damaged_copy_is_mended_from_the_other() {
    let (_directory, path) = three_edits().await;
    for second in [false, true] {
        for record in 0..3 {
            // Of what authenticates it, of its number, of its length, of its body.
            for byte in [0, 35, 42, 60] {
                let (_directory, path) = crashed(&path);
                spoil(&path, copy(record, second) + byte);
                assert_eq!(found(&path).await, three(), "record {record}, byte {byte} of a copy");
            }
        }
    }
}

#[tokio::test]
async fn a_second_copy_is_found_behind_a_first_one_of_any_length() {
    for len in [1, SECTOR - 200, SECTOR, 5 * SECTOR, COPY_MAX - 1_000] {
        let (_directory, path) = place();
        let store = RedbStore::open(&path).expect("a new store");
        create(&store, "a").await;
        let texts = ["x".repeat(len), "last".to_owned()];
        for text in &texts {
            append(&store, "a", text).await.expect("durable");
        }
        let (_directory, path) = crashed(&path);
        let journal = path.with_extension(JOURNAL);
        let mut bytes = fs::read(&journal).expect("a journal");
        bytes[..SECTOR].fill(0xff);
        fs::write(&journal, bytes).expect("written");
        assert!(found(&path).await.0 == texts, "{len}");
    }
}

#[tokio::test]
async fn a_second_copy_that_stands_elsewhere_does_not_count() {
    let (_directory, path) = three_edits().await;
    let journal = path.with_extension(JOURNAL);
    let mut bytes = fs::read(&journal).expect("a journal");
    // The last record's, farther behind than it is long.
    let last = copy(2, true);
    bytes.copy_within(last..last + SECTOR, last + SECTOR);
    bytes[copy(2, false)..last + SECTOR].fill(0);
    fs::write(&journal, bytes).expect("written");
    assert!(matches!(error(RedbStore::open(&path)), StoreError::Damaged(_)), "nor is it a record cut off by a crash");
}

#[tokio::test]
async fn a_record_that_is_missing_before_another_is_damage() {
    for record in 0..2 {
        let (_directory, path) = three_edits().await;
        spoil_both(&path, record);
        let StoreError::Damaged(why) = error(RedbStore::open(&path)) else { panic!("it opens") };
        assert!(why.contains("journal") && why.contains("missing"), "{why}");
        assert!(matches!(RedbStore::check(&path, |_| Ok(0)), Err(StoreError::Damaged(_))));
    }
}

#[tokio::test]
async fn a_last_record_that_a_crash_cut_off_was_never_answered() {
    let (_directory, path) = three_edits().await;
    spoil_both(&path, 2);
    let store = RedbStore::open(&path).expect("it opens");
    assert_eq!(texts(&store, "a").await, (vec!["1".into(), "2".into()], 2));
    assert_eq!(append(&store, "a", "other").await, Ok(3));
    let (_directory, path) = crashed(&path);
    assert_eq!(found(&path).await.0, ["1", "2", "other"]);
}

#[tokio::test]
async fn a_record_of_which_one_copy_was_written_is_there() {
    let (_directory, path) = three_edits().await;
    let journal = path.with_extension(JOURNAL);
    let bytes = fs::read(&journal).expect("a journal");
    // A disk may write the sectors of one request in any order.
    for second in [false, true] {
        let mut bytes = bytes.clone();
        bytes[copy(2, second)..][..SECTOR].fill(0);
        let (_directory, path) = crashed(&path);
        fs::write(path.with_extension(JOURNAL), bytes).expect("written");
        assert_eq!(found(&path).await, three());
    }
}

#[tokio::test]
async fn a_journal_that_is_cut_missing_or_of_a_later_time_is_refused() {
    let (_directory, path) = three_edits().await;
    let journal = path.with_extension(JOURNAL);
    let bytes = fs::read(&journal).expect("a journal");
    for len in [0, SECTOR, EARLIER_LEN as usize, bytes.len() - 1] {
        fs::write(&journal, &bytes[..len]).expect("written");
        assert!(matches!(error(RedbStore::open(&path)), StoreError::Damaged(_)), "cut to {len}");
    }
    fs::remove_file(&journal).expect("removed");
    let StoreError::Damaged(why) = error(RedbStore::open(&path)) else { panic!("it opens") };
    assert!(why.contains("is missing"), "{why}");
    assert!(!journal.exists(), "none is made in its place");
    fs::write(&journal, &bytes).expect("written");

    // An older database, brought back from a copy, beside the journal of a newer one.
    let (_older, older) = crashed(&path);
    let store = RedbStore::open(&path).expect("it opens");
    create(&store, "b").await;
    append(&store, "b", "4").await.expect("durable");
    fs::copy(path.with_extension(JOURNAL), older.with_extension(JOURNAL)).expect("a copy");
    let StoreError::Damaged(why) = error(RedbStore::open(&older)) else { panic!("it opens") };
    assert!(why.contains("record 5 is missing before record 6"), "{why}");
}

#[tokio::test]
async fn nobody_outside_can_make_a_record() {
    let (_directory, path) = three_edits().await;
    let key = meta(&path, META_JOURNAL_KEY);
    assert_ne!(key, 0);
    let journal = path.with_extension(JOURNAL);
    let mut bytes = fs::read(&journal).expect("a journal");
    // What somebody who knew another key could write into a text: a record at a place where one may begin.
    let (_other, other) = three_edits().await;
    let foreign = fs::read(other.with_extension(JOURNAL)).expect("a journal");
    let last = copy(2, false)..copy(3, false);
    bytes[copy(3, false)..copy(4, false)].copy_from_slice(&foreign[last.clone()]);
    bytes.copy_within(last, copy(5, false));
    fs::write(&journal, bytes).expect("written");
    assert_eq!(found(&path).await, three(), "neither an old record nor a foreign one counts");
}

#[tokio::test]
async fn a_store_that_was_closed_needs_no_journal() {
    let (_directory, path) = three_edits().await;
    let store = RedbStore::open(&path).expect("it opens");
    store.close().await;
    assert_eq!((meta(&path, META_JOURNAL_IN_USE), meta(&path, META_JOURNAL_SEQ)), (0, 4));
    fs::remove_file(path.with_extension(JOURNAL)).expect("removed");
    assert_eq!(found(&path).await, three());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(path.with_extension(JOURNAL)).expect("a new one").permissions(),
    );
    assert_eq!(mode & 0o077, 0, "texts are for nobody else");
}

#[tokio::test]
async fn a_check_counts_what_the_journal_holds() {
    let (_directory, path) = three_edits().await;
    let found = RedbStore::check(&path, |_| Ok(3)).expect("it opens");
    assert_eq!((found.edits, found.entries, found.problems), (3, 4, 0), "{found:?}");
}

#[tokio::test]
async fn more_than_the_journal_takes_goes_into_the_database() {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    create(&store, "a").await;
    // The largest body of one record, less what postcard adds to it, one above, and many that fill it.
    let sizes = [COPY_MAX - 1_000, COPY_MAX, 3 * COPY_MAX].into_iter().chain([700_000; 12]);
    let expected: Vec<String> = sizes.map(|size| "x".repeat(size)).collect();
    for text in &expected {
        append(&store, "a", text).await.expect("durable");
    }
    assert_eq!(fs::metadata(path.with_extension(JOURNAL)).expect("a journal").len(), RING as u64);
    let (_directory, path) = crashed(&path);
    assert_eq!(found(&path).await.0, expected);
}

#[tokio::test]
async fn a_failed_record_is_never_followed_by_another() {
    let (_directory, path) = place();
    let disk = Disk::default();
    let store = disk.open(&path);
    create(&store, "a").await;
    create(&store, "b").await;
    append(&store, "b", "kept").await.expect("durable");
    disk.set_full(true);
    append(&store, "a", "lost").await.expect_err("a full disk");
    disk.set_full(false);
    append(&store, "b", "later").await.expect("durable");
    append(&store, "b", "last").await.expect("durable");
    let (_directory, path) = crashed(&path);
    let store = RedbStore::open(&path).expect("it opens");
    assert_eq!(texts(&store, "b").await.0, ["kept", "later", "last"]);
}
