//! Local changes until the server has saved them.
//!
//! A change waits in `queued`, goes out merged with its neighbours as one edit (`in_flight`), and is forgotten when that edit
//! is saved. A rejected edit goes back to the front of the queue once every edit in flight has its answer, so that edits that
//! build on each other keep their order.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_proto::{Code, EditId};

use crate::event::SaveState;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Rises with every change of what is not saved.
    revision: u64,
    queued: VecDeque<Bytes>,
    in_flight: BTreeMap<EditId, Bytes>,
    returned: BTreeMap<EditId, Bytes>,
    last_id: u64,
    hold: Hold,
    resyncs: u32,
    /// Whether the last difference was refused because it holds changes of somebody who is here.
    foreign: bool,
    /// Parts of the queue that go ahead of it. Nobody waits for their answers: the queue holds them too.
    vanguard: VecDeque<Bytes>,
}

/// What keeps the queue from going out. The later ones outweigh the earlier.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    #[default]
    None,
    /// The server asked for patience.
    Until(Instant),
    /// The server lacks something: it must say what it has, then the edit is computed again.
    Resync { not_before: Instant, asked: bool },
    /// The server will not take it as it is; the next local change may make it acceptable.
    Blocked,
}

impl Outbox {
    /// Edits on the road at once. Each waits for a disk, so that one alone would tie the pace to it.
    const MAX_IN_FLIGHT: usize = 8;
    /// Above this many pieces small neighbours are merged, so that a long time offline stays small.
    const MAX_PIECES: usize = 64;
    /// How large a piece may grow by that, in bytes.
    const PIECE_BYTES: usize = 16 * 1024;
    /// What a merge may add to each of its parts, in bytes.
    const MERGE_MARGIN: usize = 16;
    /// An edit that fails to fit this often in a row waits for the next local change.
    const MAX_RESYNCS: u32 = 5;
    /// Time before a rejected edit goes again, where the server names none.
    const RETRY: Duration = Duration::from_secs(1);
    /// Longest time that a server may hold an edit back.
    const MAX_RETRY: Duration = Duration::from_secs(60);

    /// Changes from earlier that were not saved, in order.
    pub(crate) fn restore(&mut self, pending: Vec<Bytes>) {
        self.queued = pending.into();
    }

    /// Everything that is not saved, in order.
    pub(crate) fn unsaved(&self) -> Vec<Bytes> {
        let mut sent: BTreeMap<_, _> = self.in_flight.iter().collect();
        sent.extend(&self.returned);
        sent.into_values().chain(&self.queued).cloned().collect()
    }

    /// Rises with every change of [`Self::unsaved`].
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// A local change. It also gives a blocked queue its next try.
    pub(crate) fn push(&mut self, update: Vec<u8>) {
        self.revision += 1;
        if self.hold == Hold::Blocked {
            self.unblock();
        }
        let mut update = Bytes::from(update);
        if self.queued.len() >= Self::MAX_PIECES
            && let Some(last) = self.queued.back()
            && last.len() + update.len() <= Self::PIECE_BYTES
            && let Some(merged) = merge(&[last.clone(), update.clone()])
        {
            self.queued.pop_back();
            update = merged;
        }
        self.queued.push_back(update);
    }

    /// Lets a blocked queue try once more: something changed that may make it acceptable.
    pub(crate) fn unblock(&mut self) {
        if self.hold == Hold::Blocked {
            self.hold = Hold::None;
            self.resyncs = 0;
        }
    }

    /// When the next edit may go as far as the outbox is concerned; none while it must wait for something else than time.
    pub(crate) fn ready_at(&self, now: Instant) -> Option<Instant> {
        let waits = self.queued.is_empty() || !self.returned.is_empty() || self.in_flight.len() >= Self::MAX_IN_FLIGHT;
        match self.hold {
            _ if waits => None,
            Hold::None => Some(now),
            Hold::Until(at) => Some(at),
            Hold::Resync { .. } | Hold::Blocked => None,
        }
    }

    /// Takes the next edit off the queue: as many neighbours as fit into `max_bytes`, or a part of the first piece.
    pub(crate) fn take(&mut self, max_bytes: usize) -> Option<(EditId, Bytes)> {
        if let Some(part) = self.vanguard.pop_front() {
            self.last_id += 1;
            return Some((EditId(self.last_id), part));
        }
        let whole = self.take_neighbours(max_bytes)?;
        // What cannot be read cannot be split: the server says what is wrong with it.
        let parts = collab_document::split(&whole, max_bytes).unwrap_or_default();
        let mut parts = parts.into_iter().map(Bytes::from);
        let update = parts.next().unwrap_or(whole);
        parts.rev().for_each(|part| self.queued.push_front(part));
        self.hold = Hold::None;
        self.last_id += 1;
        let id = EditId(self.last_id);
        self.in_flight.insert(id, update.clone());
        Some((id, update))
    }

    fn take_neighbours(&mut self, max_bytes: usize) -> Option<Bytes> {
        let mut sum = 0;
        let fits = |piece: &&Bytes| {
            sum += piece.len() + Self::MERGE_MARGIN;
            sum <= max_bytes
        };
        let fitting: Vec<Bytes> = self.queued.iter().take_while(fits).cloned().collect();
        let merged = merge(&fitting);
        if merged.is_some() {
            self.queued.drain(..fitting.len());
        }
        merged.or_else(|| self.queued.pop_front())
    }

    /// Whether the answer to this edit is waited for.
    pub(crate) fn is_in_flight(&self, id: EditId) -> bool {
        self.in_flight.contains_key(&id)
    }

    /// Forgets a saved edit; false for one that is not in flight.
    pub(crate) fn saved(&mut self, id: EditId) -> bool {
        let known = self.in_flight.remove(&id).is_some();
        if known {
            self.revision += 1;
            self.resyncs = 0;
            self.foreign = false;
            self.settle();
        }
        known
    }

    /// Takes a rejected edit back and says when it goes again; none when that needs another local change. The outer option
    /// is none for an edit that is not in flight.
    pub(crate) fn rejected(
        &mut self,
        now: Instant,
        id: EditId,
        code: Code,
        retry_after: Option<Duration>,
    ) -> Option<Option<Duration>> {
        let update = self.in_flight.remove(&id)?;
        self.returned.insert(id, update);
        let (hold, delay) = self.hold_for(now, code, retry_after.map(|after| after.min(Self::MAX_RETRY)));
        self.hold = self.hold.max(hold);
        self.settle();
        Some(delay)
    }

    fn hold_for(&mut self, now: Instant, code: Code, retry_after: Option<Duration>) -> (Hold, Option<Duration>) {
        // A difference that holds changes of people who are here is refused until the server has those from themselves; one
        // with this side's own changes from earlier until the server knows that the earlier connection is dead.
        let foreign = code == Code::ForeignAuthor;
        self.foreign |= foreign;
        let resync = foreign || code == Code::ResyncNeeded;
        if let Hold::Resync { not_before, .. } = self.hold
            && resync
        {
            // One of several on the road that failed for one reason.
            return (self.hold, Some(not_before.saturating_duration_since(now)));
        }
        if foreign || resync && self.resyncs < Self::MAX_RESYNCS {
            let delay = retry_after.unwrap_or(Self::RETRY * self.resyncs.min(Self::MAX_RESYNCS));
            self.resyncs = self.resyncs.saturating_add(1);
            (Hold::Resync { not_before: now + delay, asked: false }, Some(delay))
        } else if resync || code.is_permanent() {
            (Hold::Blocked, None)
        } else {
            let delay = retry_after.unwrap_or(Self::RETRY);
            (Hold::Until(now + delay), Some(delay))
        }
    }

    /// Once everything in flight has its answer, what was rejected goes back to the front, in its old order.
    fn settle(&mut self) {
        if self.in_flight.is_empty() {
            for (_, update) in std::mem::take(&mut self.returned).into_iter().rev() {
                self.queued.push_front(update);
            }
        }
    }

    /// When the server must be asked what it has; none when it need not be, or must answer other things first.
    pub(crate) fn sync_at(&self) -> Option<Instant> {
        match self.hold {
            Hold::Resync { not_before, asked: false } if self.in_flight.is_empty() => Some(not_before),
            _ => None,
        }
    }

    /// The server was asked.
    pub(crate) fn sync_asked(&mut self) {
        if let Hold::Resync { asked, .. } = &mut self.hold {
            *asked = true;
        }
    }

    /// Whether what waits must be computed again from what the server has.
    pub(crate) fn wants_difference(&self) -> bool {
        matches!(self.hold, Hold::Resync { .. }) && self.in_flight.is_empty()
    }

    /// `difference` holds what the server lacks. It goes in one with the queue, of which the server may have something that it
    /// has not saved: only the answer to a repetition tells that it is.
    pub(crate) fn complete(&mut self, difference: Vec<u8>) {
        self.revision += 1;
        self.send_ahead(&difference);
        self.queued.push_front(difference.into());
        if let Some(merged) = merge(self.queued.make_contiguous()) {
            self.queued = VecDeque::from([merged]);
        }
        self.release();
    }

    /// Members whose unsaved changes build on each other's, as after a crash of the server, each hold all of them and are each
    /// refused for the others' sake. So everybody sends ahead what stands by itself; with each round more of it does.
    fn send_ahead(&mut self, difference: &[u8]) {
        self.vanguard.clear();
        if self.foreign {
            let parts = collab_document::independent_parts(difference).unwrap_or_default();
            self.vanguard.extend(parts.into_iter().map(Bytes::from));
        }
    }

    /// The queue may go as it is.
    pub(crate) fn release(&mut self) {
        if matches!(self.hold, Hold::Resync { .. }) {
            self.hold = Hold::None;
        }
    }

    /// The connection is gone, and with it every answer that was still to come.
    pub(crate) fn lost(&mut self) {
        self.vanguard.clear();
        self.returned.append(&mut self.in_flight);
        self.settle();
        if let Hold::Resync { asked, .. } = &mut self.hold {
            *asked = false;
        }
    }

    /// Drops everything: the text it belongs to is given up.
    pub(crate) fn clear(&mut self) {
        *self = Self { last_id: self.last_id, revision: self.revision + 1, ..Self::default() };
    }

    /// Whether nothing here will go out by itself any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.in_flight.is_empty() && (self.queued.is_empty() || self.hold == Hold::Blocked)
    }

    pub(crate) fn save_state(&self) -> SaveState {
        if !self.queued.is_empty() || !self.returned.is_empty() {
            SaveState::OnDevice
        } else if !self.in_flight.is_empty() {
            SaveState::Sent
        } else {
            SaveState::Saved
        }
    }

    /// How many edits are not saved; what waits to be merged counts as one.
    pub(crate) fn pending(&self) -> usize {
        self.in_flight.len() + self.returned.len() + usize::from(!self.queued.is_empty())
    }
}

/// Merges neighbours into one update; none when there are none, or when they cannot be merged.
fn merge(pieces: &[Bytes]) -> Option<Bytes> {
    match pieces {
        [] => None,
        [one] => Some(one.clone()),
        many => collab_document::merge(many).ok().map(Bytes::from),
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
