//! What is in the journal goes into the database beside the writer: nobody who writes waits for it, and nothing is lost or
//! doubled, however it ends.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use futures_util::FutureExt;

use super::super::journal::{COPY_MAX, RING, SECTOR};
use super::super::tables::{META_JOURNAL_AT, META_JOURNAL_IN_USE};
use super::backend::{Disk, Fate};
use super::journal::{crashed, meta, set_meta};
use super::*;

/// A store on a disk, with the room a.
async fn one_room(path: &Path) -> (Disk, RedbStore) {
    let disk = Disk::default();
    let store = disk.open(path);
    create(&store, "a").await;
    (disk, store)
}

/// A settling that is held up at a sync. It goes on when this is dropped, so that a test that fails ends.
struct HeldUp {
    disk: Disk,
    settled: BoxFuture<'static, Result<Answer, StoreError>>,
}

impl HeldUp {
    /// Appends an edit to the room a, and begins to bring it into the database.
    async fn new(disk: &Disk, store: &RedbStore, update: &str) -> Self {
        Self::by(disk, store, update, Op::Settle).await
    }

    async fn by(disk: &Disk, store: &RedbStore, update: &str, op: Op) -> Self {
        disk.database.shut();
        append(store, "a", update).await.expect("durable");
        let held = Self { disk: disk.clone(), settled: store.submit(op, None) };
        disk.database.until_waiting();
        held
    }

    fn release(&self) {
        self.disk.database.release();
    }

    /// Lets it go on, and waits for its end.
    async fn go_on(mut self) -> Result<(), StoreError> {
        self.release();
        (&mut self.settled).await.map(drop)
    }
}

impl Drop for HeldUp {
    fn drop(&mut self) {
        self.release();
    }
}

fn numbers(to: u64) -> Vec<String> {
    (1..=to).map(|n| n.to_string()).collect()
}

/// The room a holds the edits 1 up to `last`, and the log its creation and each of them, once.
async fn assert_holds(store: &RedbStore, last: u64) {
    assert_eq!(texts(store, "a").await, (numbers(last), last));
    let log = store.logs(&LogQuery { after: Some(0), ..LogQuery::default() }).await.expect("a page");
    let entries: Vec<_> = log.entries.iter().map(|entry| (entry.seq, entry.kind)).collect();
    let edits = (2..=last + 1).map(|seq| (seq, LogKind::Edited));
    assert_eq!(entries, [(1, LogKind::RoomCreated)].into_iter().chain(edits).collect::<Vec<_>>());
    assert_eq!(*store.watch_log().borrow(), last + 1);
}

#[tokio::test]
async fn who_writes_or_loads_meanwhile_does_not_wait() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let mut held = HeldUp::new(&disk, &store, "1").await;
    assert_eq!(append(&store, "a", "2").await, Ok(2));
    assert_eq!(texts(&store, "a").await, (numbers(2), 2), "what is on its way, and what came after it");
    assert_eq!(append(&store, "a", "3").await, Ok(3));
    let log = store.watch_log();
    assert_eq!(*log.borrow(), 4);
    assert!((&mut held.settled).now_or_never().is_none());
    held.go_on().await.expect("settled");
    assert!(!log.has_changed().expect("a store"), "what is in the journal alone still counts");
    assert_holds(&store, 3).await;
    assert_eq!(append(&store, "a", "4").await, Ok(4));
    assert_holds(&store, 4).await;
}

#[tokio::test]
async fn it_begins_by_itself() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    disk.database.shut();
    append(&store, "a", "1").await.expect("durable");
    disk.database.until_waiting();
    let second = append(&store, "a", "2").await;
    disk.database.release();
    assert_eq!(second, Ok(2));
    store.close().await;
    assert_holds(&RedbStore::open(&path).expect("the same store"), 2).await;
}

/// What a power cut would leave when the database's file is still as in `before`, or as it is now.
fn cut(path: &Path, before: &[u8]) -> [(TempDir, PathBuf); 2] {
    let (written, lost) = (crashed(path), crashed(path));
    fs::write(&lost.1, before).expect("written");
    [written, lost]
}

#[tokio::test]
async fn a_power_cut_at_any_moment_takes_nothing() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let mut before = fs::read(&path).expect("a database");
    let mut last = 0;
    for _ in 0..3 {
        last += 1;
        let held = HeldUp::new(&disk, &store, &last.to_string()).await;
        // A commit has two syncs.
        for sync in 0..2 {
            last += 1;
            append(&store, "a", &last.to_string()).await.expect("durable");
            for (_directory, copy) in cut(&path, &before) {
                let again = RedbStore::open(&copy).expect("it opens after a power cut");
                assert_holds(&again, last).await;
                assert_eq!(append(&again, "a", "next").await, Ok(last + 1), "and goes on");
            }
            if sync == 0 {
                disk.database.step();
            }
        }
        held.go_on().await.expect("settled");
        assert_holds(&store, last).await;
        before = fs::read(&path).expect("a database");
        let (_directory, copy) = crashed(&path);
        assert_holds(&RedbStore::open(&copy).expect("it opens after a crash"), last).await;
    }
}

#[tokio::test]
async fn the_journal_goes_round_and_round() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let (mut expected, mut places) = (Vec::new(), BTreeSet::new());
    for i in 0..24_usize {
        let letter = char::from(b'a' + i as u8 % 26).to_string();
        expected.extend([letter.repeat(900_000), letter.repeat(400_000 + 9_999 * i)]);
        let [first, second] = expected.last_chunk().expect("two");
        let held = HeldUp::new(&disk, &store, first).await;
        append(&store, "a", second).await.expect("durable");
        let (_directory, copy) = crashed(&path);
        held.go_on().await.expect("settled");
        places.insert(meta(&copy, META_JOURNAL_AT));
        let again = RedbStore::open(&copy).expect("it opens after a crash");
        assert!(texts(&again, "a").await.0 == expected, "after {} edits", expected.len());
    }
    assert!(places.len() > 4, "records stood everywhere: {places:?}");
}

#[tokio::test]
async fn what_a_failed_settling_did_not_bring_comes_later_and_nothing_twice() {
    use Fate::{Fails, Good, Panics};
    // With the last of them the database may hold it all the same.
    for fates in [&[Fails][..], &[Panics], &[Good, Fails], &[Good, Panics]] {
        let (_directory, path) = place();
        let (disk, store) = one_room(&path).await;
        let held = HeldUp::new(&disk, &store, "1").await;
        append(&store, "a", "2").await.expect("durable");
        disk.database.next_syncs(fates);
        held.release();
        // Whether it comes before or behind the failure.
        assert_eq!(append(&store, "a", "3").await, Ok(3), "{fates:?}");
        // What was on its way fails; who asked for it may have come too late to go with it.
        let _ = held.go_on().await;
        assert!(disk.database.had_its_fates());
        let (_directory, copy) = crashed(&path);
        assert_holds(&RedbStore::open(&copy).expect("it opens after a crash"), 3).await;

        append(&store, "a", "4").await.expect("durable");
        assert_eq!(texts(&store, "a").await, (numbers(4), 4), "{fates:?}");
        assert_holds(&store, 4).await;
        store.close().await;
        assert_eq!(meta(&path, META_JOURNAL_IN_USE), 0);
        assert_holds(&RedbStore::open(&path).expect("the same store"), 4).await;
    }
}

#[tokio::test]
async fn a_panic_that_leaves_the_database_locked_is_a_failure_like_others() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    disk.database.panic_at_growth();
    append(&store, "a", &"x".repeat(COPY_MAX / 2)).await.expect("durable");
    // What asked for it may have come too late to go with it.
    let _ = store.submit(Op::Settle, None).await;
    assert!(disk.database.had_its_fates());
    append(&store, "a", "2").await.expect("durable");
    assert_eq!(texts(&store, "a").await.1, 2);
    assert_eq!(store.logs(&LogQuery::default()).await.expect("a page").last_seq, 3);
    store.close().await;
    assert_eq!(texts(&RedbStore::open(&path).expect("the same store"), "a").await.1, 2);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_again_gets_everything_when_it_can() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let held = HeldUp::new(&disk, &store, "1").await;
    append(&store, "a", "2").await.expect("durable");
    disk.database.set_full(true);
    held.go_on().await.expect_err("it failed");
    append(&store, "a", "lost").await.expect_err("the database cannot be read");
    disk.database.set_full(false);
    assert_eq!(texts(&store, "a").await, (numbers(2), 2));
    assert_eq!(append(&store, "a", "3").await, Ok(3));
    assert_holds(&store, 3).await;
}

#[tokio::test]
async fn a_full_journal_waits_for_what_is_on_its_way() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let held = HeldUp::new(&disk, &store, "1").await;
    let long = "x".repeat(COPY_MAX - 1_000);
    let count = RING as u64 / (2 * COPY_MAX as u64);
    for seq in 2..=count {
        assert_eq!(append(&store, "a", &long).await, Ok(seq));
    }
    let admission = store.admit(long.len()).await.expect("room for it");
    let mut last = store.append(admission, edit("a", &long));
    assert!((&mut last).now_or_never().is_none(), "the journal does not hold so much");
    held.release();
    assert_eq!(last.await.expect("durable").seq, count + 1);
    held.go_on().await.expect("settled");
    let (_directory, copy) = crashed(&path);
    assert_eq!(texts(&RedbStore::open(&copy).expect("it opens"), "a").await.1, count + 1);
}

#[tokio::test]
async fn what_is_for_the_database_comes_behind_what_is_on_its_way() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let held = HeldUp::new(&disk, &store, "1").await;
    append(&store, "a", "2").await.expect("durable");
    let mut deleted = store.submit(Op::Delete(name("a"), entry(0, LogKind::RoomDeleted, "a")), None);
    let behind = store.admit(1).await.expect("room for it");
    let behind = store.append(behind, edit("a", "3"));
    assert!((&mut deleted).now_or_never().is_none());
    held.go_on().await.expect("settled");
    deleted.await.expect("deleted");
    assert_eq!(behind.await, Err(StoreError::NoSuchRoom));
    assert_eq!(*store.watch_log().borrow(), 4);
    assert_eq!(store.load(&name("a")).await, Ok(None));
}

#[tokio::test]
async fn a_snapshot_goes_beside_as_well() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let snapshot = Bytes::from_static(b"one");
    let compact = Op::Compact { name: name("a"), generation: Generation(1), snapshot: snapshot.clone(), seq: 1 };
    let held = HeldUp::by(&disk, &store, "1", compact).await;
    append(&store, "a", "2").await.expect("durable");
    assert_eq!(texts(&store, "a").await, (numbers(2), 2));
    held.go_on().await.expect("compacted");
    let room = store.load(&name("a")).await.expect("a load").expect("a room");
    assert_eq!((room.snapshot, room.updates, room.last_seq), (Some(snapshot), vec!["2".into()], 2));
}

#[tokio::test]
async fn a_store_that_closes_waits_for_it() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let held = HeldUp::new(&disk, &store, "1").await;
    append(&store, "a", "2").await.expect("durable");
    let snapshot = Bytes::from_static(b"one");
    let compacted = store.submit(Op::Compact { name: name("a"), generation: Generation(1), snapshot, seq: 1 }, None);
    let mut closed = store.close();
    assert!((&mut closed).now_or_never().is_none());
    held.release();
    closed.await;
    assert!(held.go_on().await.is_ok() && compacted.await.is_ok());
    assert_eq!(meta(&path, META_JOURNAL_IN_USE), 0);
    let again = RedbStore::open(&path).expect("the same store");
    assert_eq!(texts(&again, "a").await, (vec!["2".into()], 2));
}

#[tokio::test]
async fn a_place_where_no_record_can_stand_is_damage() {
    let (_directory, path) = place();
    let (disk, store) = one_room(&path).await;
    let held = HeldUp::new(&disk, &store, "1").await;
    let (_directory, copy) = crashed(&path);
    for at in [SECTOR as u64 - 1, (RING + SECTOR) as u64, u64::MAX] {
        set_meta(&copy, META_JOURNAL_AT, at);
        assert!(matches!(error(RedbStore::open(&copy)), StoreError::Damaged(_)), "{at}");
    }
    held.go_on().await.expect("settled");
}
