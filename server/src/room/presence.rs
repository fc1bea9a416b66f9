//! Where the members' cursors are, told a few times a second at most: the newest place of each, once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use collab_proto::{Cursor, MemberId};

/// Shortest time between two tellings: 10 a second look smooth, and each costs the square of the members.
pub const PRESENCE_INTERVAL: Duration = Duration::from_millis(100);

/// Every member's last cursor.
#[derive(Debug, Default)]
pub struct Presence {
    cursors: BTreeMap<MemberId, Place>,
    due: Option<Instant>,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Place {
    seq: u64,
    cursor: Option<Cursor>,
    told: bool,
}

impl Presence {
    /// Notes a move. An older one than the last is dropped.
    pub fn moved(&mut self, now: Instant, member: MemberId, seq: u64, cursor: Option<Cursor>) {
        if self.cursors.get(&member).is_some_and(|place| place.seq >= seq) {
            return;
        }
        self.cursors.insert(member, Place { seq, cursor, told: false });
        self.schedule(now);
    }

    /// Forgets a member who left.
    pub fn forget(&mut self, member: MemberId) {
        self.cursors.remove(&member);
    }

    /// Tells every cursor again, for somebody new.
    pub fn show_all(&mut self, now: Instant) {
        self.cursors.values_mut().for_each(|place| place.told = false);
        if !self.cursors.is_empty() {
            self.schedule(now);
        }
    }

    fn schedule(&mut self, now: Instant) {
        let earliest = self.told.map_or(now, |told| told + PRESENCE_INTERVAL);
        self.due.get_or_insert(earliest.max(now));
    }

    /// When the next telling is due.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The moves to tell, if it is time.
    pub fn poll(&mut self, now: Instant) -> Vec<(MemberId, u64, Option<Cursor>)> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.due = None;
        self.told = Some(now);
        let untold = self.cursors.iter_mut().filter(|(_, place)| !place.told);
        untold
            .map(|(member, place)| {
                place.told = true;
                (*member, place.seq, place.cursor)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collab_proto::Position;

    fn at(clock: u32) -> Option<Cursor> {
        let head = Position::Before { client: collab_proto::ClientId(1), clock };
        Some(Cursor { anchor: head, head })
    }

    #[test]
    fn the_newest_place_is_told_once_per_interval() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        presence.moved(now, MemberId(1), 1, at(1));
        assert_eq!(presence.poll(now).len(), 1);
        presence.moved(now, MemberId(1), 2, at(2));
        presence.moved(now, MemberId(1), 4, at(4));
        presence.moved(now, MemberId(1), 3, at(3));
        assert_eq!(presence.poll(now), []);
        assert_eq!(presence.due(), Some(now + PRESENCE_INTERVAL));
        assert_eq!(presence.poll(now + PRESENCE_INTERVAL), [(MemberId(1), 4, at(4))]);
        assert_eq!(presence.due(), None);
    }

    #[test]
    fn a_newcomer_is_told_of_everybody_who_is_still_here() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        presence.moved(now, MemberId(1), 1, at(1));
        presence.moved(now, MemberId(2), 1, None);
        presence.poll(now);
        presence.forget(MemberId(2));
        presence.show_all(now);
        assert_eq!(presence.poll(now + PRESENCE_INTERVAL), [(MemberId(1), 1, at(1))]);
    }
}
