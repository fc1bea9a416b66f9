//! A store that fails or answers late on command, so that tests can see what others make of it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use collab_proto::api::{LogPage, LogQuery};
use collab_proto::{Generation, RoomName};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::{mpsc, watch};

use super::backup::Summary;
use super::{Admission, Append, Durable, RoomRecord, Store, StoreError, StoredRoom};
use crate::audit::NewEntry;

/// Another store, behind [`Faults`].
pub struct FaultyStore<S> {
    inner: S,
    faults: Faults,
    /// Rooms in which an append failed and that were not loaded since.
    broken: Arc<Mutex<HashSet<RoomName>>>,
}

/// The handle by which a test tells a [`FaultyStore`] what to do.
#[derive(Clone)]
pub struct Faults(Arc<Plan>);

struct Plan {
    appends: AtomicU32,
    answers: AtomicU32,
    loads: AtomicU32,
    everything: AtomicBool,
    held: watch::Sender<bool>,
}

impl Faults {
    /// The next `count` appends fail, and are not stored.
    pub fn fail_appends(&self, count: u32) {
        self.0.appends.store(count, Ordering::SeqCst);
    }

    /// The next `count` appends are stored, and nevertheless answered as failed.
    pub fn lose_answers(&self, count: u32) {
        self.0.answers.store(count, Ordering::SeqCst);
    }

    /// The next `count` loads fail.
    pub fn fail_loads(&self, count: u32) {
        self.0.loads.store(count, Ordering::SeqCst);
    }

    /// Everything fails, until told otherwise.
    pub fn fail_everything(&self, fail: bool) {
        self.0.everything.store(fail, Ordering::SeqCst);
    }

    /// Appends are stored, but answered only when told otherwise, as on a slow disk.
    pub fn hold_answers(&self, hold: bool) {
        self.0.held.send_replace(hold);
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.0.everything.load(Ordering::SeqCst) { Err(on_command()) } else { Ok(()) }
    }
}

/// Takes one of what is left, if any is.
fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn on_command() -> StoreError {
    StoreError::Failed("told to".into())
}

impl<S: Store> FaultyStore<S> {
    /// Puts `inner` behind a plan that has no faults yet.
    pub fn new(inner: S) -> (Self, Faults) {
        let faults = Faults(Arc::new(Plan {
            appends: AtomicU32::new(0),
            answers: AtomicU32::new(0),
            loads: AtomicU32::new(0),
            everything: AtomicBool::new(false),
            held: watch::Sender::new(false),
        }));
        (Self { inner, faults: faults.clone(), broken: Arc::default() }, faults)
    }

    fn broken(&self) -> MutexGuard<'_, HashSet<RoomName>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of an append to `room`. After a failure the room stays broken until it is loaded.
    fn fate(&self, room: &RoomName) -> Fate {
        let mut broken = self.broken();
        let fate = if broken.contains(room) || self.faults.check().is_err() || take(&self.faults.0.appends) {
            Fate::Refused
        } else if take(&self.faults.0.answers) {
            Fate::AnswerLost
        } else {
            return Fate::Stored;
        };
        broken.insert(room.clone());
        fate
    }
}

enum Fate {
    Refused,
    AnswerLost,
    Stored,
}

#[async_trait]
impl<S: Store> Store for FaultyStore<S> {
    async fn admit(&self, bytes: usize) -> Result<Admission, StoreError> {
        self.faults.check()?;
        self.inner.admit(bytes).await
    }

    async fn create_room(&self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError> {
        self.faults.check()?;
        self.inner.create_room(record, entry).await
    }

    async fn update_room(&self, record: RoomRecord, entry: NewEntry) -> Result<(), StoreError> {
        self.faults.check()?;
        self.inner.update_room(record, entry).await
    }

    async fn delete_room(&self, name: &RoomName, entry: NewEntry) -> Result<(), StoreError> {
        self.faults.check()?;
        self.inner.delete_room(name, entry).await?;
        self.broken().remove(name);
        Ok(())
    }

    async fn room(&self, name: &RoomName) -> Result<Option<RoomRecord>, StoreError> {
        self.faults.check()?;
        self.inner.room(name).await
    }

    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        self.faults.check()?;
        self.inner.rooms().await
    }

    async fn load(&self, name: &RoomName) -> Result<Option<StoredRoom>, StoreError> {
        self.faults.check()?;
        if take(&self.faults.0.loads) {
            return Err(on_command());
        }
        let room = self.inner.load(name).await?;
        self.broken().remove(name);
        Ok(room)
    }

    fn append(&self, admission: Admission, append: Append) -> BoxFuture<'static, Result<Durable, StoreError>> {
        let mut held = self.faults.0.held.subscribe();
        let fate = self.fate(&append.room);
        let stored = match fate {
            Fate::Refused => ready(Err(on_command())).boxed(),
            Fate::AnswerLost | Fate::Stored => self.inner.append(admission, append),
        };
        async move {
            let answer = stored.await;
            // When the store is gone, nobody holds its answers any more.
            let _ = held.wait_for(|held| !held).await;
            if matches!(fate, Fate::AnswerLost) { Err(on_command()) } else { answer }
        }
        .boxed()
    }

    async fn compact(
        &self,
        name: &RoomName,
        generation: Generation,
        snapshot: Bytes,
        seq: u64,
    ) -> Result<(), StoreError> {
        self.faults.check()?;
        self.inner.compact(name, generation, snapshot, seq).await
    }

    async fn log(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        self.faults.check()?;
        self.inner.log(entries).await
    }

    async fn logs(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        self.faults.check()?;
        self.inner.logs(query).await
    }

    fn watch_log(&self) -> watch::Receiver<u64> {
        self.inner.watch_log()
    }

    async fn prune_log(&self, before_ms: u64, keep: u64) -> Result<u64, StoreError> {
        self.faults.check()?;
        self.inner.prune_log(before_ms, keep).await
    }

    async fn backup(&self, pieces: mpsc::Sender<Bytes>) -> Result<Summary, StoreError> {
        self.faults.check()?;
        self.inner.backup(pieces).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{self, append, create, edit, name, texts};
    use crate::store::memory::MemoryStore;

    #[tokio::test]
    async fn without_faults_it_does_what_every_store_owes() {
        conformance::check(|| FaultyStore::new(MemoryStore::new()).0).await;
    }

    #[tokio::test]
    async fn after_a_failed_append_the_room_must_be_loaded() {
        let (store, faults) = FaultyStore::new(MemoryStore::new());
        create(&store, "a").await;
        create(&store, "b").await;
        faults.fail_appends(1);
        assert_eq!(append(&store, "a", "1").await, Err(on_command()));
        assert_eq!(append(&store, "a", "2").await, Err(on_command()));
        assert_eq!(append(&store, "b", "3").await, Ok(1));
        faults.fail_loads(1);
        assert_eq!(store.load(&name("a")).await, Err(on_command()));
        assert_eq!(append(&store, "a", "4").await, Err(on_command()));
        assert_eq!(texts(&store, "a").await, (Vec::new(), 0));
        assert_eq!(append(&store, "a", "5").await, Ok(1));
    }

    #[tokio::test]
    async fn a_lost_answer_does_not_lose_the_edit() {
        let (store, faults) = FaultyStore::new(MemoryStore::new());
        create(&store, "a").await;
        faults.lose_answers(1);
        assert_eq!(append(&store, "a", "1").await, Err(on_command()));
        assert_eq!(texts(&store, "a").await.0, ["1"]);
    }

    #[tokio::test]
    async fn held_answers_come_when_released() {
        let (store, faults) = FaultyStore::new(MemoryStore::new());
        create(&store, "a").await;
        faults.hold_answers(true);
        let admission = store.admit(1).await.expect("room for it");
        let mut answer = store.append(admission, edit("a", "1"));
        assert!((&mut answer).now_or_never().is_none());
        faults.hold_answers(false);
        assert_eq!(answer.await.map(|durable| durable.seq), Ok(1));
    }

    #[tokio::test]
    async fn everything_fails_until_told_otherwise() {
        let (store, faults) = FaultyStore::new(MemoryStore::new());
        faults.fail_everything(true);
        assert_eq!(store.rooms().await, Err(on_command()));
        assert_eq!(store.room(&name("a")).await, Err(on_command()));
        faults.fail_everything(false);
        assert_eq!(store.rooms().await, Ok(Vec::new()));
    }
}
