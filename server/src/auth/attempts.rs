//! Wrong passwords slow down the address that sends them, per room, with a growing delay.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use collab_proto::RoomName;

use super::network;

/// Wrong passwords that cost nothing: people mistype.
const FREE: u32 = 5;

/// The delay after the first wrong password that costs something. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// The longest delay.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// After this long without a wrong password an address starts anew.
const FORGET: Duration = Duration::from_secs(15 * 60);

/// How many (address, room) pairs are remembered; beyond it the forgotten ones go first, then the oldest.
const MAX_REMEMBERED: usize = 65_536;

/// Remembers who guessed wrong.
#[derive(Debug, Default)]
pub struct Attempts {
    failures: Mutex<HashMap<(IpAddr, RoomName), Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn blocked_until(&self) -> Instant {
        let Some(beyond) = self.count.checked_sub(FREE) else { return self.last };
        let delay = FIRST_DELAY.saturating_mul(1 << beyond.min(16));
        self.last + delay.min(MAX_DELAY)
    }
}

impl Attempts {
    /// How long this address must wait before it may try a password in this room; none when it may now.
    pub fn wait(&self, now: Instant, address: IpAddr, room: &RoomName) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let found = failures.get(&(network(address), room.clone()))?;
        let wait = found.blocked_until().saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }

    /// Notes a wrong password.
    pub fn failed(&self, now: Instant, address: IpAddr, room: &RoomName) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (network(address), room.clone());
        if failures.len() >= MAX_REMEMBERED && !failures.contains_key(&key) {
            make_room(&mut failures, now);
        }
        let entry = failures.entry(key).or_insert(Failures { count: 0, last: now });
        if now.saturating_duration_since(entry.last) > FORGET {
            entry.count = 0;
        }
        *entry = Failures { count: entry.count.saturating_add(1), last: now };
    }

    /// Forgets the wrong passwords before a right one.
    pub fn succeeded(&self, address: IpAddr, room: &RoomName) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&(network(address), room.clone()));
    }
}

fn make_room(failures: &mut HashMap<(IpAddr, RoomName), Failures>, now: Instant) {
    failures.retain(|_, entry| now.saturating_duration_since(entry.last) <= FORGET);
    if failures.len() >= MAX_REMEMBERED {
        let mut ages: Vec<Instant> = failures.values().map(|entry| entry.last).collect();
        let middle = ages.len() / 2;
        let (_, median, _) = ages.select_nth_unstable(middle);
        let median = *median;
        failures.retain(|_, entry| entry.last > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> RoomName {
        RoomName::parse("demo").unwrap()
    }

    #[test]
    fn the_delay_begins_after_five_and_doubles_up_to_a_minute() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let home = "192.0.2.1".parse().unwrap();
        let mut waits = Vec::new();
        for _ in 0..14 {
            attempts.failed(now, home, &room());
            waits.push(attempts.wait(now, home, &room()).map_or(0, |wait| wait.as_secs()));
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(attempts.wait(now + MAX_DELAY, home, &room()), None);
    }

    #[test]
    fn others_and_other_rooms_are_not_slowed_and_success_forgives() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let home = "2001:db8::1".parse().unwrap();
        (0..9).for_each(|_| attempts.failed(now, home, &room()));
        assert!(attempts.wait(now, "2001:db8::2".parse().unwrap(), &room()).is_some(), "the same /64");
        assert!(attempts.wait(now, "2001:db8:0:1::1".parse().unwrap(), &room()).is_none());
        assert!(attempts.wait(now, home, &RoomName::parse("other").unwrap()).is_none());
        attempts.succeeded(home, &room());
        assert!(attempts.wait(now, home, &room()).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for i in 0..MAX_REMEMBERED as u32 + 10 {
            attempts.failed(now + Duration::from_millis(u64::from(i)), IpAddr::V4(i.into()), &room());
        }
        assert!(attempts.failures.lock().unwrap().len() <= MAX_REMEMBERED);
    }
}
