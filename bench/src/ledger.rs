//! Who has to receive which edit, and who did: finds every lost and every doubled delivery.
//!
//! An edit is known by the replica that wrote it and the clocks of its characters, so it is recognised inside whatever update
//! carries it: alone, merged with its neighbours, or in the catching up after a lost connection. It costs a bit per receiver.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use collab_document::Section;
use serde::{Deserialize, Serialize};

/// How a change reached a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// As an edit. It may come once.
    Live,
    /// In the catching up of a joiner or a slow reader, which may repeat what came before.
    CatchUp,
}

/// The deliveries of one room.
#[derive(Debug, Default)]
pub struct Room {
    authors: HashMap<u64, Author>,
    /// Whether the member of this number takes part.
    present: Vec<bool>,
    totals: Totals,
}

/// Counts over all edits of a room, or of all rooms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Edits made.
    pub sent: u64,
    /// Edits known to be saved.
    pub saved: u64,
    /// Deliveries due: each edit to every other member.
    pub due: u64,
    /// Deliveries that happened, each counted once.
    pub delivered: u64,
    /// Deliveries that happened again.
    pub duplicated: u64,
    /// Deliveries of something that nobody here wrote, or to its own author.
    pub foreign: u64,
}

#[derive(Debug)]
struct Author {
    member: usize,
    /// In the order of their clocks.
    edits: Vec<Edit>,
}

#[derive(Debug)]
struct Edit {
    start: u32,
    end: u32,
    intended: Instant,
    saved: bool,
    received: BitSet,
}

impl Room {
    /// A room for so many members. Nobody takes part yet.
    pub fn new(members: usize) -> Self {
        Self { present: vec![false; members], ..Self::default() }
    }

    /// From now on this member must receive what the others write. `client` is its replica.
    pub fn enter(&mut self, member: usize, client: u64) {
        self.present[member] = true;
        self.authors.insert(client, Author { member, edits: Vec::new() });
    }

    /// An edit that was meant to happen at `intended`. Its section follows the author's earlier ones.
    pub fn sent(&mut self, section: Section, intended: Instant) {
        let Some(author) = self.authors.get_mut(&section.client) else { return };
        let received = BitSet::new(self.present.len());
        author.edits.push(Edit { start: section.start, end: section.end, intended, saved: false, received });
        self.totals.sent += 1;
        self.totals.due += self.present.iter().filter(|present| **present).count() as u64 - 1;
    }

    /// A member's replica took in a section. `record` gets the latency of each first delivery.
    pub fn received(
        &mut self,
        member: usize,
        section: Section,
        path: Path,
        now: Instant,
        mut record: impl FnMut(Duration),
    ) {
        let Some(author) = self.authors.get_mut(&section.client).filter(|author| author.member != member) else {
            self.totals.foreign += u64::from(path == Path::Live);
            return;
        };
        for edit in author.within(section) {
            if edit.received.insert(member) {
                self.totals.delivered += 1;
                record(now.saturating_duration_since(edit.intended));
            } else if path == Path::Live {
                self.totals.duplicated += 1;
            }
        }
    }

    /// The server said that a section of its author is saved. `record` gets the latency of each edit that was not before.
    pub fn saved(&mut self, section: Section, now: Instant, mut record: impl FnMut(Duration)) {
        let Some(author) = self.authors.get_mut(&section.client) else { return };
        for edit in author.within(section).filter(|edit| !edit.saved) {
            edit.saved = true;
            self.totals.saved += 1;
            record(now.saturating_duration_since(edit.intended));
        }
    }

    /// How many saved edits lie in none of these sections, which are all that the server has.
    pub fn unkept(&self, kept: &[Section]) -> u64 {
        let is_kept = |client: u64, edit: &Edit| {
            kept.iter().any(|kept| kept.client == client && kept.start <= edit.start && edit.end <= kept.end)
        };
        let unkept = |(client, author): (&u64, &Author)| {
            author.edits.iter().filter(|edit| edit.saved && !is_kept(*client, edit)).count() as u64
        };
        self.authors.iter().map(unkept).sum()
    }

    /// Deliveries that have not happened, in no order. Somebody who came later than an edit counts as if it were due.
    pub fn missing(&self) -> impl Iterator<Item = Missing> {
        let lacks = |edit: &Edit, to: usize| self.present[to] && !edit.received.contains(to);
        self.authors.values().flat_map(move |author| {
            let others = (0..self.present.len()).filter(|to| *to != author.member);
            others.flat_map(move |to| {
                let edits = author.edits.iter().filter(move |edit| lacks(edit, to));
                edits.map(move |edit| Missing { from: author.member, to, intended: edit.intended })
            })
        })
    }

    /// The counts up to now.
    pub fn totals(&self) -> Totals {
        self.totals
    }
}

/// An edit that somebody did not receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The number of its author.
    pub from: usize,
    /// The number of the member who lacks it.
    pub to: usize,
    /// When it was meant to be made.
    pub intended: Instant,
}

impl Author {
    /// The edits that lie wholly in a section.
    fn within(&mut self, section: Section) -> impl Iterator<Item = &mut Edit> {
        let first = self.edits.partition_point(|edit| edit.start < section.start);
        self.edits[first..].iter_mut().take_while(move |edit| edit.end <= section.end)
    }
}

impl Totals {
    /// Deliveries that did not happen.
    pub fn lost(&self) -> u64 {
        self.due - self.delivered
    }

    /// Edits not known to be saved.
    pub fn unsaved(&self) -> u64 {
        self.sent - self.saved
    }

    /// Whether everything sent is saved and has arrived everywhere.
    pub fn is_settled(&self) -> bool {
        self.lost() == 0 && self.unsaved() == 0
    }
}

impl std::iter::Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            sent: sum.sent + one.sent,
            saved: sum.saved + one.saved,
            due: sum.due + one.due,
            delivered: sum.delivered + one.delivered,
            duplicated: sum.duplicated + one.duplicated,
            foreign: sum.foreign + one.foreign,
        })
    }
}

#[derive(Debug)]
struct BitSet(Box<[u64]>);

impl BitSet {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)].into())
    }

    fn contains(&self, at: usize) -> bool {
        self.0[at / 64] & 1 << (at % 64) != 0
    }

    /// Whether the bit was not set before.
    fn insert(&mut self, at: usize) -> bool {
        let (word, bit) = (&mut self.0[at / 64], 1 << (at % 64));
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: u64 = 101;
    const BEN: u64 = 102;

    fn span(client: u64, start: u32, end: u32) -> Section {
        Section { client, start, end }
    }

    /// A room of three with two edits of Ann, at clocks 0..5 and 5..9.
    fn room(now: Instant) -> Room {
        let mut room = Room::new(3);
        for (member, client) in [ANN, BEN, 103].into_iter().enumerate() {
            room.enter(member, client);
        }
        room.sent(span(ANN, 0, 5), now);
        room.sent(span(ANN, 5, 9), now);
        room
    }

    fn deliver(room: &mut Room, member: usize, section: Section, path: Path, now: Instant) -> usize {
        let mut latencies = 0;
        room.received(member, section, path, now, |_| latencies += 1);
        latencies
    }

    #[test]
    fn all_delivered_and_saved_is_settled() {
        let now = Instant::now();
        let mut room = room(now);
        for member in [1, 2] {
            assert_eq!(deliver(&mut room, member, span(ANN, 0, 5), Path::Live, now), 1);
            assert_eq!(deliver(&mut room, member, span(ANN, 5, 9), Path::Live, now), 1);
        }
        assert!(!room.totals().is_settled());
        room.saved(span(ANN, 0, 9), now, |_| {});
        assert!(room.totals().is_settled());
        assert_eq!(room.totals().duplicated + room.totals().foreign, 0);
    }

    #[test]
    fn a_dropped_delivery_is_lost() {
        let now = Instant::now();
        let mut room = room(now);
        deliver(&mut room, 1, span(ANN, 0, 9), Path::Live, now);
        deliver(&mut room, 2, span(ANN, 5, 9), Path::Live, now);
        assert_eq!((room.totals().due, room.totals().delivered, room.totals().lost()), (4, 3, 1));
        assert_eq!(room.missing().collect::<Vec<_>>(), [Missing { from: 0, to: 2, intended: now }]);
    }

    #[test]
    fn a_doubled_delivery_is_found() {
        let now = Instant::now();
        let mut room = room(now);
        deliver(&mut room, 1, span(ANN, 0, 5), Path::Live, now);
        assert_eq!(deliver(&mut room, 1, span(ANN, 0, 9), Path::Live, now), 1);
        assert_eq!((room.totals().delivered, room.totals().duplicated), (2, 1));
    }

    #[test]
    fn catching_up_delivers_but_may_repeat() {
        let now = Instant::now();
        let mut room = room(now);
        deliver(&mut room, 1, span(ANN, 0, 5), Path::Live, now);
        assert_eq!(deliver(&mut room, 1, span(ANN, 0, 9), Path::CatchUp, now), 1);
        assert_eq!((room.totals().delivered, room.totals().duplicated), (2, 0));
    }

    #[test]
    fn half_an_edit_is_not_delivered() {
        let now = Instant::now();
        let mut room = room(now);
        assert_eq!(deliver(&mut room, 1, span(ANN, 0, 4), Path::Live, now), 0);
        assert_eq!(deliver(&mut room, 1, span(ANN, 6, 9), Path::Live, now), 0);
        assert_eq!(room.totals().lost(), 4);
    }

    #[test]
    fn an_echo_and_a_stranger_are_foreign() {
        let now = Instant::now();
        let mut room = room(now);
        deliver(&mut room, 0, span(ANN, 0, 5), Path::Live, now);
        deliver(&mut room, 0, span(999, 0, 5), Path::Live, now);
        assert_eq!((room.totals().foreign, room.totals().delivered), (2, 0));
    }

    #[test]
    fn who_never_joined_is_not_waited_for() {
        let now = Instant::now();
        let mut room = Room::new(3);
        room.enter(0, ANN);
        room.enter(1, BEN);
        room.sent(span(ANN, 0, 5), now);
        assert_eq!(room.totals().due, 1);
    }

    #[test]
    fn what_was_saved_must_be_kept() {
        let now = Instant::now();
        let mut room = room(now);
        assert_eq!(room.unkept(&[]), 0, "nothing is saved");
        room.saved(span(ANN, 0, 5), now, |_| {});
        assert_eq!(room.unkept(&[span(BEN, 0, 5), span(ANN, 0, 4)]), 1);
        assert_eq!(room.unkept(&[span(ANN, 0, 5)]), 0);
    }

    #[test]
    fn latency_counts_from_the_intended_time() {
        let intended = Instant::now();
        let mut room = room(intended);
        let mut latencies = Vec::new();
        let late = intended + Duration::from_millis(1500);
        room.received(1, span(ANN, 0, 9), Path::Live, late, |latency| latencies.push(latency));
        room.saved(span(ANN, 0, 5), late, |latency| latencies.push(latency));
        assert_eq!(latencies, [Duration::from_millis(1500); 3]);
    }

    #[test]
    fn a_room_may_have_more_members_than_a_word_has_bits() {
        let now = Instant::now();
        let mut room = Room::new(200);
        for member in 0..200 {
            room.enter(member, member as u64);
        }
        room.sent(span(0, 0, 3), now);
        for member in 1..200 {
            deliver(&mut room, member, span(0, 0, 3), Path::Live, now);
        }
        assert_eq!((room.totals().delivered, room.totals().lost(), room.totals().duplicated), (199, 0, 0));
    }
}
