//! Which rooms are in memory. One task a room; whoever asks while it loads shares the load.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use collab_proto::{Code, RoomName};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::admission::Limits;
use super::core::{Entrant, Joined, Present, Seat};
use super::keeper::Housekeeping;
use super::task::{self, Command, Context, MAILBOX, Mailbox};
use crate::auditor::Auditor;
use crate::metrics::{Load, Metrics};
use crate::refusal::Refusal;
use crate::store::Store;

/// How often a join is tried again when the room goes out of memory at that very moment.
const JOIN_TRIES: usize = 3;

/// What every room is started with.
#[derive(Clone)]
pub struct Template {
    /// Where texts live.
    pub store: Arc<dyn Store>,
    /// Where log entries go.
    pub auditor: Auditor,
    /// What counts and times.
    pub metrics: Arc<Metrics>,
    /// What members are held to.
    pub limits: Limits,
    /// What the rooms' owners hold them to.
    pub housekeeping: Housekeeping,
}

/// The rooms in memory.
pub struct Registry {
    template: Template,
    rooms: Arc<Mutex<HashMap<RoomName, Handle>>>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Clone)]
struct Handle {
    commands: mpsc::Sender<Command>,
    departures: mpsc::UnboundedSender<Seat>,
    members: Arc<AtomicU32>,
}

/// A membership, as long as it is held: dropping it frees the seat.
pub struct Membership {
    joined: Joined,
    handle: Handle,
}

impl Membership {
    /// The seat, the outbox and the gate.
    pub fn joined(&self) -> &Joined {
        &self.joined
    }

    /// Tells the room something; waits while its mailbox is full. False when the room has closed.
    pub async fn tell(&self, command: Command) -> bool {
        self.handle.commands.send(command).await.is_ok()
    }

    /// Tells the room something that may get lost.
    pub fn tell_or_drop(&self, command: Command) {
        // A full mailbox is the reason to drop it.
        let _ = self.handle.commands.try_send(command);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.handle.members.fetch_sub(1, Ordering::Relaxed);
        // A room that has closed needs no notice.
        let _ = self.handle.departures.send(self.joined.seat);
    }
}

impl Registry {
    /// No rooms yet.
    pub fn new(template: Template) -> Self {
        Self { template, rooms: Arc::default(), tasks: Mutex::new(JoinSet::new()) }
    }

    /// Takes a seat in a room, which is loaded if it is not in memory.
    ///
    /// # Errors
    ///
    /// As [`super::core::Core::join`], and what the store says while loading.
    pub async fn join(&self, name: &RoomName, entrant: impl Fn() -> Entrant) -> Result<Membership, Refusal> {
        for _ in 0..JOIN_TRIES {
            let handle = self.handle(name);
            let (reply, answer) = oneshot::channel();
            if handle.commands.send(Command::Join(entrant().into(), reply)).await.is_err() {
                continue;
            }
            match answer.await {
                Ok(joined) => {
                    let joined = joined?;
                    handle.members.fetch_add(1, Ordering::Relaxed);
                    return Ok(Membership { joined, handle });
                }
                // The room went out of memory with the question in its mailbox.
                Err(_) => continue,
            }
        }
        Err(Code::Busy.into())
    }

    /// Tells a room something, if it is in memory.
    pub async fn tell(&self, name: &RoomName, command: Command) {
        let handle = self.lock().get(name).cloned();
        if let Some(handle) = handle {
            // A room that has closed has nobody to tell.
            let _ = handle.commands.send(command).await;
        }
    }

    /// Who is in a room now; nobody when it is not in memory.
    pub async fn present(&self, name: &RoomName) -> Vec<Present> {
        let (reply, answer) = oneshot::channel();
        self.tell(name, Command::Present(reply)).await;
        answer.await.unwrap_or_default()
    }

    /// How many are in a room now.
    pub fn members(&self, name: &RoomName) -> u32 {
        self.lock().get(name).map_or(0, |handle| handle.members.load(Ordering::Relaxed))
    }

    /// What members of a room are held to that decides nothing for itself.
    pub fn limits(&self) -> Limits {
        self.template.limits
    }

    /// How many rooms and members are in memory.
    pub fn load(&self) -> Load {
        let rooms = self.lock();
        let members = rooms.values().map(|handle| handle.members.load(Ordering::Relaxed)).sum();
        Load { rooms: u32::try_from(rooms.len()).unwrap_or(u32::MAX), members }
    }

    /// Sends every member away, makes everything durable, and waits until no room is left.
    pub async fn drain(&self, reconnect_after: Duration) {
        let handles: Vec<_> = self.lock().values().cloned().collect();
        for handle in handles {
            // A room that has closed is drained.
            let _ = handle.commands.send(Command::Drain(reconnect_after)).await;
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }

    fn handle(&self, name: &RoomName) -> Handle {
        match self.lock().entry(name.clone()) {
            Entry::Occupied(entry) if !entry.get().commands.is_closed() => entry.get().clone(),
            Entry::Occupied(mut entry) => {
                entry.insert(self.start(name));
                entry.get().clone()
            }
            Entry::Vacant(entry) => entry.insert(self.start(name)).clone(),
        }
    }

    fn start(&self, name: &RoomName) -> Handle {
        let (commands, command_receiver) = mpsc::channel(MAILBOX);
        let (departures, departure_receiver) = mpsc::unbounded_channel();
        let Template { store, auditor, metrics, limits, housekeeping } = self.template.clone();
        let context = Context { name: name.clone(), store, auditor, metrics, limits, housekeeping };
        let mut mailbox = Mailbox { commands: command_receiver, departures: departure_receiver };
        let (rooms, name) = (self.rooms.clone(), name.clone());
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            task::run(context, &mut mailbox).await;
            mailbox.commands.close();
            forget_closed(&rooms, &name);
            // What is left in the mailbox is dropped here: whoever waits for an answer asks again.
        });
        Handle { commands, departures, members: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomName, Handle>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets a room whose task has ended, unless another has taken its place.
fn forget_closed(rooms: &Mutex<HashMap<RoomName, Handle>>, name: &RoomName) {
    let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
    if rooms.get(name).is_some_and(|handle| handle.commands.is_closed()) {
        rooms.remove(name);
    }
}
