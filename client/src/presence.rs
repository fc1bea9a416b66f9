//! Cursors: one's own, told at most ten times a second, and those of the others.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use collab_document::{Anchor, Document, Side};
use collab_proto::limits::MAX_LISTED_MEMBERS;
use collab_proto::{ClientId, Cursor, Datagram, MemberId, Position, Slot};

use crate::roster::Roster;

#[derive(Debug, Default)]
pub(crate) struct Presence {
    own: Option<Cursor>,
    seq: u64,
    due: Option<Instant>,
    last_sent: Option<Instant>,
    others: BTreeMap<MemberId, Seen>,
}

#[derive(Debug)]
struct Seen {
    seq: u64,
    cursor: Option<Cursor>,
}

impl Presence {
    /// Shortest time between two words about one's own cursor.
    pub(crate) const EVERY: Duration = Duration::from_millis(100);
    /// How soon newcomers are told. Many who come together are told once.
    pub(crate) const TELL_NEWCOMERS: Duration = Duration::from_secs(1);

    /// Moves one's own cursor. What is not sent yet is overtaken.
    pub(crate) fn set_own(&mut self, now: Instant, cursor: Option<Cursor>) {
        if cursor != self.own {
            self.own = cursor;
            self.tell(now);
        }
    }

    pub(crate) fn own(&self) -> Option<Cursor> {
        self.own
    }

    /// Asks for the cursor to be told, not before `at`.
    pub(crate) fn tell(&mut self, at: Instant) {
        let at = self.last_sent.map_or(at, |last| at.max(last + Self::EVERY));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// After joining: the room knows nothing of this cursor yet, and the old room's cursors are gone.
    pub(crate) fn joined(&mut self, now: Instant) {
        self.others.clear();
        self.due = None;
        if self.own.is_some() {
            self.tell(now);
        }
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn poll(&mut self, now: Instant, slot: Slot, member: MemberId) -> Option<Datagram> {
        self.due.filter(|due| *due <= now)?;
        self.due = None;
        self.last_sent = Some(now);
        self.seq += 1;
        Some(Datagram::Presence { slot, member, seq: self.seq, cursor: self.own })
    }

    /// Takes a word about another's cursor; false when a newer one is known or too many are.
    pub(crate) fn seen(&mut self, member: MemberId, seq: u64, cursor: Option<Cursor>) -> bool {
        match self.others.get(&member) {
            Some(seen) if seen.seq >= seq => return false,
            None if self.others.len() >= MAX_LISTED_MEMBERS => return false,
            _ => {}
        }
        self.others.insert(member, Seen { seq, cursor });
        true
    }

    /// Forgets the cursors of those who went.
    pub(crate) fn left(&mut self, members: &[MemberId]) {
        self.others.retain(|id, _| !members.contains(id));
    }

    pub(crate) fn clear_others(&mut self) {
        self.others.clear();
    }

    /// The cursors of those who are listed, as offsets in `document`: where the selection began, where the cursor is.
    pub(crate) fn cursors(&self, roster: &Roster, document: &Document) -> BTreeMap<MemberId, (u32, u32)> {
        let listed = self.others.iter().filter(|(id, _)| roster.members.contains_key(id));
        listed.filter_map(|(id, seen)| Some((*id, offsets(document, &seen.cursor?)?))).collect()
    }
}

/// A selection given by offsets, as places that stay where they are meant to be.
pub(crate) fn cursor_at(document: &Document, anchor: u32, head: u32) -> Cursor {
    // To the left: what somebody else inserts just at the cursor comes after it and does not carry it along.
    let place = |at| position(document.anchor(at, Side::Left));
    Cursor { anchor: place(anchor), head: place(head) }
}

/// Where a selection is now, in UTF-16 units; none while it stands beside something that has not arrived.
pub(crate) fn offsets(document: &Document, cursor: &Cursor) -> Option<(u32, u32)> {
    Some((document.offset(anchor(cursor.anchor))?, document.offset(anchor(cursor.head))?))
}

fn position(anchor: Anchor) -> Position {
    match anchor {
        Anchor::Start => Position::Start,
        Anchor::End => Position::End,
        Anchor::Before { client, clock } => Position::Before { client: ClientId(client), clock },
        Anchor::After { client, clock } => Position::After { client: ClientId(client), clock },
    }
}

fn anchor(position: Position) -> Anchor {
    match position {
        Position::Start => Anchor::Start,
        Position::End => Anchor::End,
        Position::Before { client, clock } => Anchor::Before { client: client.0, clock },
        Position::After { client, clock } => Anchor::After { client: client.0, clock },
    }
}
