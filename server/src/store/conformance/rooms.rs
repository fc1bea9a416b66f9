//! Rooms, the whole, and the end.

use super::*;

pub(super) async fn a_room_is_there_from_creation_to_deletion(store: impl Store) {
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

pub(super) async fn a_record_is_replaced_within_its_generation(store: impl Store) {
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

pub(super) async fn absence_is_not_failure(store: impl Store) {
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

pub(super) async fn a_backup_holds_everything(store: impl Store) {
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

pub(super) async fn a_closed_store_says_so(store: impl Store) {
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
