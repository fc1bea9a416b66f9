//! Wakes the users at their times, from a thread of its own: the timers of the runtime know whole milliseconds only, which
//! would be the greater part of what is measured.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use crate::schedule::Schedule;

/// The thread that keeps the schedule. Dropped, it stops at the next arrival.
#[derive(Debug)]
pub struct Pacer {
    stopped: Arc<AtomicBool>,
}

impl Pacer {
    /// From `start` on, sends each user the times at which it is meant to edit. The channels close after the last arrival.
    ///
    /// A channel holds the arrivals that its user has not got to yet; there are no more of them than the schedule has.
    pub fn start(schedule: Schedule, start: Instant, users: Vec<UnboundedSender<Instant>>) -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let pacer = Self { stopped: stopped.clone() };
        thread::Builder::new().name("pacer".to_owned()).spawn(move || {
            for arrival in schedule.arrivals() {
                let intended = start + arrival.at;
                thread::sleep(intended.saturating_duration_since(Instant::now()));
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A user that failed has closed its channel; the others go on.
                let _ = users[arrival.user].send(intended);
            }
        })?;
        Ok(pacer)
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn every_arrival_comes_in_time_and_then_the_channels_close() {
        let (period, duration) = (Duration::from_millis(20), Duration::from_millis(100));
        let schedule = Schedule::draw(3, 2, period, duration);
        let (senders, mut receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::unbounded_channel()).unzip();
        let start = Instant::now();
        let _pacer = Pacer::start(schedule.clone(), start, senders).unwrap();
        for (user, receiver) in receivers.iter_mut().enumerate() {
            for arrival in schedule.arrivals().filter(|arrival| arrival.user == user) {
                assert_eq!(receiver.blocking_recv(), Some(start + arrival.at));
                assert!(Instant::now() >= start + arrival.at);
            }
            assert_eq!(receiver.blocking_recv(), None);
        }
    }
}
