//! Looking at every record of a store that nobody uses.

use std::path::Path;
use std::sync::Arc;

use collab_proto::RoomName;
use collab_proto::api::LogEntry;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::files::{self, Files, Occasion};
use super::journal;
use super::read::{load, newest};
use super::tables::{LOG, LOG_BY_ROOM, ROOMS, SNAPSHOTS, UPDATES, decode_entry, decode_record};
use super::writer::Writer;
use super::{JOURNAL, Shared, StoreError};
use crate::store::StoredRoom;

/// How many problems are told one by one.
const TOLD: usize = 50;

/// What is in a store, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Rooms.
    pub rooms: u64,
    /// Characters (UTF-16 code units) of all texts.
    pub characters: u64,
    /// Edits that were ever made in the rooms.
    pub edits: u64,
    /// Edits that are not in a snapshot yet.
    pub recent_edits: u64,
    /// Log entries.
    pub entries: u64,
    /// The numbers of the oldest and the newest log entry; 0 when there is none.
    pub log: (u64, u64),
    /// The length of the file, in bytes.
    pub file_bytes: u64,
    /// Bytes of the file that hold nothing.
    pub free_bytes: u64,
    /// How many problems there are.
    pub problems: u64,
    /// The first of them, a line each.
    pub told: Vec<String>,
}

impl Findings {
    fn problem(&mut self, what: impl Into<String>) {
        self.problems += 1;
        if self.told.len() < TOLD {
            self.told.push(what.into());
        }
    }
}

/// Checks the file `path`. `text` gives the length of a room's text in UTF-16 code units, or says why it is none.
pub(super) fn check(
    path: &Path,
    mut text: impl FnMut(&StoredRoom) -> Result<u64, String>,
) -> Result<Findings, StoreError> {
    let shared = settled(path)?;
    let files = &shared.files;
    let mut findings = Findings { file_bytes: files::len(path)?, ..Findings::default() };
    findings.free_bytes = free_bytes(files.write()?, findings.file_bytes)?;
    let transaction = files.read()?;
    let names = rooms(&transaction, &mut findings)?;
    for name in &names {
        room(&transaction, name, &mut text, &mut findings);
    }
    orphans(&transaction, &mut findings)?;
    log(&transaction, &mut findings)?;
    Ok(findings)
}

/// Opens the database, and brings into it what the journal of a server that was not stopped in order still holds.
fn settled(path: &Path) -> Result<Arc<Shared>, StoreError> {
    let at = path.to_owned();
    let shared = Shared::new(Files::new(Box::new(move |_| files::open(&at, Occasion::Check)))?)?;
    if shared.files.journal_state()?.in_use {
        let journal = path.with_extension(JOURNAL);
        Writer::open(shared.clone(), |needed| journal::file(&journal, needed))?.settle()?;
    }
    Ok(shared)
}

/// Bytes of the file that hold nothing.
pub(super) fn free_bytes(transaction: WriteTransaction, file_bytes: u64) -> Result<u64, StoreError> {
    let stats = transaction.stats()?;
    let used = stats.allocated_pages() * stats.page_size() as u64;
    transaction.abort()?;
    Ok(file_bytes.saturating_sub(used))
}

fn rooms(transaction: &ReadTransaction, findings: &mut Findings) -> Result<Vec<RoomName>, StoreError> {
    let mut names = Vec::new();
    for row in transaction.open_table(ROOMS)?.iter()? {
        let (key, record) = row?;
        findings.rooms += 1;
        match decode_record(record.value()) {
            Ok(record) if record.name.as_str() == key.value() => names.push(record.name),
            Ok(record) => findings.problem(format!("room {}: its record says {}", key.value(), record.name)),
            Err(error) => findings.problem(format!("room {}: {error}", key.value())),
        }
    }
    Ok(names)
}

fn room(
    transaction: &ReadTransaction,
    name: &RoomName,
    text: &mut impl FnMut(&StoredRoom) -> Result<u64, String>,
    findings: &mut Findings,
) {
    match load(transaction, name) {
        Ok(Some(stored)) => {
            findings.edits += stored.last_seq;
            findings.recent_edits += stored.updates.len() as u64;
            match text(&stored) {
                Ok(characters) => findings.characters += characters,
                Err(why) => findings.problem(format!("room {name}: {why}")),
            }
        }
        Ok(None) => findings.problem(format!("room {name}: it is gone")),
        Err(error) => findings.problem(format!("room {name}: {error}")),
    }
}

/// Texts without a room.
fn orphans(transaction: &ReadTransaction, findings: &mut Findings) -> Result<(), StoreError> {
    let rooms = transaction.open_table(ROOMS)?;
    for row in transaction.open_table(SNAPSHOTS)?.iter()? {
        let (key, _) = row?;
        if rooms.get(key.value())?.is_none() {
            findings.problem(format!("a snapshot of {}, which is no room", key.value()));
        }
    }
    let mut last = String::new();
    for row in transaction.open_table(UPDATES)?.iter()? {
        let (key, _) = row?;
        let name = key.value().0;
        if name != last && rooms.get(name)?.is_none() {
            findings.problem(format!("edits of {name}, which is no room"));
        }
        if name != last {
            name.clone_into(&mut last);
        }
    }
    Ok(())
}

/// Entries without a gap up to the newest, each found under its room.
fn log(transaction: &ReadTransaction, findings: &mut Findings) -> Result<(), StoreError> {
    let (newest, by_room) = (newest(transaction)?, transaction.open_table(LOG_BY_ROOM)?);
    let mut about_rooms = 0;
    for row in transaction.open_table(LOG)?.iter()? {
        let (key, bytes) = row?;
        let (seq, last) = (key.value(), findings.log.1);
        if last > 0 && seq != last + 1 {
            findings.problem(format!("log entries {} to {} are missing", last + 1, seq - 1));
        }
        findings.log = (if last == 0 { seq } else { findings.log.0 }, seq);
        findings.entries += 1;
        match decode_entry(seq, bytes.value()) {
            Ok(LogEntry { room: Some(room), .. }) => {
                about_rooms += 1;
                if by_room.get((room.as_str(), seq))?.is_none() {
                    findings.problem(format!("log entry {seq} is not found under its room"));
                }
            }
            Ok(_) => {}
            Err(error) => findings.problem(format!("log entry {seq}: {error}")),
        }
    }
    let (_, last) = findings.log;
    if last > newest || last > 0 && last < newest {
        findings.problem(format!("the newest log entry is {last}, and it should be {newest}"));
    }
    let listed = by_room.len()?;
    if listed != about_rooms {
        findings.problem(format!("{listed} log entries are listed under rooms, and {about_rooms} should be"));
    }
    Ok(())
}
