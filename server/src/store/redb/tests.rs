mod backend;

mod damage;

mod earlier;

mod failure;

mod journal;

mod ring;

mod settling;

mod upkeep;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use collab_proto::api::{LogKind, LogQuery};
use collab_proto::{Generation, Role};
use futures_util::future::join_all;
use redb::{Builder, ReadableDatabase};
use tempfile::TempDir;

use super::files::Occasion;
use super::tables::{META, META_SCHEMA, ROOMS, SCHEMA, encode_record};
use super::*;
use crate::store::conformance::{self, append, create, edit, entry, name, record, texts};
use crate::store::faulty::FaultyStore;
use crate::store::record::{Entrance, GivenRole};

/// A place for one store.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("collab.redb");
    (directory, path)
}

/// Makes stores in one directory.
fn maker(directory: &TempDir) -> impl Fn() -> RedbStore {
    let next = std::cell::Cell::new(0);
    move || {
        next.set(next.get() + 1);
        RedbStore::open(directory.path().join(next.get().to_string())).expect("a new store")
    }
}

fn error(opened: Result<RedbStore, StoreError>) -> StoreError {
    opened.err().expect("it must not open")
}

#[tokio::test]
async fn does_what_every_store_owes() {
    let (directory, _) = place();
    conformance::check(maker(&directory)).await;
}

#[tokio::test]
async fn does_so_behind_a_store_without_faults() {
    let (directory, _) = place();
    let make = maker(&directory);
    conformance::check(|| FaultyStore::new(make()).0).await;
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    create(&store, "a").await;
    append(&store, "a", "1").await.expect("durable");
    store.compact(&name("a"), Generation(1), Bytes::from_static(b"one"), 1).await.expect("a snapshot");
    append(&store, "a", "2").await.expect("durable");
    store.log(vec![entry(5, LogKind::Joined, "a")]).await.expect("logged");
    store.prune_log(0, 2).await.expect("pruned");
    let room = store.load(&name("a")).await;
    let log = store.logs(&LogQuery::default()).await;
    drop(store);

    let store = RedbStore::open(&path).expect("the same store");
    assert_eq!(store.load(&name("a")).await, room);
    assert_eq!(store.logs(&LogQuery::default()).await, log);
    assert_eq!(*store.watch_log().borrow(), 4);
    assert_eq!(append(&store, "a", "3").await, Ok(3));
}

#[tokio::test]
async fn a_store_is_opened_once() {
    let (_directory, path) = place();
    let first = RedbStore::open(&path).expect("a new store");
    assert_eq!(error(RedbStore::open(&path)), StoreError::InUse);
    create(&first, "a").await;
    first.close().await;
    let second = RedbStore::open(&path).expect("a closed store opens again, before it is dropped");
    assert_eq!(second.rooms().await, Ok(vec![record("a", 1)]));
}

#[tokio::test]
async fn a_file_written_again_is_the_same() {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    create(&store, "a").await;
    append(&store, "a", &"x".repeat(3 << 20)).await.expect("durable");
    store.close().await;
    let database = files::open(&path, Occasion::Failure).expect("the same store");
    assert_eq!(error(RedbStore::open(&path)), StoreError::InUse, "the lock survives");
    drop(database);

    let store = RedbStore::open(&path).expect("the same store");
    assert_eq!(texts(&store, "a").await, (vec!["x".repeat(3 << 20)], 1));
}

#[test]
fn a_newer_schema_is_refused() {
    let (_directory, path) = place();
    drop(RedbStore::open(&path).expect("a new store"));
    let database = Builder::new().open(&path).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    transaction.open_table(META).expect("a table").insert(META_SCHEMA, 7).expect("written");
    transaction.commit().expect("durable");
    drop(database);
    assert_eq!(error(RedbStore::open(&path)), StoreError::NewerSchema { found: 7, known: SCHEMA as u32 });
}

/// A record as schema 1 has it: the format's number, then name, generation, time, password and its version.
const FIRST_RECORD: &[u8] = b"\x01\x01a\x01\x07\x0d$argon2id$\xe2\x80\xa6\x01";

/// A record as schemas 2 and 3 have it: after the same, the viewers' password and its version, a role, no ban, and the revision.
const SECOND_RECORD: &[u8] = b"\x02\x01a\x01\x07\x0d$argon2id$\xe2\x80\xa6\x01\x01\x01v\x02\x01\x03ada\x00\x00\x00\x03";

/// A store of an older schema with one room, a, and one edit.
async fn older_store(path: &Path, schema: u64, record: &[u8]) {
    let store = RedbStore::open(path).expect("a new store");
    create(&store, "a").await;
    append(&store, "a", "1").await.expect("durable");
    drop(store);
    let database = Builder::new().open(path).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    transaction.open_table(META).expect("a table").insert(META_SCHEMA, schema).expect("written");
    transaction.open_table(ROOMS).expect("a table").insert("a", record).expect("written");
    transaction.commit().expect("durable");
}

#[tokio::test]
async fn a_store_of_an_older_schema_is_read_and_goes_on_in_the_new_one() {
    let given = GivenRole { role: Role::Viewer, entrance: Entrance::Editors };
    let second = RoomRecord {
        viewer_hash: Some("v".into()),
        viewer_version: 2,
        roles: [("ada".into(), given)].into(),
        revision: 3,
        ..record("a", 1)
    };
    let fourth = encode_record(&second).expect("bytes");
    let older = [
        (1, FIRST_RECORD, record("a", 1)),
        (2, SECOND_RECORD, second.clone()),
        (3, SECOND_RECORD, second.clone()),
        (4, &fourth, second),
    ];
    for (older, bytes, expected) in older {
        let (_directory, path) = place();
        older_store(&path, older, bytes).await;

        let findings = check::check(&path, |_| Ok(1)).expect("a store");
        assert_eq!((findings.rooms, findings.problems), (1, 0), "{:?}", findings.told);
        let schema = |path: &PathBuf| {
            let database = Builder::new().open(path).expect("a database");
            let meta = database.begin_read().expect("a read").open_table(META).expect("a table");
            meta.get(META_SCHEMA).expect("a read").map(|schema| schema.value())
        };
        assert_eq!(schema(&path), Some(older), "who only looks changes nothing");

        let store = RedbStore::open(&path).expect("the same store");
        assert_eq!(store.room(&name("a")).await, Ok(Some(expected.clone())));
        assert_eq!(append(&store, "a", "2").await, Ok(2));
        let mut changed = RoomRecord { revision: expected.revision + 1, owner_version: 2, ..expected };
        changed.policy.burst = Some(5);
        store.update_room(changed.clone(), entry(1, LogKind::PolicyChanged, "a")).await.expect("written");
        drop(store);
        assert_eq!(schema(&path), Some(SCHEMA), "an older version could not read that");
        let store = RedbStore::open(&path).expect("the same store");
        assert_eq!(store.room(&name("a")).await, Ok(Some(changed)));
        assert_eq!(texts(&store, "a").await, (vec!["1".into(), "2".into()], 2));
    }
}

#[test]
fn a_new_store_is_whole_before_it_has_its_name() {
    let (_directory, path) = place();
    let draft = path.with_extension("redb.new");
    std::fs::write(&draft, "half of a store that a crash left").expect("written");
    let store = RedbStore::open(&path).expect("a new store");
    assert!(!draft.exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else reads the password hashes");
    }
    drop(store);
}

#[test]
fn appends_from_many_threads_keep_the_order_of_each() {
    let (_directory, path) = place();
    let store = Arc::new(RedbStore::open(&path).expect("a new store"));
    let run = |work: BoxFuture<'_, ()>| {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work);
    };
    run(create(&*store, "a").boxed());
    thread::scope(|scope| {
        for writer in 0..8 {
            let store = &store;
            scope.spawn(move || run(append_forty(store, writer).boxed()));
        }
    });
    run(async {
        let (texts, last_seq) = texts(&*store, "a").await;
        assert_eq!((texts.len(), last_seq), (320, 320));
        for writer in 0..8 {
            let own: Vec<_> = texts.iter().filter(|text| text.starts_with(&format!("{writer}/"))).collect();
            assert_eq!(own, (0..40).map(|i| format!("{writer}/{i}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
        }
    }
    .boxed());
}

async fn append_forty(store: &RedbStore, writer: u32) {
    let mut answers = Vec::new();
    for i in 0..40 {
        let admission = store.admit(8).await.expect("room for it");
        answers.push(store.append(admission, edit("a", &format!("{writer}/{i}"))));
    }
    let seqs: Vec<_> = join_all(answers).await.into_iter().map(|durable| durable.expect("durable").seq).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
}

#[tokio::test]
async fn a_long_log_is_pruned_in_steps() {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    let many = 2 * PRUNE_STEP + 5;
    store.log((0..many).map(|i| NewEntry::new(i, LogKind::Joined)).collect()).await.expect("logged");
    let commits = store.commits();
    assert_eq!(store.prune_log(u64::MAX, many).await, Ok(many));
    assert_eq!(store.commits() - commits, 3);
    assert_eq!(store.logs(&LogQuery::default()).await.expect("a page").entries, []);
}
