//! What becomes of writes when the disk fails, and that one sync serves many.

use futures_util::FutureExt;

use super::backend::Disk;
use super::*;

async fn enqueue(store: &RedbStore, room: &str, update: &str) -> BoxFuture<'static, Result<Durable, StoreError>> {
    let admission = store.admit(update.len()).await.expect("room for it");
    store.append(admission, edit(room, update))
}

fn failed<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Failed(_)))
}

#[tokio::test]
async fn one_sync_serves_everybody_who_waits() {
    let (_directory, path) = place();
    let disk = Disk::default();
    let store = disk.open(&path);
    create(&store, "a").await;
    let before = store.commits();

    disk.journal.shut();
    let first = enqueue(&store, "a", "0").await;
    disk.journal.until_waiting();
    let mut rest = Vec::new();
    for i in 1..1_000 {
        rest.push(enqueue(&store, "a", &i.to_string()).await);
    }
    disk.journal.release();
    assert_eq!(first.await.expect("durable").seq, 1);
    let seqs: Vec<_> = join_all(rest).await.into_iter().map(|durable| durable.expect("durable").seq).collect();
    assert_eq!(seqs, (2..=1_000).collect::<Vec<_>>());
    assert_eq!(store.commits() - before, 2, "one for the first, one for all who waited meanwhile");
}

#[tokio::test]
async fn nothing_is_answered_before_the_sync() {
    let (_directory, path) = place();
    let disk = Disk::default();
    let store = disk.open(&path);
    create(&store, "a").await;
    disk.journal.shut();
    let mut answer = enqueue(&store, "a", "0").await;
    disk.journal.until_waiting();
    assert!((&mut answer).now_or_never().is_none());
    assert_eq!(*store.watch_log().borrow(), 1, "nor is it shown to those who follow the log");
    disk.journal.release();
    assert_eq!(answer.await.expect("durable").seq, 1);
}

#[tokio::test]
async fn after_a_failure_a_room_goes_on_only_when_it_was_loaded() {
    let (_directory, path) = place();
    let disk = Disk::default();
    let store = disk.open(&path);
    create(&store, "a").await;
    create(&store, "b").await;
    append(&store, "a", "kept").await.expect("durable");

    disk.journal.shut();
    let in_the_batch = enqueue(&store, "a", "lost").await;
    disk.journal.until_waiting();
    let behind = enqueue(&store, "a", "built on the lost one").await;
    disk.set_full(true);
    disk.journal.release();
    assert!(failed(&in_the_batch.await));
    disk.set_full(false);
    assert!(failed(&behind.await));
    assert!(failed(&append(&store, "a", "still built on it").await));
    assert_eq!(append(&store, "b", "x").await, Ok(1), "other rooms go on");

    // Whether the one whose sync failed is there is unknown; those behind it are not.
    let (found, last_seq) = texts(&store, "a").await;
    assert!(found == ["kept"] || found == ["kept", "lost"], "{found:?}");
    assert_eq!(append(&store, "a", "next").await, Ok(last_seq + 1));
    assert_eq!(texts(&store, "a").await.0, [found, vec!["next".to_owned()]].concat());
    let log = store.logs(&LogQuery::default()).await.expect("a page");
    let seqs: Vec<_> = log.entries.iter().rev().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (1..=log.last_seq).collect::<Vec<_>>(), "no gap in the log");
}

#[tokio::test]
async fn a_full_disk_fails_every_write_until_there_is_space() {
    let (_directory, path) = place();
    let disk = Disk::default();
    let store = disk.open(&path);
    create(&store, "a").await;
    disk.set_full(true);
    assert!(failed(&store.log(vec![entry(0, LogKind::Joined, "a")]).await));
    assert!(failed(&store.delete_room(&name("a"), entry(0, LogKind::RoomDeleted, "a")).await));
    assert!(failed(&store.load(&name("a")).await), "a failure is not absence");
    disk.set_full(false);
    assert_eq!(texts(&store, "a").await, (Vec::new(), 0));
    assert_eq!(append(&store, "a", "x").await, Ok(1));
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_again_says_so_and_recovers() {
    let (_directory, path) = place();
    let disk = Disk::default();
    let store = disk.open(&path);
    create(&store, "a").await;
    disk.set_full(true);
    disk.set_gone(true);
    assert!(failed(&append(&store, "a", "x").await));
    disk.set_full(false);
    let gone = StoreError::Failed("the disk is gone".into());
    assert_eq!(store.room(&name("a")).await, Err(gone.clone()));
    assert_eq!(store.rooms().await, Err(gone.clone()));
    assert_eq!(store.load(&name("a")).await, Err(gone.clone()));
    assert_eq!(store.logs(&LogQuery::default()).await, Err(gone));

    disk.set_gone(false);
    assert_eq!(texts(&store, "a").await, (Vec::new(), 0));
    assert_eq!(append(&store, "a", "x").await, Ok(1));
}
