//! How often something happens, over the last seconds.

use std::time::{Duration, Instant};

/// What happened this long ago counts a third of what happens now.
const FADING: Duration = Duration::from_secs(5);

/// A moving average in constant space.
#[derive(Debug)]
pub struct Rate {
    per_s: f64,
    at: Instant,
}

impl Rate {
    /// Nothing has happened yet.
    pub fn new(now: Instant) -> Self {
        Self { per_s: 0.0, at: now }
    }

    /// It happened once more.
    pub fn add(&mut self, now: Instant) {
        self.per_s = self.per_s(now) + FADING.as_secs_f64().recip();
        self.at = now;
    }

    /// Times a second.
    pub fn per_s(&self, now: Instant) -> f64 {
        let gone = now.saturating_duration_since(self.at);
        self.per_s * (-gone.div_duration_f64(FADING)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_happens_and_forgets_it() {
        let mut now = Instant::now();
        let mut rate = Rate::new(now);
        assert_eq!(rate.per_s(now), 0.0);
        for _ in 0..1000 {
            now += Duration::from_millis(50);
            rate.add(now);
        }
        assert!((rate.per_s(now) - 20.0).abs() < 0.2, "{}", rate.per_s(now));
        assert!(rate.per_s(now + 10 * FADING) < 0.01);
    }
}
