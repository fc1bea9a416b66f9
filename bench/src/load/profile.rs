//! How much is asked for over time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A rate that is constant or rises or falls evenly, stage after stage. In edits a second of one user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile(Vec<Stage>);

/// A part of a [`Profile`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// How long.
    pub duration: Duration,
    /// The rate at its beginning.
    pub from: f64,
    /// The rate at its end.
    pub to: f64,
}

impl Stage {
    /// How many edits of one user have become due after so many seconds of it.
    fn due(&self, seconds: f64) -> f64 {
        let length = self.duration.as_secs_f64();
        self.from * seconds + (self.to - self.from) * seconds * seconds / (2.0 * length)
    }

    /// The seconds after which so many have: the inverse of [`due`](Self::due), by the formula that loses no digits.
    fn seconds_until(&self, due: f64) -> f64 {
        let slope = (self.to - self.from) / self.duration.as_secs_f64();
        2.0 * due / (self.from + (self.from * self.from + 2.0 * slope * due).max(0.0).sqrt())
    }
}

impl Profile {
    /// The stages one after the other. Rates are at least 0, durations longer than nothing.
    pub fn new(stages: Vec<Stage>) -> Self {
        Self(stages)
    }

    /// One rate all the time.
    pub fn constant(rate: f64, duration: Duration) -> Self {
        Self(vec![Stage { duration, from: rate, to: rate }])
    }

    /// How long it goes on.
    pub fn duration(&self) -> Duration {
        self.0.iter().map(|stage| stage.duration).sum()
    }

    /// How many edits of one user are due in all, on average.
    pub fn total(&self) -> f64 {
        self.0.iter().map(|stage| stage.due(stage.duration.as_secs_f64())).sum()
    }

    /// When so many edits of one user have become due; none when that is after the end.
    pub fn time_of(&self, mut due: f64) -> Option<Duration> {
        let mut begun = Duration::ZERO;
        for stage in &self.0 {
            let all = stage.due(stage.duration.as_secs_f64());
            if due < all {
                return Some(begun + Duration::from_secs_f64(stage.seconds_until(due)).min(stage.duration));
            }
            due -= all;
            begun += stage.duration;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    fn close(found: Option<Duration>, wanted: f64) -> bool {
        found.is_some_and(|found| (found.as_secs_f64() - wanted).abs() < 1e-6)
    }

    #[test]
    fn a_constant_rate_is_even() {
        let profile = Profile::constant(0.5, seconds(30.0));
        assert_eq!((profile.duration(), profile.total()), (seconds(30.0), 15.0));
        assert!(
            close(profile.time_of(0.0), 0.0) && close(profile.time_of(1.0), 2.0) && close(profile.time_of(14.5), 29.0)
        );
        assert_eq!(profile.time_of(15.0), None);
    }

    #[test]
    fn a_ramp_grows_with_the_square_of_time_and_stages_follow_each_other() {
        let up = Stage { duration: seconds(10.0), from: 0.0, to: 4.0 };
        let on = Stage { duration: seconds(5.0), from: 4.0, to: 4.0 };
        let down = Stage { duration: seconds(2.0), from: 4.0, to: 0.0 };
        let profile = Profile::new(vec![up, on, down]);
        assert_eq!(profile.total(), 20.0 + 20.0 + 4.0);
        assert!(close(profile.time_of(5.0), 5.0), "a quarter of the ramp's edits come in its first half");
        assert!(close(profile.time_of(20.0), 10.0) && close(profile.time_of(30.0), 12.5));
        assert!(close(profile.time_of(43.0), 16.0), "three quarters of a falling ramp come in its first half");
        assert_eq!(profile.time_of(44.0), None);
    }

    #[test]
    fn nothing_is_due_at_rate_zero() {
        let quiet = Stage { duration: seconds(3.0), from: 0.0, to: 0.0 };
        let loud = Stage { duration: seconds(1.0), from: 2.0, to: 2.0 };
        assert!(close(Profile::new(vec![quiet, loud]).time_of(0.0), 3.0));
        assert_eq!(Profile::new(vec![quiet]).time_of(0.0), None);
    }
}
