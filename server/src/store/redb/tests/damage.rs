//! A damaged file is an error in words: never a panic, and never a store with less in it.

use std::fs;

use super::*;

/// Everything that a store holds.
#[derive(Debug, Clone, PartialEq)]
struct Contents {
    rooms: Vec<Option<StoredRoom>>,
    log: LogPage,
}

async fn contents(store: &RedbStore) -> Result<Contents, StoreError> {
    let mut rooms = Vec::new();
    for record in store.rooms().await? {
        rooms.push(store.load(&record.name).await?);
    }
    Ok(Contents { rooms, log: store.logs(&LogQuery::default()).await? })
}

/// A closed store as bytes, and what is in it.
async fn sample() -> (Vec<u8>, Contents) {
    let (_directory, path) = place();
    let store = RedbStore::open(&path).expect("a new store");
    for room in ["a", "b"] {
        create(&store, room).await;
        for i in 0..30 {
            append(&store, room, &format!("{i} ").repeat(100)).await.expect("durable");
        }
        store.compact(&name(room), Generation(1), Bytes::from(vec![7; 9_000]), 20).await.expect("a snapshot");
    }
    let contents = contents(&store).await.expect("what is in it");
    store.close().await;
    (fs::read(&path).expect("a file"), contents)
}

/// Opens `bytes` as a store. It must be refused in words or be whole. Says whether it was refused.
async fn refused(bytes: &[u8], whole: &Contents, what: &str) -> bool {
    let (_directory, path) = place();
    fs::write(&path, bytes).expect("written");
    let found = match RedbStore::open(&path) {
        Ok(store) => contents(&store).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(found) => {
            assert_eq!(&found, whole, "{what}");
            false
        }
        Err(StoreError::Damaged(text) | StoreError::Failed(text)) => {
            assert!(!text.is_empty(), "{what}");
            true
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

#[tokio::test]
async fn a_cut_file_is_refused() {
    let (bytes, whole) = sample().await;
    for length in [0, 1, 100, 320, 4_095, 4_096, 5_000, 40_960, bytes.len() / 2, bytes.len() - 4_096, bytes.len() - 1] {
        assert!(refused(&bytes[..length], &whole, &format!("cut to {length}")).await, "cut to {length}");
    }
}

#[tokio::test]
async fn a_flipped_bit_is_refused_or_harmless() {
    let (bytes, whole) = sample().await;
    let header = (0..320).step_by(3);
    let pages = (4_096..bytes.len()).step_by(4_096).flat_map(|page| [page, page + 5, page + 40, page + 700]);
    let mut found = 0;
    for (i, at) in header.chain(pages).enumerate() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (i % 8);
        found += usize::from(refused(&bytes, &whole, &format!("bit {} of byte {at}", i % 8)).await);
    }
    assert!(found > 50, "only {found} were found; the pages in use cannot be so few");
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let (_, whole) = sample().await;
    for text in ["hello, I am a text file".repeat(1_000), "x".into(), "redb".into()] {
        assert!(refused(text.as_bytes(), &whole, &text).await);
    }
    let (directory, path) = place();
    drop(Builder::new().create(&path).expect("a database of somebody else"));
    assert!(matches!(error(RedbStore::open(&path)), StoreError::Damaged(_)));
    let missing = directory.path().join("missing").join("store");
    assert!(matches!(error(RedbStore::open(missing)), StoreError::Failed(_)));
}
