//! A journal of the form that it had up to schema 4.

use std::fs;
use std::path::Path;

use super::super::journal::{EARLIER_LEN, RING};
use super::super::tables::{META_JOURNAL_AT, META_JOURNAL_IN_USE};
use super::journal::{crashed, found, meta, set_meta, three_edits};
use super::*;

/// Makes of a store what a version of that time left.
fn make_earlier(path: &Path) -> Vec<u8> {
    set_meta(path, META_SCHEMA, 4);
    set_meta(path, META_JOURNAL_AT, 5 * 512);
    let journal = vec![7; EARLIER_LEN as usize];
    fs::write(path.with_extension(JOURNAL), &journal).expect("written");
    journal
}

#[tokio::test]
async fn a_journal_of_an_earlier_form_is_made_anew_after_an_orderly_stop() {
    let (_directory, path) = three_edits().await;
    RedbStore::open(&path).expect("it opens").close().await;
    make_earlier(&path);
    let store = RedbStore::open(&path).expect("it opens");
    assert_eq!(append(&store, "a", "4").await, Ok(4));
    let (_directory, path) = crashed(&path);
    assert_eq!((meta(&path, META_SCHEMA), meta(&path, META_JOURNAL_IN_USE)), (SCHEMA, 1));
    assert_eq!(fs::metadata(path.with_extension(JOURNAL)).expect("a journal").len(), RING as u64);
    assert_eq!(found(&path).await.0, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_journal_of_an_earlier_form_that_is_needed_is_refused_and_stays_as_it_is() {
    let (_directory, path) = three_edits().await;
    let journal = make_earlier(&path);
    for refused in [RedbStore::open(&path).err(), RedbStore::check(&path, |_| Ok(0)).err()] {
        assert_eq!(refused, Some(StoreError::OlderJournal));
        assert!(StoreError::OlderJournal.to_string().contains("start the version that wrote it"));
        assert_eq!((meta(&path, META_SCHEMA), meta(&path, META_JOURNAL_IN_USE)), (4, 1));
        assert!(fs::read(path.with_extension(JOURNAL)).expect("a journal") == journal);
    }
}
