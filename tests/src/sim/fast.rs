//! The fast path of a connection: what a room's turn sends without the writer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use collab_server::room::outbox::FastPath;
use rand::RngExt;

use super::network::LinkId;
use super::world::{Check, World};

/// As many frames go by the fast path in one turn, at most.
const TAKES: usize = 3;

/// Both ends of it.
#[derive(Clone, Default)]
pub(super) struct Fast(Arc<Mutex<Sent>>);

#[derive(Default)]
struct Sent {
    /// How many frames the connection takes yet.
    takes: usize,
    frames: Vec<Bytes>,
    datagrams: Vec<Bytes>,
}

impl Fast {
    fn lock(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FastPath for Fast {
    fn write(&mut self, frames: &mut [Bytes]) {
        let mut sent = self.lock();
        for frame in frames {
            let Some(left) = sent.takes.checked_sub(1) else { return };
            sent.takes = left;
            sent.frames.push(std::mem::take(frame));
        }
    }

    fn datagram(&mut self, datagram: Bytes) {
        self.lock().datagrams.push(datagram);
    }
}

impl World {
    /// A room's turn ends: each connection takes some of what the turn left, or nothing.
    pub(super) fn end_turn(&mut self, room: u64) -> Check {
        let links = self.links_in(room);
        for id in &links {
            let takes = self.takes(*id);
            if let Some(seated) = self.links.get(id).and_then(|link| link.seated.as_ref()) {
                seated.fast.lock().takes = takes;
            }
        }
        if let Some(keeper) = self.server.rooms.get(&room).and_then(|hosted| hosted.keeper.as_ref()) {
            keeper.core().turn().end();
        }
        links.into_iter().try_for_each(|id| self.fast_down(id))
    }

    fn takes(&mut self, id: LinkId) -> usize {
        let most = self.rng.random_range(0..=TAKES);
        let open = self.links.get(&id).is_some_and(|link| link.server_open && link.unread < self.settings.window);
        if open { most } else { 0 }
    }

    fn fast_down(&mut self, id: LinkId) -> Check {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(seated) = &link.seated else { return Ok(()) };
        let Sent { frames, datagrams, .. } = std::mem::take(&mut *seated.fast.lock());
        if frames.is_empty() && datagrams.is_empty() {
            return Ok(());
        }
        if !link.writing.is_empty() {
            return Err("frames went by the fast path while earlier ones were being written".into());
        }
        link.progress = self.at;
        self.count("fast path");
        frames.into_iter().for_each(|frame| self.send_down(id, frame));
        datagrams.into_iter().for_each(|datagram| self.datagram_down(id, datagram));
        Ok(())
    }
}
