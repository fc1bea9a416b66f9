//! The audit log.

use super::*;

pub(super) async fn an_edit_and_its_entry_are_there_together(store: impl Store) {
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

pub(super) async fn what_is_refused_leaves_no_entry(store: impl Store) {
    create(&store, "a").await;
    store.create_room(record("a", 2), entry(0, LogKind::RoomCreated, "a")).await.expect_err("it exists");
    store.update_room(record("b", 1), entry(0, LogKind::PasswordChanged, "b")).await.expect_err("it does not exist");
    store.delete_room(&name("b"), entry(0, LogKind::RoomDeleted, "b")).await.expect_err("it does not exist");
    append(&store, "b", "x").await.expect_err("it does not exist");
    assert_eq!(kinds(&store).await, [LogKind::RoomCreated]);
}

pub(super) async fn log_entries_are_numbered_without_gaps(store: impl Store) {
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

pub(super) async fn every_field_of_an_entry_comes_back(store: impl Store) {
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

pub(super) async fn the_log_is_filtered(store: impl Store) {
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

pub(super) async fn pages_neither_skip_nor_repeat(store: impl Store) {
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

pub(super) async fn a_watcher_sees_the_log_grow(store: impl Store) {
    let mut newest = store.watch_log();
    create(&store, "a").await;
    newest.changed().await.expect("the store lives");
    assert_eq!(*newest.borrow_and_update(), 1);
    append(&store, "a", "x").await.expect("durable");
    assert_eq!(*newest.borrow_and_update(), 2, "raised before the answer");
    store.compact(&name("a"), Generation(1), Bytes::new(), 1).await.expect("a snapshot");
    assert!(!newest.has_changed().expect("the store lives"), "nothing was logged");
}

pub(super) async fn pruning_takes_the_oldest_and_keeps_the_numbers(store: impl Store) {
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
