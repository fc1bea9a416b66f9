//! How long to wait before connecting again: exponential with full jitter, so that a thousand clients that lost one server
//! do not come back in one moment.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How often it was tried, and where chance stands.
#[derive(Debug)]
pub struct Backoff {
    rng: StdRng,
    attempt: u32,
}

impl Backoff {
    /// The largest delay of the first attempt; it doubles with every further one.
    pub(crate) const FIRST: Duration = Duration::from_millis(250);
    /// The largest delay of all.
    pub(crate) const LAST: Duration = Duration::from_secs(30);
    /// How long a client must have been in the room for its failures to be forgotten.
    pub const FORGET_AFTER: Duration = Duration::from_secs(10);

    /// Nothing was tried yet. The same seed gives the same delays.
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), attempt: 0 }
    }

    /// The delay before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        let most = Self::FIRST.saturating_mul(1 << self.attempt.min(16)).min(Self::LAST);
        self.attempt = self.attempt.saturating_add(1);
        self.rng.random_range(Duration::ZERO..=most)
    }

    /// Begins anew with short delays.
    pub fn forget(&mut self) {
        self.attempt = 0;
    }

    /// A number for a new replica, from the same source of chance.
    pub(crate) fn draw_client_id(&mut self) -> u64 {
        self.rng.random_range(1..=collab_proto::limits::MAX_SAFE_INTEGER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_within_their_bounds_and_use_them() {
        let mut longest = [Duration::ZERO; 12];
        for seed in 0..500 {
            let mut backoff = Backoff::new(seed);
            for (attempt, longest) in longest.iter_mut().enumerate() {
                let delay = backoff.next_delay();
                assert!(delay <= Duration::from_millis(250 << attempt).min(Duration::from_secs(30)), "seed {seed}");
                *longest = delay.max(*longest);
            }
        }
        assert!(longest[0] > Duration::from_millis(225));
        assert!(longest[7] > Duration::from_secs(27) && longest[11] > Duration::from_secs(27));
    }

    #[test]
    fn a_seed_gives_the_same_delays_and_forgetting_starts_over() {
        let delays = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..20).map(|_| backoff.next_delay()).collect::<Vec<_>>()
        };
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
        let mut backoff = Backoff::new(7);
        (0..100).for_each(|_| assert!(backoff.next_delay() <= Backoff::LAST));
        backoff.forget();
        assert!(backoff.next_delay() <= Backoff::FIRST);
    }
}
