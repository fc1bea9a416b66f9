//! Edits and snapshots.

use super::*;

pub(super) async fn appends_are_numbered_and_loaded_in_the_order_of_the_calls(store: impl Store) {
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

pub(super) async fn an_append_goes_on_without_its_future(store: impl Store) {
    create(&store, "a").await;
    let admission = store.admit(1).await.expect("room for it");
    drop(store.append(admission, edit("a", "x")));
    assert_eq!(texts(&store, "a").await, (vec!["x".to_owned()], 1), "a load sees what was called before it");
}

pub(super) async fn an_append_to_another_generation_is_refused(store: impl Store) {
    create(&store, "a").await;
    let admission = store.admit(1).await.expect("room for it");
    let other_life = Append { generation: Generation(2), ..edit("a", "x") };
    assert_eq!(store.append(admission, other_life).await, Err(StoreError::NoSuchRoom));
    assert_eq!(texts(&store, "a").await, (Vec::new(), 0));
    assert_eq!(append(&store, "a", "y").await, Ok(1), "a refusal is not a failure: the room goes on");
}

pub(super) async fn a_new_room_of_an_old_name_is_empty(store: impl Store) {
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

pub(super) async fn a_snapshot_takes_the_place_of_its_edits(store: impl Store) {
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

pub(super) async fn a_snapshot_never_takes_an_edit_with_it(store: impl Store) {
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

pub(super) async fn what_waits_is_bounded(store: impl Store) {
    let everything = store.admit(usize::MAX).await.expect("more than the bound takes all of it");
    assert!(store.admit(1).now_or_never().is_none(), "there is no room left");
    drop(everything);
    let half = store.admit(WAITING_BYTES as usize / 2).await.expect("room for it");
    assert!(store.admit(WAITING_BYTES as usize).now_or_never().is_none(), "half is held");

    create(&store, "a").await;
    store.append(half, edit("a", "x")).await.expect("durable");
    store.admit(WAITING_BYTES as usize).await.expect("what is durable is not counted");
}
