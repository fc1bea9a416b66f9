//! The end of a room's turn: what it left in outboxes goes out then, however much of it there is for each member.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;

use super::outbox::Outbox;

/// The outboxes of one room that were given something since they were last flushed, each once. Held weakly: each of them holds
/// the turn, and a room that breaks may never end its last one.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<Mutex<Vec<Weak<Outbox>>>>);

impl Turn {
    /// An outbox was given something.
    pub(super) fn note(&self, outbox: Weak<Outbox>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(outbox);
    }

    /// Flushes them.
    pub fn end(&self) {
        // The lock is free again before the first is flushed, since a push holds the outbox's when it comes here.
        let noted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        noted.iter().filter_map(Weak::upgrade).for_each(|outbox| outbox.flush());
    }

    /// Flushes them whenever it is polled: to be polled behind the room's own work, in the same task.
    pub async fn end_each(&self) -> Infallible {
        poll_fn(|_| {
            self.end();
            Poll::Pending
        })
        .await
    }
}
