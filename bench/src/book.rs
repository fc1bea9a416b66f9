//! The one book in which all users write what they did and saw.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use collab_document::Section;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::ledger::{Missing, Path, Room, Totals};
use crate::series::recorder::Recorder;
use crate::stats::Kind;

/// Of deliveries that did not happen, so many are named.
const MAX_NAMED: usize = 5;

/// Deliveries, latencies and errors of a run. All users live on one thread, and none holds the book across an await.
#[derive(Debug)]
pub struct Book {
    rooms: RefCell<Vec<Room>>,
    recorder: RefCell<Recorder>,
    errors: RefCell<BTreeMap<String, u64>>,
    asides: Cell<Asides>,
    arrived: Notify,
}

/// What is counted besides edits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asides {
    /// How often somebody was brought up to date at once, instead of edit by edit.
    pub healed: u64,
    /// Cursors that were moved.
    pub cursors_sent: u64,
    /// Cursors that were seen moving.
    pub cursors_seen: u64,
}

impl std::ops::AddAssign for Asides {
    fn add_assign(&mut self, other: Self) {
        self.healed += other.healed;
        self.cursors_sent += other.cursors_sent;
        self.cursors_seen += other.cursors_seen;
    }
}

/// A user's place: the room's number and the member's number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Which room.
    pub room: usize,
    /// Which of its members.
    pub member: usize,
}

impl Book {
    /// An empty book for rooms with so many members each.
    pub fn new(members: impl Iterator<Item = usize>, recorder: Recorder) -> Self {
        Self {
            rooms: RefCell::new(members.map(Room::new).collect()),
            recorder: RefCell::new(recorder),
            errors: RefCell::default(),
            asides: Cell::default(),
            arrived: Notify::new(),
        }
    }

    /// A user got in, writing as this replica.
    pub fn joined(&self, seat: Seat, client: u64) {
        self.rooms.borrow_mut()[seat.room].enter(seat.member, client);
    }

    /// Getting in took so long.
    pub fn join(&self, latency: Duration) {
        self.recorder.borrow_mut().time(Kind::Join, latency, Instant::now());
    }

    /// A user made the edit that was intended for this time.
    pub fn sent(&self, seat: Seat, section: Section, intended: Instant, now: Instant) {
        self.rooms.borrow_mut()[seat.room].sent(section, intended);
        self.recorder.borrow_mut().sent(now);
        self.lag(intended, now);
    }

    /// Something was done now that was intended for this time.
    pub fn lag(&self, intended: Instant, now: Instant) {
        self.recorder.borrow_mut().time(Kind::Lag, now.saturating_duration_since(intended), now);
    }

    /// A user took in a section.
    pub fn received(&self, seat: Seat, section: Section, path: Path, now: Instant, is_timed: bool) {
        let record = self.recording(Kind::Edit, now, is_timed);
        self.rooms.borrow_mut()[seat.room].received(seat.member, section, path, now, record);
        self.arrived.notify_waiters();
    }

    /// A user heard that a section of its own is saved.
    pub fn saved(&self, seat: Seat, section: Section, now: Instant, is_timed: bool) {
        let record = self.recording(Kind::Saved, now, is_timed);
        self.rooms.borrow_mut()[seat.room].saved(section, now, record);
        self.arrived.notify_waiters();
    }

    fn recording(&self, kind: Kind, now: Instant, is_timed: bool) -> impl FnMut(Duration) {
        let mut recorder = self.recorder.borrow_mut();
        move |latency| {
            if is_timed {
                recorder.time(kind, latency, now);
            }
        }
    }

    /// A user gave a section of its own to a server that acknowledges none: from now on it must be kept there all the same.
    pub fn given_away(&self, seat: Seat, section: Section) {
        self.rooms.borrow_mut()[seat.room].saved(section, Instant::now(), |_| {});
        self.arrived.notify_waiters();
    }

    /// A ping came back.
    pub fn ping(&self, latency: Duration) {
        self.recorder.borrow_mut().time(Kind::Ping, latency, Instant::now());
    }

    /// Something was counted besides edits.
    pub fn aside(&self, count: impl FnOnce(&mut Asides)) {
        let mut asides = self.asides.get();
        count(&mut asides);
        self.asides.set(asides);
    }

    /// What was counted besides edits.
    pub fn asides(&self) -> Asides {
        self.asides.get()
    }

    /// Something went wrong.
    pub fn error(&self, name: impl ToString) {
        self.recorder.borrow_mut().error(Instant::now());
        *self.errors.borrow_mut().entry(name.to_string()).or_default() += 1;
    }

    /// The counts over all rooms.
    pub fn totals(&self) -> Totals {
        self.rooms.borrow().iter().map(Room::totals).sum()
    }

    /// Waits until everything sent is saved and has arrived everywhere.
    pub async fn settled(&self) {
        loop {
            let arrived = self.arrived.notified();
            if self.totals().is_settled() {
                return;
            }
            arrived.await;
        }
    }

    /// How many saved edits of a room are not among these sections.
    pub fn unkept(&self, room: usize, kept: &[Section]) -> u64 {
        self.rooms.borrow()[room].unkept(kept)
    }

    /// Names some of the deliveries that did not happen among what went wrong, so that one can look for them in the server's log.
    pub fn name_missing(&self) {
        if self.totals().lost() == 0 {
            return;
        }
        let (rooms, start) = (self.rooms.borrow(), self.recorder.borrow().start());
        let missing =
            rooms.iter().enumerate().flat_map(|(number, room)| room.missing().map(move |lost| (number, lost)));
        for (room, Missing { from, to, intended }) in missing.take(MAX_NAMED) {
            let at = intended.saturating_duration_since(start).as_secs_f64();
            self.error(format!("room {room}: member {to} never got what member {from} wrote at {at:.3} s"));
        }
    }

    /// What went wrong so far.
    pub fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.borrow().clone()
    }

    /// What was timed and counted. Not to be held across an await.
    pub fn recorder(&self) -> RefMut<'_, Recorder> {
        self.recorder.borrow_mut()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const SPAN: Section = Section { client: 7, start: 0, end: 4 };

    #[tokio::test]
    async fn settling_waits_for_the_last_delivery_and_the_last_save() {
        let book = Book::new([2].into_iter(), Recorder::new(Instant::now()).unwrap());
        let (ann, ben) = (Seat { room: 0, member: 0 }, Seat { room: 0, member: 1 });
        let now = Instant::now();
        book.joined(ann, 7);
        book.joined(ben, 8);
        book.settled().await;
        book.sent(ann, SPAN, now, now);
        let mut settled = std::pin::pin!(book.settled());
        for step in [0, 1] {
            assert!(settled.as_mut().now_or_never().is_none());
            match step {
                0 => book.received(ben, SPAN, Path::Live, now, true),
                _ => book.saved(ann, SPAN, now, true),
            }
        }
        assert!(settled.as_mut().now_or_never().is_some());
        assert_eq!(book.recorder().totals().of(Kind::Edit).summary().count, 1);
    }
}
