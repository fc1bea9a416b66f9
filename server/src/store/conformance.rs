//! What every store owes, as checks: one for each sentence of [`Store`]'s contract that can be seen from outside.
//!
//! A store's own tests call [`check`]; a check that fails panics.

mod rooms;

mod edits;

mod log;

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
    rooms::a_room_is_there_from_creation_to_deletion(make()).await;
    rooms::a_record_is_replaced_within_its_generation(make()).await;
    rooms::absence_is_not_failure(make()).await;
    edits::appends_are_numbered_and_loaded_in_the_order_of_the_calls(make()).await;
    edits::an_append_goes_on_without_its_future(make()).await;
    edits::an_append_to_another_generation_is_refused(make()).await;
    edits::a_new_room_of_an_old_name_is_empty(make()).await;
    edits::a_snapshot_takes_the_place_of_its_edits(make()).await;
    edits::a_snapshot_never_takes_an_edit_with_it(make()).await;
    log::an_edit_and_its_entry_are_there_together(make()).await;
    log::what_is_refused_leaves_no_entry(make()).await;
    edits::what_waits_is_bounded(make()).await;
    log::log_entries_are_numbered_without_gaps(make()).await;
    log::every_field_of_an_entry_comes_back(make()).await;
    log::the_log_is_filtered(make()).await;
    log::pages_neither_skip_nor_repeat(make()).await;
    log::a_watcher_sees_the_log_grow(make()).await;
    log::pruning_takes_the_oldest_and_keeps_the_numbers(make()).await;
    rooms::a_backup_holds_everything(make()).await;
    rooms::a_closed_store_says_so(make()).await;
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
