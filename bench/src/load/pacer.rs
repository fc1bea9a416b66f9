//! Wakes the users at their times, from a thread of its own: the timers of the runtime know whole milliseconds only, which
//! would be the greater part of what is measured.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::schedule::Schedule;
use crate::user::Cue;

/// The thread that keeps the schedule. Dropped, it stops at the next beat.
#[derive(Debug)]
pub struct Pacer {
    stopped: Arc<AtomicBool>,
}

impl Pacer {
    /// From `start` on, sends each user its cues. The channels close after the last beat.
    ///
    /// A channel holds the cues that its user has not got to yet; there are no more of them than the schedule has.
    pub fn start(schedule: Schedule, start: Instant, users: Vec<UnboundedSender<Cue>>) -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let pacer = Self { stopped: stopped.clone() };
        thread::Builder::new().name("pacer".to_owned()).spawn(move || {
            wake_sharply();
            for beat in schedule.beats() {
                let intended = start + beat.at;
                let wait = intended.saturating_duration_since(Instant::now());
                if !wait.is_zero() {
                    thread::sleep(wait);
                }
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A user that failed has closed its channel; the others go on.
                let _ = users[beat.user].send(Cue { intended, deed: beat.deed });
            }
        })?;
        Ok(pacer)
    }
}

/// Linux wakes a thread up to 50 µs late, to save power, unless asked not to. Elsewhere, or where it refuses, the lag tells.
fn wake_sharply() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
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
    use crate::load::profile::Profile;
    use crate::load::schedule::Arrival;
    use crate::user::Deed;

    #[test]
    fn every_cue_comes_in_time_and_then_the_channels_close() {
        let profile = Profile::constant(50.0, Duration::from_millis(100));
        let mut schedule = Schedule::draw(3, &[0, 1], Arrival::Fixed, &profile);
        schedule.add_rounds(1, Deed::Ping, Duration::from_millis(30), 0..1);
        let (senders, mut receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::unbounded_channel()).unzip();
        let start = Instant::now();
        let _pacer = Pacer::start(schedule.clone(), start, senders).unwrap();
        for (user, receiver) in receivers.iter_mut().enumerate() {
            for beat in schedule.beats().filter(|beat| beat.user == user) {
                let cue = receiver.blocking_recv().unwrap();
                assert_eq!((cue.intended, cue.deed), (start + beat.at, beat.deed));
                assert!(Instant::now() >= cue.intended);
            }
            assert!(receiver.blocking_recv().is_none());
        }
    }
}
