//! Everything that one transaction sees, as a backup.

use std::io::Write;

use bytes::Bytes;
use collab_proto::RoomName;
use redb::{ReadTransaction, ReadableTable};

use super::StoreError;
use super::read::newest;
use super::tables::{LOG, ROOMS, SNAPSHOTS, UPDATES, decode_log, decode_record};
use crate::store::backup::{Record, Summary, Writer};

/// Writes rooms, texts and log. Memory holds one record at a time.
pub(super) fn dump(transaction: &ReadTransaction, to: impl Write) -> Result<Summary, StoreError> {
    let mut writer = Writer::new(to, newest(transaction)?).map_err(unwritten)?;
    for row in transaction.open_table(ROOMS)?.iter()? {
        let room = decode_record(row?.1.value())?;
        let name = room.name.clone();
        writer.record(&Record::Room(room)).map_err(unwritten)?;
        dump_text(transaction, &name, &mut writer)?;
    }
    for row in transaction.open_table(LOG)?.iter()? {
        let (seq, entry) = row?;
        let entry = decode_log(entry.value())?;
        writer.record(&Record::Entry { seq: seq.value(), entry }).map_err(unwritten)?;
    }
    writer.finish().map_err(unwritten)
}

fn dump_text(
    transaction: &ReadTransaction,
    name: &RoomName,
    writer: &mut Writer<impl Write>,
) -> Result<(), StoreError> {
    if let Some(found) = transaction.open_table(SNAPSHOTS)?.get(name.as_str())? {
        let (seq, state) = found.value();
        writer.record(&Record::Snapshot { seq, state: Bytes::copy_from_slice(state) }).map_err(unwritten)?;
    }
    for row in transaction.open_table(UPDATES)?.range((name.as_str(), 0)..=(name.as_str(), u64::MAX))? {
        let (key, update) = row?;
        let update = Bytes::copy_from_slice(update.value());
        writer.record(&Record::Update { seq: key.value().1, update }).map_err(unwritten)?;
    }
    Ok(())
}

fn unwritten(error: std::io::Error) -> StoreError {
    StoreError::Failed(format!("the backup ended early: {error}"))
}
