//! Where rooms, texts and the audit log live.
//!
//! [`Store`] says in words what every implementation owes; `conformance` checks each of them against it. [`redb`] is the
//! store of one server. The others exist for tests: one in memory, one that fails on command. [`backup`] is everything in a
//! store as a stream of bytes.

pub mod record;

pub mod backup;

mod gate;

mod page;

pub mod redb;

#[cfg(any(test, feature = "testing"))]
pub mod memory;

#[cfg(any(test, feature = "testing"))]
pub mod faulty;

#[cfg(any(test, feature = "testing"))]
pub mod conformance;

use async_trait::async_trait;
use bytes::Bytes;
use collab_proto::api::{LogPage, LogQuery};
use collab_proto::{Durability, Generation, RoomName};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

pub use self::gate::WAITING_BYTES;
pub use self::record::{Entrance, RoomRecord};
use crate::audit::NewEntry;

/// A room as it was last made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoom {
    /// What is kept about it.
    pub record: RoomRecord,
    /// Its text up to some edit, as one Yjs update; none before the first compaction.
    pub snapshot: Option<Bytes>,
    /// The edits after the snapshot, oldest first, as Yjs updates.
    pub updates: Vec<Bytes>,
    /// The number of the last edit, counted from 1 over the room's life; 0 before the first.
    pub last_seq: u64,
}

/// One edit to be made durable, together with its log entry. The order of the fields is part of the journal's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// Which room.
    pub room: RoomName,
    /// Which life of its text. An append for another generation is refused as [`StoreError::NoSuchRoom`].
    pub generation: Generation,
    /// The Yjs update; none when the edit changed nothing, and only its place in the order matters. It takes no number then.
    pub update: Option<Bytes>,
    /// What the log says of it.
    pub entry: NewEntry,
}

/// Proof that an [`Append`] is durable: a power cut cannot take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// How safe.
    pub durability: Durability,
    /// The number of the room's last edit, this one included.
    pub seq: u64,
}

/// Why the store did not do as told. Nothing of the request was done, unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room of this name and generation.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A room of this name exists.
    #[error("a room of this name exists already")]
    RoomExists,
    /// The room's record has changed meanwhile: read it again.
    #[error("the room's record has changed meanwhile")]
    Conflict,
    /// The disk, or the cluster, did not take it. Whether it is there after a restart is unknown.
    #[error("the store failed: {0}")]
    Failed(String),
    /// What was read is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Written by a newer version.
    #[error("the store has schema {found}, this version knows {known}; use a newer collab-server")]
    NewerSchema {
        /// What it has.
        found: u32,
        /// What this version knows.
        known: u32,
    },
    /// It was not stopped in order, and its journal has the form of an earlier version.
    #[error(
        "the journal is of an earlier version, and holds what the database lacks; start the version that wrote it once more, and \
         stop it in order"
    )]
    OlderJournal,
    /// Another process uses it.
    #[error("the store is in use by another process")]
    InUse,
    /// [`Store::close`] was called.
    #[error("the store is closed")]
    Closed,
}

/// The right to hand bytes to the store. Held with them until they are durable, so that what waits is bounded.
#[derive(Debug)]
pub struct Admission(#[expect(dead_code, reason = "held for its drop")] pub(crate) tokio::sync::OwnedSemaphorePermit);

/// What every store owes.
///
/// - **Durable.** When a write returns, or the future of an append gives [`Durable`], a crash of the process or of the machine
///   takes none of it. A write that failed may or may not be there after a restart.
/// - **Ordered.** Appends become durable in the order of the calls; the call, not the first poll, takes the place. If one
///   gives [`StoreError::Failed`], every later one for the same room gives it too, until [`Store::load`] has returned the
///   room: a later edit may build on the lost one, so whoever appends must first start again from what is durable.
/// - **Loaded whole.** A load sees every append of its room that was called before it.
/// - **Atomic.** An append's update and log entry are there together or not at all; so are a room and its log entry, and a
///   snapshot and the removal of the edits in it.
/// - **Absence is not failure.** A room that is not there is `None` or [`StoreError::NoSuchRoom`], never an empty text; a
///   failure is an error, never absence.
/// - **Bounded.** What is called and not yet durable is bounded by [`Store::admit`]. A request for more than the whole bound
///   waits until it has all of it.
/// - **Numbered.** Log entries are numbered from 1 without gaps, in the order in which they become durable.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Waits until `bytes` more may be handed over.
    async fn admit(&self, bytes: usize) -> Result<Admission, StoreError>;

    /// Creates a room with an empty text.
    async fn create_room(&self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError>;

    /// Replaces a room's record by its next revision; the name and the generation stay. Another generation is
    /// [`StoreError::NoSuchRoom`], another revision than the present one and one more is [`StoreError::Conflict`]: so two who
    /// change a record at once do not undo each other's change.
    async fn update_room(&self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError>;

    /// Deletes a room and its text. The log keeps its entries.
    async fn delete_room(&self, name: &RoomName, entry: NewEntry) -> Result<(), StoreError>;

    /// A room's record.
    async fn room(&self, name: &RoomName) -> Result<Option<RoomRecord>, StoreError>;

    /// Every room's record, by name.
    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError>;

    /// A room with its text.
    async fn load(&self, name: &RoomName) -> Result<Option<StoredRoom>, StoreError>;

    /// Makes an edit durable. The work goes on when the future is dropped.
    fn append(&self, admission: Admission, append: Append) -> BoxFuture<'static, Result<Durable, StoreError>>;

    /// Replaces the edits up to and including `seq` by a snapshot of the text that holds them. A snapshot older than the one
    /// that is there changes nothing; one of edits that are not stored yet is refused as [`StoreError::Failed`].
    async fn compact(
        &self,
        name: &RoomName,
        generation: Generation,
        snapshot: Bytes,
        seq: u64,
    ) -> Result<(), StoreError>;

    /// Adds entries to the log and waits until they are durable.
    async fn log(&self, entries: Vec<NewEntry>) -> Result<(), StoreError>;

    /// Reads the log. `wait_ms` is the caller's business.
    async fn logs(&self, query: &LogQuery) -> Result<LogPage, StoreError>;

    /// The number of the newest durable log entry, as it rises.
    fn watch_log(&self) -> watch::Receiver<u64>;

    /// Removes the oldest log entries for as long as they are older than `before_ms` or there are more than `keep`. Says how
    /// many went. The numbers of the others stay, and are never given again.
    async fn prune_log(&self, before_ms: u64, keep: u64) -> Result<u64, StoreError>;

    /// Sends everything that is durable now, as a [`backup`] in pieces, while others go on writing. What comes later is not
    /// in it. When nobody receives any more, it ends with [`StoreError::Failed`].
    async fn backup(&self, pieces: mpsc::Sender<Bytes>) -> Result<backup::Summary, StoreError>;

    /// Makes everything called so far durable and closes the files. Later calls give [`StoreError::Closed`].
    async fn close(&self);
}
