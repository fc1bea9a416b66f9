//! The edits of a light user from the moment it made them until they are saved: which of them go now, and which again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use collab_client::Budget;
use collab_document::Section;
use collab_proto::{EditId, Policy};

use super::hand::{Piece, encode};

/// What a light user has written and does not know to be saved. Time is an argument.
#[derive(Debug)]
pub struct Outbox {
    client: u64,
    /// In the order of their clocks. The first ones are in flight.
    pieces: VecDeque<Piece>,
    flights: VecDeque<Flight>,
    next_id: u64,
    budget: Option<Budget>,
    /// What was refused waits until all that flew with it is answered, and until this time.
    refused_until: Option<Instant>,
}

/// An edit on the road: this many pieces, from one clock to another.
#[derive(Debug, Clone, Copy)]
struct Flight {
    id: EditId,
    pieces: usize,
    start: u32,
    end: u32,
    answer: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Saved,
    Rejected,
}

impl Outbox {
    /// Nothing is written yet.
    pub fn new(client: u64) -> Self {
        let (pieces, flights) = (VecDeque::new(), VecDeque::new());
        Self { client, pieces, flights, next_id: 0, budget: None, refused_until: None }
    }

    /// The user wrote something.
    pub fn push(&mut self, piece: Piece) {
        self.pieces.push_back(piece);
    }

    /// The user is in the room, and held to this.
    pub fn entered(&mut self, policy: &Policy, now: Instant) {
        match &mut self.budget {
            Some(budget) => budget.adopt(policy, now),
            budget => *budget = Some(Budget::new(policy, now)),
        }
    }

    /// The connection is gone: what is not saved goes again.
    pub fn lost(&mut self) {
        self.flights.clear();
        self.refused_until = None;
    }

    /// The edit that goes now, if one does: everything that waits, as one.
    pub fn poll(&mut self, now: Instant) -> Option<(EditId, Vec<u8>)> {
        if self.ready_at(now)? > now {
            return None;
        }
        if self.refused_until.take().is_some() {
            self.flights.clear();
        }
        let flying = self.flying();
        let (start, end) = (self.pieces.get(flying)?.start, self.pieces.back()?.end);
        let update = encode(self.client, self.pieces.range(flying..));
        self.budget.as_mut()?.spend(now);
        let id = EditId(self.next_id);
        self.next_id += 1;
        self.flights.push_back(Flight { id, pieces: self.pieces.len() - flying, start, end, answer: None });
        Some((id, update))
    }

    /// When [`poll`](Self::poll) will have something; none while nothing waits for time alone.
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        let earliest = match self.refused_until {
            Some(_) if self.flights.iter().any(|flight| flight.answer.is_none()) => return None,
            Some(until) => until,
            None if self.flying() == self.pieces.len() => return None,
            None => now,
        };
        Some(earliest.max(self.budget.as_ref()?.ready_at(now)))
    }

    /// An edit is safe. Its section, if it is one that flies.
    pub fn saved(&mut self, id: EditId) -> Option<Section> {
        let flight = self.answer(id, Answer::Saved)?;
        while self.flights.front().is_some_and(|first| first.answer == Some(Answer::Saved)) {
            let gone = self.flights.pop_front().map_or(0, |first| first.pieces);
            self.pieces.drain(..gone);
        }
        Some(Section { client: self.client, start: flight.start, end: flight.end })
    }

    /// An edit was not taken, and goes again after this long. Those behind it build on it and will not be taken either.
    pub fn rejected(&mut self, id: EditId, after: Duration, now: Instant) {
        if self.answer(id, Answer::Rejected).is_some() {
            let until = now + after;
            self.refused_until = Some(self.refused_until.map_or(until, |earlier| earlier.max(until)));
        }
    }

    fn answer(&mut self, id: EditId, answer: Answer) -> Option<Flight> {
        let flight = self.flights.iter_mut().find(|flight| flight.id == id)?;
        flight.answer = Some(answer);
        Some(*flight)
    }

    fn flying(&self) -> usize {
        self.flights.iter().map(|flight| flight.pieces).sum()
    }
}

#[cfg(test)]
mod tests {
    use collab_document::sections;

    use super::super::hand::Hand;
    use super::*;
    use crate::options::load::Writes;

    const FREE: Policy = Policy {
        throttle_ms: 0,
        edits_per_minute: 60_000,
        burst: 60_000,
        tokens: 60_000,
        max_update_bytes: 262_144,
        max_document_bytes: 4_194_304,
    };

    fn outbox(policy: &Policy, now: Instant) -> (Outbox, Hand) {
        let mut outbox = Outbox::new(7);
        outbox.entered(policy, now);
        (outbox, Hand::new(1, 0, Writes::Words, 0))
    }

    fn span(update: &[u8]) -> (u32, u32) {
        let sections = sections(update).unwrap();
        assert_eq!(sections.len(), 1);
        (sections[0].start, sections[0].end)
    }

    #[test]
    fn each_edit_flies_once_and_is_forgotten_when_it_is_saved() {
        let now = Instant::now();
        let (mut outbox, mut hand) = outbox(&FREE, now);
        assert!(outbox.poll(now).is_none());
        let pieces = [hand.write(), hand.write()];
        outbox.push(pieces[0].clone());
        let (first, update) = outbox.poll(now).unwrap();
        assert_eq!(span(&update), (0, pieces[0].end));
        assert!(outbox.poll(now).is_none(), "it flies already");
        outbox.push(pieces[1].clone());
        let (second, update) = outbox.poll(now).unwrap();
        assert_eq!(span(&update), (pieces[1].start, pieces[1].end));
        assert_eq!(outbox.saved(second).unwrap().start, pieces[1].start, "an answer says nothing of other edits");
        assert_eq!(outbox.pieces.len(), 2);
        assert_eq!(outbox.saved(first).unwrap().end, pieces[0].end);
        assert!(outbox.pieces.is_empty() && outbox.saved(first).is_none());
    }

    #[test]
    fn what_the_budget_holds_back_goes_as_one() {
        let now = Instant::now();
        let policy = Policy { throttle_ms: 500, ..FREE };
        let (mut outbox, mut hand) = outbox(&policy, now);
        outbox.push(hand.write());
        assert!(outbox.poll(now).is_some());
        let late = [hand.write(), hand.write()];
        late.iter().for_each(|piece| outbox.push(piece.clone()));
        assert!(outbox.poll(now).is_none());
        let ready = outbox.ready_at(now).unwrap();
        assert_eq!(ready, now + Duration::from_millis(500));
        assert_eq!(span(&outbox.poll(ready).unwrap().1), (late[0].start, late[1].end));
    }

    #[test]
    fn after_a_refusal_everything_goes_again_once_all_is_answered() {
        let now = Instant::now();
        let (mut outbox, mut hand) = outbox(&FREE, now);
        let flights: Vec<_> = (0..3)
            .map(|_| {
                outbox.push(hand.write());
                outbox.poll(now).unwrap().0
            })
            .collect();
        assert!(outbox.saved(flights[0]).is_some());
        let last = hand.write();
        outbox.push(last.clone());
        outbox.rejected(flights[1], Duration::from_secs(1), now);
        assert_eq!(outbox.ready_at(now), None, "the third is not answered");
        outbox.rejected(flights[2], Duration::ZERO, now);
        assert!(outbox.poll(now).is_none());
        let later = now + Duration::from_secs(1);
        assert_eq!(outbox.ready_at(now), Some(later));
        let (again, update) = outbox.poll(later).unwrap();
        assert_eq!(span(&update), (outbox.pieces[0].start, last.end));
        assert!(outbox.saved(again).is_some() && outbox.pieces.is_empty());
    }

    #[test]
    fn a_lost_connection_sends_everything_unsaved_again() {
        let now = Instant::now();
        let (mut outbox, mut hand) = outbox(&FREE, now);
        let pieces = [hand.write(), hand.write()];
        pieces.iter().for_each(|piece| {
            outbox.push(piece.clone());
            assert!(outbox.poll(now).is_some());
        });
        outbox.lost();
        outbox.entered(&FREE, now);
        assert_eq!(span(&outbox.poll(now).unwrap().1), (0, pieces[1].end));
    }
}
