//! A session: one connection of somebody, with a stream for each room they are in, and datagrams for ping and cursors.
//!
//! Nothing here knows which transport carries it: see [`wire`].

pub mod wire;

pub mod membership;

mod writer;

pub mod misdeeds;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use collab_proto::{Datagram, Slot, decode_datagram, encode_datagram};

use self::misdeeds::Misdeeds;
use self::wire::Datagrams;
use crate::audit::NewEntry;
use crate::auditor::Auditor;
use crate::auth::door::Door;
use crate::metrics::Metrics;
use crate::room::registry::{Membership, Registry};
use crate::room::task::Command;
use crate::turns::Turns;

/// Memberships that one session may have at once: people have few rooms open.
pub const MAX_MEMBERSHIPS: usize = 8;

/// What sessions share.
pub struct Hall {
    /// Who may enter.
    pub door: Door,
    /// Where they go.
    pub registry: Arc<Registry>,
    /// Who writes it down.
    pub auditor: Auditor,
    /// What counts and times.
    pub metrics: Arc<Metrics>,
    /// Keeps newcomers from holding up those who are here.
    pub turns: Turns,
    /// After this long without progress a reader is closed.
    pub stalled: Duration,
}

/// One session.
pub struct Session {
    hall: Arc<Hall>,
    address: IpAddr,
    datagrams: Arc<dyn Datagrams>,
    next_slot: AtomicU32,
    /// Memberships by slot, so that a cursor finds its room. Held weakly: the membership's own task holds it.
    memberships: Mutex<HashMap<Slot, Weak<Membership>>>,
    misdeeds: Mutex<Misdeeds>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.hall.metrics.connections.dec();
    }
}

impl Session {
    /// A session with no membership yet.
    pub fn new(hall: Arc<Hall>, address: IpAddr, datagrams: impl Datagrams) -> Self {
        hall.metrics.connections.inc();
        Self {
            hall,
            address,
            datagrams: Arc::new(datagrams),
            next_slot: AtomicU32::new(0),
            memberships: Mutex::default(),
            misdeeds: Mutex::new(Misdeeds::new(Instant::now())),
        }
    }

    /// Answers a ping, passes a cursor on. What is not a datagram of the protocol is dropped, as the network may drop any.
    pub fn handle_datagram(&self, bytes: &[u8]) {
        match decode_datagram(bytes) {
            Ok(Datagram::Ping { seq, sent_at }) => {
                self.datagrams.send(encode_datagram(&Datagram::Pong { seq, sent_at }));
            }
            Ok(Datagram::Presence { slot, seq, cursor, .. }) => {
                let membership = self.lock().get(&slot).and_then(Weak::upgrade);
                if let Some(membership) = membership
                    && membership.joined().gate.budget.take_cursor(Instant::now())
                {
                    membership.tell_or_drop(Command::Cursor(membership.joined().seat, seq, cursor));
                }
            }
            Ok(Datagram::Pong { .. }) | Err(_) => {}
        }
    }

    /// Logs something that was refused, as long as this session does not make too many of them.
    async fn note_misdeed(&self, entry: NewEntry) {
        let entry = self.misdeeds.lock().unwrap_or_else(PoisonError::into_inner).note(Instant::now(), entry);
        if let Some(entry) = entry {
            self.hall.auditor.record(entry).await;
        }
    }

    fn take_slot(&self) -> Slot {
        Slot(self.next_slot.fetch_add(1, Ordering::Relaxed))
    }

    fn register(&self, slot: Slot, membership: &Arc<Membership>) {
        self.lock().insert(slot, Arc::downgrade(membership));
    }

    fn forget(&self, slot: Slot) {
        self.lock().remove(&slot);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Slot, Weak<Membership>>> {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
