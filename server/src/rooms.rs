//! The life of rooms: created, listed, deleted; in `people`, who may do what in them; in `policy`, how often.

mod people;

mod policy;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use collab_proto::api::{CreateRoom, LogKind, RoomCreated, RoomInfo, RoomPolicy};
use collab_proto::{Code, Generation, RoomName};

use crate::audit::Origin;
use crate::auth::passwords::Passwords;
use crate::auth::random_id;
use crate::auth::tokens::Tokens;
use crate::clock::wall_ms;
use crate::metrics::Load;
use crate::refusal::Refusal;
use crate::room::registry::Registry;
use crate::room::task::Command;
use crate::store::{RoomRecord, Store, StoreError};

/// The rooms of this server, in memory or not.
pub struct Rooms {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    passwords: Passwords,
    tokens: Arc<Tokens>,
    /// How many there are, and how many there may be.
    count: AtomicUsize,
    max: usize,
}

impl Rooms {
    /// Counts the rooms there are.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn open(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        passwords: Passwords,
        tokens: Arc<Tokens>,
        max: usize,
    ) -> Result<Self, StoreError> {
        let count = AtomicUsize::new(store.rooms().await?.len());
        Ok(Self { store, registry, passwords, tokens, count, max })
    }

    /// Creates a room with an empty text.
    ///
    /// # Errors
    ///
    /// A refusal for a bad name, password or policy, a name that is taken, or too many rooms.
    pub async fn create(&self, wanted: CreateRoom, who: &Origin) -> Result<RoomCreated, Refusal> {
        let CreateRoom { name, password, policy } = wanted;
        let name = RoomName::parse(&name).map_err(|error| Refusal::new(Code::BadName, sentence(&error)))?;
        policy.check().map_err(|error| Refusal::new(Code::BadRequest, sentence(&error)))?;
        if self.store.room(&name).await?.is_some() {
            return Err(Code::RoomExists.into());
        }
        let generation = Generation(random_id().map_err(no_randomness)?);
        let hash = self.passwords.hash(&password).await?;
        let record = RoomRecord { policy, ..RoomRecord::new(name.clone(), generation, wall_ms(), hash) };
        let owner_token = self.sign_owner(&record)?;
        self.insert(record, who).await?;
        Ok(RoomCreated { name, generation, owner_token })
    }

    /// A token for a new owner of a room.
    fn sign_owner(&self, record: &RoomRecord) -> Result<String, Refusal> {
        let user = format!("owner-{:x}", random_id().map_err(no_randomness)?);
        self.tokens.owner(wall_ms(), user, record).map_err(|_| Code::Internal.into())
    }

    async fn insert(&self, record: RoomRecord, who: &Origin) -> Result<(), Refusal> {
        if self.count.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::new(Code::TooMany, "This server has as many rooms as it may have."));
        }
        let mut entry = who.entry(wall_ms(), LogKind::RoomCreated, Some(record.name.clone()));
        if record.policy != RoomPolicy::default() {
            entry = policy::with_pace(entry, record.policy.over(self.registry.limits().pace));
        }
        let created = self.store.create_room(record, entry).await;
        if created.is_err() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(created?)
    }

    /// Deletes a room; its members are sent away.
    ///
    /// # Errors
    ///
    /// A refusal when there is none.
    pub async fn delete(&self, name: &RoomName, who: &Origin) -> Result<(), Refusal> {
        let entry = who.entry(wall_ms(), LogKind::RoomDeleted, Some(name.clone()));
        self.store.delete_room(name, entry).await?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.registry.tell(name, Command::Deleted).await;
        Ok(())
    }

    /// Every room, by name.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn list(&self) -> Result<Vec<RoomInfo>, Refusal> {
        Ok(self.store.rooms().await?.into_iter().map(|record| self.info(record)).collect())
    }

    /// How many rooms and members are in memory.
    pub fn load(&self) -> Load {
        self.registry.load()
    }

    /// One room.
    ///
    /// # Errors
    ///
    /// A refusal when there is none.
    pub async fn show(&self, name: &RoomName) -> Result<RoomInfo, Refusal> {
        Ok(self.info(self.record(name).await?))
    }

    /// What is kept about a room.
    ///
    /// # Errors
    ///
    /// A refusal when there is none.
    pub async fn record(&self, name: &RoomName) -> Result<RoomRecord, Refusal> {
        self.store.room(name).await?.ok_or_else(|| Code::NoSuchRoom.into())
    }

    fn info(&self, record: RoomRecord) -> RoomInfo {
        let members = self.registry.members(&record.name);
        let RoomRecord { name, generation, created_ms, policy, .. } = record;
        RoomInfo { name, created_ms, generation, members, pace: policy.over(self.registry.limits().pace), policy }
    }
}

fn no_randomness(error: getrandom::Error) -> Refusal {
    tracing::error!(%error, "the operating system gives no randomness");
    Code::Internal.into()
}

fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
