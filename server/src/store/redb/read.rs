//! Reading what is durable.

use bytes::Bytes;
use collab_proto::api::{LogPage, LogQuery};
use collab_proto::{Generation, RoomName};
use redb::{ReadTransaction, ReadableTable};

use super::StoreError;
use super::tables::{
    LOG, LOG_BY_ROOM, META, META_LOG_SEQ, ROOMS, SNAPSHOTS, UPDATES, decode_entry, decode_record, log_entry,
};
use crate::store::page::{Span, page};
use crate::store::{RoomRecord, StoredRoom};

/// A room's record.
pub(super) fn room(transaction: &ReadTransaction, name: &RoomName) -> Result<Option<RoomRecord>, StoreError> {
    let rooms = transaction.open_table(ROOMS)?;
    rooms.get(name.as_str())?.map(|bytes| decode_record(bytes.value())).transpose()
}

/// Every room's record, by name.
pub(super) fn rooms(transaction: &ReadTransaction) -> Result<Vec<RoomRecord>, StoreError> {
    transaction.open_table(ROOMS)?.iter()?.map(|row| decode_record(row?.1.value())).collect()
}

/// The number of a room's last edit; 0 before the first.
pub(super) fn last_seq(
    updates: &impl ReadableTable<(&'static str, u64), &'static [u8]>,
    snapshots: &impl ReadableTable<&'static str, (u64, &'static [u8])>,
    name: &RoomName,
) -> Result<u64, StoreError> {
    match updates.range((name.as_str(), 0)..=(name.as_str(), u64::MAX))?.next_back().transpose()? {
        Some((key, _)) => Ok(key.value().1),
        None => Ok(snapshot_seq(snapshots, name)?.unwrap_or(0)),
    }
}

/// The number of the last edit in a room's snapshot, if it has one.
pub(super) fn snapshot_seq(
    snapshots: &impl ReadableTable<&'static str, (u64, &'static [u8])>,
    name: &RoomName,
) -> Result<Option<u64>, StoreError> {
    Ok(snapshots.get(name.as_str())?.map(|snapshot| snapshot.value().0))
}

/// Which life of its text a room is in, and the number of its last edit.
pub(super) fn tail(transaction: &ReadTransaction, name: &RoomName) -> Result<Option<(Generation, u64)>, StoreError> {
    let Some(record) = room(transaction, name)? else { return Ok(None) };
    let (updates, snapshots) = (transaction.open_table(UPDATES)?, transaction.open_table(SNAPSHOTS)?);
    Ok(Some((record.generation, last_seq(&updates, &snapshots, name)?)))
}

/// A room with its text. A gap among its edits is damage: the text would be another one without them.
pub(super) fn load(transaction: &ReadTransaction, name: &RoomName) -> Result<Option<StoredRoom>, StoreError> {
    let Some(record) = room(transaction, name)? else { return Ok(None) };
    let snapshots = transaction.open_table(SNAPSHOTS)?;
    let (mut last_seq, snapshot) = match snapshots.get(name.as_str())?.as_ref().map(|found| found.value()) {
        Some((seq, bytes)) => (seq, Some(Bytes::copy_from_slice(bytes))),
        None => (0, None),
    };
    let mut updates = Vec::new();
    for row in transaction.open_table(UPDATES)?.range((name.as_str(), 0)..=(name.as_str(), u64::MAX))? {
        let (key, update) = row?;
        last_seq += 1;
        if key.value().1 != last_seq {
            return Err(StoreError::Damaged(format!("edit {last_seq} of {name} is missing")));
        }
        updates.push(Bytes::copy_from_slice(update.value()));
    }
    Ok(Some(StoredRoom { record, snapshot, updates, last_seq }))
}

/// The number of the newest log entry.
pub(super) fn newest(transaction: &ReadTransaction) -> Result<u64, StoreError> {
    let seq = transaction.open_table(META)?.get(META_LOG_SEQ)?.map(|seq| seq.value());
    seq.ok_or_else(|| StoreError::Damaged("the log's last number is missing".into()))
}

/// A page of the log.
pub(super) fn logs(transaction: &ReadTransaction, query: &LogQuery) -> Result<LogPage, StoreError> {
    let span = Span::new(query, newest(transaction)?);
    let Some(range) = span.range() else { return page(query, span, std::iter::empty()) };
    let log = transaction.open_table(LOG)?;
    match &query.room {
        Some(room) => {
            let by_room = transaction.open_table(LOG_BY_ROOM)?;
            let rows = by_room.range((room.as_str(), *range.start())..=(room.as_str(), *range.end()))?;
            page(query, span, ordered(rows, span).map(|row| log_entry(&log, row?.0.value().1)))
        }
        None => {
            let rows = ordered(log.range(range)?, span);
            page(
                query,
                span,
                rows.map(|row| row.map_err(StoreError::from).and_then(|(k, v)| decode_entry(k.value(), v.value()))),
            )
        }
    }
}

/// `rows` from the end that `span` begins with.
fn ordered<I: DoubleEndedIterator>(mut rows: I, span: Span) -> impl Iterator<Item = I::Item> {
    std::iter::from_fn(move || if span.ascending { rows.next() } else { rows.next_back() })
}
