//! What every store owes, as checks: one for each sentence of [`Store`]'s contract that can be seen from outside.
//!
//! A store's own tests call [`check`]; a check that fails panics.

use bytes::Bytes;
use collab_proto::api::{LogKind, LogQuery};
use collab_proto::{Generation, MemberId, RoomName};
use futures_util::future::{join, join_all};
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;

use super::backup::{Reader, Record};
use super::{Append, RoomRecord, Store, StoreError, WAITING_BYTES};
use crate::audit::NewEntry;

/// Checks a kind of store. `make` gives a new, empty one each time.
pub async fn check<S: Store>(make: impl Fn() -> S) {
    a_room_is_there_from_creation_to_deletion(make()).await;
    a_record_is_replaced_within_its_generation(make()).await;
    absence_is_not_failure(make()).await;
    appends_are_numbered_and_loaded_in_the_order_of_the_calls(make()).await;
    an_append_goes_on_without_its_future(make()).await;
    an_append_to_another_generation_is_refused(make()).await;
    a_new_room_of_an_old_name_is_empty(make()).await;
    a_snapshot_takes_the_place_of_its_edits(make()).await;
    a_snapshot_never_takes_an_edit_with_it(make()).await;
    an_edit_and_its_entry_are_there_together(make()).await;
    what_is_refused_leaves_no_entry(make()).await;
    what_waits_is_bounded(make()).await;
    log_entries_are_numbered_without_gaps(make()).await;
    every_field_of_an_entry_comes_back(make()).await;
    the_log_is_filtered(make()).await;
    pages_neither_skip_nor_repeat(make()).await;
    a_watcher_sees_the_log_grow(make()).await;
    pruning_takes_the_oldest_and_keeps_the_numbers(make()).await;
    a_backup_holds_everything(make()).await;
    a_closed_store_says_so(make()).await;
}

/// A backup of a store, read to its end.
pub async fn backup(store: &impl Store) -> Result<Vec<Record>, StoreError> {
    let (sender, mut pieces) = mpsc::channel::<Bytes>(1);
    let mut bytes = Vec::new();
    let collect = async {
        while let Some(piece) = pieces.recv().await {
            bytes.extend_from_slice(&piece);
        }
    };
    let (summary, ()) = join(store.backup(sender), collect).await;
    let mut reader = Reader::new(&bytes[..]).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let mut records = Vec::new();
    while let Some(record) = reader.read().expect("a whole backup") {
        records.push(record);
    }
    assert_eq!(reader.summary(), summary?);
    Ok(records)
}

/// A name for a room.
pub fn name(name: &str) -> RoomName {
    RoomName::parse(name).expect("a room's name")
}

/// A record of `generation`, with nothing secret in it.
pub fn record(room: &str, generation: u64) -> RoomRecord {
    RoomRecord::new(name(room), Generation(generation), 7, "$argon2id$…".into())
}

/// An entry of `kind` at `time_ms`, about `room`.
pub fn entry(time_ms: u64, kind: LogKind, room: &str) -> NewEntry {
    NewEntry { room: Some(name(room)), ..NewEntry::new(time_ms, kind) }
}

/// An edit of a room of generation 1.
pub fn edit(room: &str, update: &str) -> Append {
    Append {
        room: name(room),
        generation: Generation(1),
        update: Some(Bytes::copy_from_slice(update.as_bytes())),
        entry: entry(0, LogKind::Edited, room),
    }
}

/// Makes a room of generation 1.
pub async fn create(store: &impl Store, room: &str) {
    store.create_room(record(room, 1), entry(0, LogKind::RoomCreated, room)).await.expect("a new room");
}

/// Appends one edit to a room of generation 1 and gives its number.
pub async fn append(store: &impl Store, room: &str, update: &str) -> Result<u64, StoreError> {
    let admission = store.admit(update.len()).await?;
    store.append(admission, edit(room, update)).await.map(|durable| durable.seq)
}

/// The updates of a room as text, and its last number.
pub async fn texts(store: &impl Store, room: &str) -> (Vec<String>, u64) {
    let room = store.load(&name(room)).await.expect("a load").expect("a room");
    (room.updates.iter().map(|update| String::from_utf8_lossy(update).into_owned()).collect(), room.last_seq)
}

async fn seqs(store: &impl Store, query: LogQuery) -> Vec<u64> {
    store.logs(&query).await.expect("a page").entries.iter().map(|entry| entry.seq).collect()
}

async fn kinds(store: &impl Store) -> Vec<LogKind> {
    let page = store.logs(&LogQuery { after: Some(0), ..LogQuery::default() }).await.expect("a page");
    page.entries.iter().map(|entry| entry.kind).collect()
}

async fn a_room_is_there_from_creation_to_deletion(store: impl Store) {
    create(&store, "b").await;
    create(&store, "a").await;
    assert_eq!(store.rooms().await, Ok(vec![record("a", 1), record("b", 1)]));
    assert_eq!(store.room(&name("a")).await, Ok(Some(record("a", 1))));
    let loaded = store.load(&name("a")).await.expect("a load").expect("a room");
    assert_eq!((loaded.record, loaded.snapshot, loaded.updates.len(), loaded.last_seq), (record("a", 1), None, 0, 0));

    let again = store.create_room(record("a", 2), entry(0, LogKind::RoomCreated, "a")).await;
    assert_eq!(again, Err(StoreError::RoomExists));
    assert_eq!(store.room(&name("a")).await, Ok(Some(record("a", 1))), "a refused creation changes nothing");

    assert_eq!(store.delete_room(&name("a"), entry(0, LogKind::RoomDeleted, "a")).await, Ok(()));
    assert_eq!(store.rooms().await, Ok(vec![record("b", 1)]));
}

async fn a_record_is_replaced_within_its_generation(store: impl Store) {
    create(&store, "a").await;
    let changed = RoomRecord { password_hash: "other".into(), password_version: 2, revision: 1, ..record("a", 1) };
    assert_eq!(store.update_room(changed.clone(), entry(1, LogKind::PasswordChanged, "a")).await, Ok(()));
    assert_eq!(store.room(&name("a")).await, Ok(Some(changed.clone())));

    // Whoever read the record before the change must read it again.
    for revision in [0, 1, 3] {
        let stale = RoomRecord { revision, ..record("a", 1) };
        let refused = store.update_room(stale, entry(1, LogKind::PasswordChanged, "a")).await;
        assert_eq!(refused, Err(StoreError::Conflict), "{revision}");
    }
    let other_life = store.update_room(record("a", 2), entry(1, LogKind::PasswordChanged, "a")).await;
    assert_eq!(other_life, Err(StoreError::NoSuchRoom));
    assert_eq!(store.room(&name("a")).await, Ok(Some(changed)));
}

async fn absence_is_not_failure(store: impl Store) {
    assert_eq!(store.room(&name("a")).await, Ok(None));
    assert_eq!(store.load(&name("a")).await, Ok(None));
    assert_eq!(store.rooms().await, Ok(Vec::new()));
    let entry = || entry(0, LogKind::Edited, "a");
    assert_eq!(store.update_room(record("a", 1), entry()).await, Err(StoreError::NoSuchRoom));
    assert_eq!(store.delete_room(&name("a"), entry()).await, Err(StoreError::NoSuchRoom));
    assert_eq!(append(&store, "a", "x").await, Err(StoreError::NoSuchRoom));
    let compacted = store.compact(&name("a"), Generation(1), Bytes::new(), 0).await;
    assert_eq!(compacted, Err(StoreError::NoSuchRoom));
}

async fn appends_are_numbered_and_loaded_in_the_order_of_the_calls(store: impl Store) {
    create(&store, "a").await;
    create(&store, "b").await;
    let mut answers = Vec::new();
    for i in 0..50 {
        for room in ["a", "b"] {
            let admission = store.admit(2).await.expect("room for it");
            answers.push(store.append(admission, edit(room, &i.to_string())));
        }
    }
    // Nothing was polled yet, and the last is polled first: only the calls count.
    let seqs = join_all(answers.into_iter().rev()).await;
    let seqs: Vec<_> = seqs.into_iter().rev().map(|durable| durable.expect("durable").seq).collect();
    assert_eq!(seqs, (1..=50).flat_map(|seq| [seq, seq]).collect::<Vec<_>>());
    let expected: Vec<_> = (0..50).map(|i| i.to_string()).collect();
    assert_eq!(texts(&store, "a").await, (expected.clone(), 50));
    assert_eq!(texts(&store, "b").await, (expected, 50));

    let admission = store.admit(0).await.expect("room for it");
    let nothing = store.append(admission, Append { update: None, ..edit("a", "") }).await;
    assert_eq!(nothing.expect("durable").seq, 50, "an edit that changed nothing takes no number");
    assert_eq!(texts(&store, "a").await.1, 50);
}

async fn an_append_goes_on_without_its_future(store: impl Store) {
    create(&store, "a").await;
    let admission = store.admit(1).await.expect("room for it");
    drop(store.append(admission, edit("a", "x")));
    assert_eq!(texts(&store, "a").await, (vec!["x".to_owned()], 1), "a load sees what was called before it");
}

async fn an_append_to_another_generation_is_refused(store: impl Store) {
    create(&store, "a").await;
    let admission = store.admit(1).await.expect("room for it");
    let other_life = Append { generation: Generation(2), ..edit("a", "x") };
    assert_eq!(store.append(admission, other_life).await, Err(StoreError::NoSuchRoom));
    assert_eq!(texts(&store, "a").await, (Vec::new(), 0));
    assert_eq!(append(&store, "a", "y").await, Ok(1), "a refusal is not a failure: the room goes on");
}

async fn a_new_room_of_an_old_name_is_empty(store: impl Store) {
    create(&store, "a").await;
    append(&store, "a", "x").await.expect("durable");
    store.compact(&name("a"), Generation(1), Bytes::from_static(b"X"), 1).await.expect("a snapshot");
    append(&store, "a", "y").await.expect("durable");
    store.delete_room(&name("a"), entry(0, LogKind::RoomDeleted, "a")).await.expect("deleted");
    assert_eq!(store.load(&name("a")).await, Ok(None));

    store.create_room(record("a", 2), entry(0, LogKind::RoomCreated, "a")).await.expect("a new room");
    let room = store.load(&name("a")).await.expect("a load").expect("a room");
    assert_eq!((room.snapshot, room.updates.len(), room.last_seq), (None, 0, 0));
    assert_eq!(append(&store, "a", "z").await, Err(StoreError::NoSuchRoom), "the old life does not come back");
}

async fn a_snapshot_takes_the_place_of_its_edits(store: impl Store) {
    create(&store, "a").await;
    create(&store, "a-b").await;
    for update in ["1", "2", "3"] {
        append(&store, "a", update).await.expect("durable");
        append(&store, "a-b", update).await.expect("durable");
    }
    assert_eq!(store.compact(&name("a"), Generation(1), Bytes::from_static(b"12"), 2).await, Ok(()));
    let room = store.load(&name("a")).await.expect("a load").expect("a room");
    assert_eq!(room.snapshot, Some(Bytes::from_static(b"12")));
    assert_eq!((room.updates, room.last_seq), (vec![Bytes::from_static(b"3")], 3));
    assert_eq!(texts(&store, "a-b").await.1, 3, "another room is not touched");

    assert_eq!(store.compact(&name("a"), Generation(1), Bytes::from_static(b"123"), 3).await, Ok(()));
    assert_eq!(texts(&store, "a").await, (Vec::new(), 3));
    assert_eq!(append(&store, "a", "4").await, Ok(4), "the numbers go on after a snapshot of everything");
}

async fn a_snapshot_never_takes_an_edit_with_it(store: impl Store) {
    create(&store, "a").await;
    append(&store, "a", "1").await.expect("durable");
    append(&store, "a", "2").await.expect("durable");
    let ahead = store.compact(&name("a"), Generation(1), Bytes::from_static(b"123"), 3).await;
    assert!(matches!(ahead, Err(StoreError::Failed(_))), "{ahead:?}");
    let other_life = store.compact(&name("a"), Generation(2), Bytes::from_static(b"12"), 2).await;
    assert_eq!(other_life, Err(StoreError::NoSuchRoom));
    assert_eq!(texts(&store, "a").await.0, ["1", "2"]);

    store.compact(&name("a"), Generation(1), Bytes::from_static(b"12"), 2).await.expect("a snapshot");
    assert_eq!(store.compact(&name("a"), Generation(1), Bytes::from_static(b"1"), 1).await, Ok(()));
    let room = store.load(&name("a")).await.expect("a load").expect("a room");
    assert_eq!(room.snapshot, Some(Bytes::from_static(b"12")), "an older snapshot changes nothing");
}

async fn an_edit_and_its_entry_are_there_together(store: impl Store) {
    create(&store, "a").await;
    append(&store, "a", "x").await.expect("durable");
    assert_eq!(kinds(&store).await, [LogKind::RoomCreated, LogKind::Edited]);
    store.delete_room(&name("a"), entry(0, LogKind::RoomDeleted, "a")).await.expect("deleted");
    assert_eq!(
        kinds(&store).await,
        [LogKind::RoomCreated, LogKind::Edited, LogKind::RoomDeleted],
        "the log outlives the room"
    );
}

async fn what_is_refused_leaves_no_entry(store: impl Store) {
    create(&store, "a").await;
    store.create_room(record("a", 2), entry(0, LogKind::RoomCreated, "a")).await.expect_err("it exists");
    store.update_room(record("b", 1), entry(0, LogKind::PasswordChanged, "b")).await.expect_err("it does not exist");
    store.delete_room(&name("b"), entry(0, LogKind::RoomDeleted, "b")).await.expect_err("it does not exist");
    append(&store, "b", "x").await.expect_err("it does not exist");
    assert_eq!(kinds(&store).await, [LogKind::RoomCreated]);
}

async fn what_waits_is_bounded(store: impl Store) {
    let everything = store.admit(usize::MAX).await.expect("more than the bound takes all of it");
    assert!(store.admit(1).now_or_never().is_none(), "there is no room left");
    drop(everything);
    let half = store.admit(WAITING_BYTES as usize / 2).await.expect("room for it");
    assert!(store.admit(WAITING_BYTES as usize).now_or_never().is_none(), "half is held");

    create(&store, "a").await;
    store.append(half, edit("a", "x")).await.expect("durable");
    store.admit(WAITING_BYTES as usize).await.expect("what is durable is not counted");
}

async fn log_entries_are_numbered_without_gaps(store: impl Store) {
    assert_eq!(*store.watch_log().borrow(), 0);
    store.log(vec![entry(1, LogKind::Joined, "a"), entry(2, LogKind::Left, "a")]).await.expect("logged");
    create(&store, "a").await;
    append(&store, "a", "x").await.expect("durable");
    store.log(Vec::new()).await.expect("nothing to log");
    store.log(vec![NewEntry::new(3, LogKind::ServerStopped)]).await.expect("logged");
    assert_eq!(seqs(&store, LogQuery { after: Some(0), ..LogQuery::default() }).await, [1, 2, 3, 4, 5]);
    assert_eq!(seqs(&store, LogQuery::default()).await, [5, 4, 3, 2, 1], "newest first by default");
    assert_eq!(*store.watch_log().borrow(), 5);
}

async fn every_field_of_an_entry_comes_back(store: impl Store) {
    for (i, &kind) in LogKind::ALL.iter().enumerate() {
        let full = NewEntry {
            time_ms: u64::MAX,
            kind,
            room: Some(name("a")),
            member: Some(MemberId(i as u64)),
            name: Some("Zoë".into()),
            address: Some("2001:db8::1".parse().expect("an address")),
            bytes: Some(u64::MAX),
            detail: Some("more".into()),
        };
        store.log(vec![full.clone(), NewEntry::new(0, kind)]).await.expect("logged");
        let page = store.logs(&LogQuery { limit: Some(2), ..LogQuery::default() }).await.expect("a page");
        let seq = 2 * i as u64 + 1;
        assert_eq!(page.entries, [NewEntry::new(0, kind).numbered(seq + 1), full.numbered(seq)]);
    }
}

async fn the_log_is_filtered(store: impl Store) {
    let by = |time_ms, kind, room, who: &str, member| NewEntry {
        name: Some(who.into()),
        member: Some(MemberId(member)),
        ..entry(time_ms, kind, room)
    };
    let entries = vec![
        by(10, LogKind::Joined, "a", "Ada", 1),
        by(20, LogKind::Joined, "b", "ÉMILE", 12),
        by(30, LogKind::Edited, "a", "Adam", 3),
        by(40, LogKind::Left, "a", "1", 4),
        NewEntry::new(50, LogKind::ServerStopped),
    ];
    store.log(entries).await.expect("logged");
    let all = LogQuery::default;
    let cases = [
        (LogQuery { room: Some(name("a")), ..all() }, vec![4, 3, 1]),
        (LogQuery { room: Some(name("c")), ..all() }, vec![]),
        (LogQuery { kind: Some(LogKind::Joined), ..all() }, vec![2, 1]),
        (LogQuery { user: Some("aDa".into()), ..all() }, vec![3, 1]),
        (LogQuery { user: Some("émile".into()), ..all() }, vec![2]),
        (LogQuery { user: Some("1".into()), ..all() }, vec![4, 1]),
        (LogQuery { since_ms: Some(20), until_ms: Some(40), ..all() }, vec![3, 2]),
        (LogQuery { room: Some(name("a")), kind: Some(LogKind::Edited), user: Some("3".into()), ..all() }, vec![3]),
        (LogQuery { before: Some(3), ..all() }, vec![2, 1]),
        (LogQuery { after: Some(3), ..all() }, vec![4, 5]),
        (LogQuery { after: Some(1), before: Some(4), room: Some(name("a")), ..all() }, vec![3]),
        (LogQuery { before: Some(1), ..all() }, vec![]),
        (LogQuery { before: Some(0), ..all() }, vec![]),
        (LogQuery { after: Some(u64::MAX), ..all() }, vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(seqs(&store, query.clone()).await, expected, "{query:?}");
    }
    let follow = LogQuery { after: Some(0), room: Some(name("b")), ..all() };
    assert_eq!(store.logs(&follow).await.expect("a page").last_seq, 5, "a follower need not look at the others again");
}

async fn pages_neither_skip_nor_repeat(store: impl Store) {
    let room_of = |i: u64| if i.is_multiple_of(3) { "a" } else { "b" };
    store.log((1..=2_500).map(|i| entry(i, LogKind::Edited, room_of(i))).collect()).await.expect("logged");
    let default = store.logs(&LogQuery::default()).await.expect("a page");
    assert_eq!((default.entries.len(), default.first_seq, default.last_seq, default.more), (100, 2_401, 2_500, true));
    let greedy = store.logs(&LogQuery { limit: Some(u32::MAX), ..LogQuery::default() }).await.expect("a page");
    assert_eq!(greedy.entries.len(), 1_000);

    for (room, limit) in [(None, 1_000), (None, 500), (Some("a"), 7), (Some("b"), 1_000), (Some("c"), 1)] {
        let query = LogQuery { room: room.map(name), limit: Some(limit), ..LogQuery::default() };
        let expected: Vec<u64> = (1..=2_500).filter(|&i| room.is_none_or(|r| r == room_of(i))).collect();
        let forth = all_pages(&store, LogQuery { after: Some(0), ..query.clone() }).await;
        assert_eq!(forth, expected, "oldest first, {query:?}");
        let mut back = all_pages(&store, query.clone()).await;
        back.reverse();
        assert_eq!(back, expected, "newest first, {query:?}");
    }
}

/// Follows a query to its end.
async fn all_pages(store: &impl Store, query: LogQuery) -> Vec<u64> {
    let pages = stream::unfold(Some(query), async |query| {
        let query = query?;
        let page = store.logs(&query).await.expect("a page");
        let next = match query.after {
            Some(_) => LogQuery { after: Some(page.last_seq), ..query },
            None => LogQuery { before: Some(page.first_seq), ..query },
        };
        let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
        Some((seqs, page.more.then_some(next)))
    });
    pages.collect::<Vec<_>>().await.concat()
}

async fn a_watcher_sees_the_log_grow(store: impl Store) {
    let mut newest = store.watch_log();
    create(&store, "a").await;
    newest.changed().await.expect("the store lives");
    assert_eq!(*newest.borrow_and_update(), 1);
    append(&store, "a", "x").await.expect("durable");
    assert_eq!(*newest.borrow_and_update(), 2, "raised before the answer");
    store.compact(&name("a"), Generation(1), Bytes::new(), 1).await.expect("a snapshot");
    assert!(!newest.has_changed().expect("the store lives"), "nothing was logged");
}

async fn pruning_takes_the_oldest_and_keeps_the_numbers(store: impl Store) {
    store.log((1..=10).map(|i| entry(i * 10, LogKind::Edited, "a")).collect()).await.expect("logged");
    let oldest_first = || LogQuery { after: Some(0), ..LogQuery::default() };
    assert_eq!(store.prune_log(0, 100).await, Ok(0));
    assert_eq!(store.prune_log(30, 100).await, Ok(2), "30 is not older than 30");
    assert_eq!(seqs(&store, oldest_first()).await, [3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(store.prune_log(0, 5).await, Ok(3));
    assert_eq!(seqs(&store, LogQuery { room: Some(name("a")), ..oldest_first() }).await, [6, 7, 8, 9, 10]);
    assert_eq!(store.prune_log(u64::MAX, 100).await, Ok(5));
    assert_eq!(seqs(&store, oldest_first()).await, Vec::<u64>::new());

    store.log(vec![entry(1, LogKind::Joined, "a")]).await.expect("logged");
    assert_eq!(seqs(&store, oldest_first()).await, [11], "a number is never given twice");
}

async fn a_backup_holds_everything(store: impl Store) {
    assert_eq!(backup(&store).await, Ok(Vec::new()));
    for room in ["b", "a"] {
        create(&store, room).await;
    }
    for update in ["1", "2", "3"] {
        append(&store, "a", update).await.expect("durable");
    }
    store.compact(&name("a"), Generation(1), Bytes::from_static(b"12"), 2).await.expect("a snapshot");
    store.prune_log(0, 2).await.expect("pruned");
    let expected = vec![
        Record::Room(record("a", 1)),
        Record::Snapshot { seq: 2, state: Bytes::from_static(b"12") },
        Record::Update { seq: 3, update: Bytes::from_static(b"3") },
        Record::Room(record("b", 1)),
        Record::Entry { seq: 4, entry: entry(0, LogKind::Edited, "a") },
        Record::Entry { seq: 5, entry: entry(0, LogKind::Edited, "a") },
    ];
    assert_eq!(backup(&store).await, Ok(expected));

    let (sender, pieces) = mpsc::channel(1);
    drop(pieces);
    assert!(matches!(store.backup(sender).await, Err(StoreError::Failed(_))), "nobody takes it");
}

async fn a_closed_store_says_so(store: impl Store) {
    create(&store, "a").await;
    let admission = store.admit(1).await.expect("room for it");
    let last = store.append(admission, edit("a", "x"));
    let late = store.admit(1).await.expect("room for it");
    store.close().await;
    assert_eq!(last.await.map(|durable| durable.seq), Ok(1), "what was called before is durable");

    assert_eq!(store.append(late, edit("a", "y")).await, Err(StoreError::Closed));
    assert_eq!(store.admit(1).await.map(drop), Err(StoreError::Closed));
    assert_eq!(store.load(&name("a")).await, Err(StoreError::Closed));
    assert_eq!(store.room(&name("a")).await, Err(StoreError::Closed));
    assert_eq!(store.rooms().await, Err(StoreError::Closed));
    assert_eq!(store.logs(&LogQuery::default()).await, Err(StoreError::Closed));
    assert_eq!(store.log(Vec::new()).await, Err(StoreError::Closed));
    assert_eq!(store.prune_log(0, 0).await, Err(StoreError::Closed));
    store.close().await;
}
