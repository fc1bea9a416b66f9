//! The token bucket behind every rate limit. Time is an argument.

use std::time::{Duration, Instant};

/// A token bucket: it holds at most `capacity`, and refills steadily.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// How many tokens are in it, as of the last [`Bucket::refill`].
    pub tokens: f64,
    /// How many it can hold.
    pub capacity: f64,
    per_second: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket that refills `per_second` tokens a second.
    pub fn full(capacity: f64, per_second: f64, now: Instant) -> Self {
        Self { tokens: capacity, capacity, per_second, at: now }
    }

    /// Takes another size and rate. What was used stays used.
    pub fn resize(&mut self, capacity: f64, per_second: f64, now: Instant) {
        self.refill(now);
        let used = self.capacity - self.tokens;
        *self = Self { tokens: (capacity - used).max(0.0), capacity, per_second, at: self.at };
    }

    /// Puts in what has come back since the last time.
    pub fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.capacity);
        self.at = self.at.max(now);
    }

    /// Takes a token, if one is there.
    pub fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let there = self.tokens >= 1.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    /// How long until one token is there; zero when it is there now.
    pub fn wait(&self) -> Duration {
        Duration::from_secs_f64(((1.0 - self.tokens) / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_size_gives_back_nothing_that_was_used() {
        let now = Instant::now();
        let mut bucket = Bucket::full(10.0, 1.0, now);
        assert_eq!((0..4).filter(|_| bucket.take(now)).count(), 4);
        bucket.resize(3.0, 2.0, now);
        assert_eq!((bucket.tokens, bucket.wait()), (0.0, Duration::from_millis(500)));
        bucket.resize(10.0, 1.0, now);
        assert_eq!(bucket.tokens, 7.0, "what a small bucket could not hold is forgotten");
    }

    #[test]
    fn it_gives_what_it_holds_and_then_what_comes_back() {
        let now = Instant::now();
        let mut bucket = Bucket::full(2.0, 4.0, now);
        assert_eq!((0..5).filter(|_| bucket.take(now)).count(), 2);
        assert_eq!(bucket.wait(), Duration::from_millis(250));
        assert!(!bucket.take(now + Duration::from_millis(249)));
        assert!(bucket.take(now + Duration::from_millis(250)));
        assert_eq!((0..5).filter(|_| bucket.take(now + Duration::from_secs(60))).count(), 2);
    }
}
