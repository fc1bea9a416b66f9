//! When the next edit may go: the throttle between two edits, and the mirror of the server's token bucket. An honest client
//! is slowed here and never refused there.

use std::time::{Duration, Instant};

use collab_proto::Policy;
use collab_proto::limits::{EDITS_PER_MINUTE, MAX_DOCUMENT_BYTES, MAX_UPDATE_BYTES, THROTTLE_MS};

/// What holds until a server says otherwise.
pub(crate) const DEFAULT_POLICY: Policy = Policy {
    throttle_ms: THROTTLE_MS,
    edits_per_minute: EDITS_PER_MINUTE,
    burst: EDITS_PER_MINUTE,
    tokens: EDITS_PER_MINUTE,
    max_update_bytes: MAX_UPDATE_BYTES as u32,
    max_document_bytes: MAX_DOCUMENT_BYTES as u32,
};

/// A bucket kept as the one moment at which it will be full again: no rounding, however often it is asked.
#[derive(Debug)]
pub struct Budget {
    throttle: Duration,
    /// How long one edit takes to refill; zero where edits are not counted.
    interval: Duration,
    burst: u32,
    full_at: Instant,
    last_edit: Option<Instant>,
}

impl Budget {
    /// A bucket with as many tokens as the server says.
    pub fn new(policy: &Policy, now: Instant) -> Self {
        let mut budget =
            Self { throttle: Duration::ZERO, interval: Duration::ZERO, burst: 1, full_at: now, last_edit: None };
        budget.adopt(policy, now);
        budget
    }

    /// Takes over what the server says. The time of the last edit stays: joining again does not lift the throttle.
    pub fn adopt(&mut self, policy: &Policy, now: Instant) {
        self.throttle = Duration::from_millis(policy.throttle_ms.into());
        self.interval = Duration::from_secs(60).checked_div(policy.edits_per_minute).unwrap_or_default();
        self.burst = policy.burst.max(1);
        self.full_at = now + self.interval * self.burst.saturating_sub(policy.tokens);
    }

    /// When the next edit may go; in the past when it may go now.
    pub fn ready_at(&self, now: Instant) -> Instant {
        let throttled = self.last_edit.map_or(now, |at| at + self.throttle);
        // A token is there once the bucket lacks no more than all but one.
        let slack = self.interval * (self.burst - 1);
        let token = self.full_at.checked_sub(slack).unwrap_or(now);
        throttled.max(token)
    }

    /// Counts an edit that goes now.
    pub fn spend(&mut self, now: Instant) {
        self.full_at = self.full_at.max(now) + self.interval;
        self.last_edit = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend_all(budget: &mut Budget, now: Instant) -> u32 {
        let mut spent = 0;
        while budget.ready_at(now) <= now && spent < 1000 {
            budget.spend(now);
            spent += 1;
        }
        spent
    }

    #[test]
    fn thirty_pass_and_the_next_waits_two_seconds() {
        let start = Instant::now();
        let mut budget = Budget::new(&Policy { throttle_ms: 0, ..DEFAULT_POLICY }, start);
        assert_eq!(spend_all(&mut budget, start), 30);
        assert_eq!(budget.ready_at(start), start + Duration::from_secs(2));
        assert_eq!(spend_all(&mut budget, start + Duration::from_millis(1999)), 0);
        assert_eq!(spend_all(&mut budget, start + Duration::from_secs(2)), 1);
        assert_eq!(spend_all(&mut budget, start + Duration::from_secs(3600)), 30, "it never holds more than the burst");
    }

    #[test]
    fn tokens_left_at_the_welcome_count() {
        let start = Instant::now();
        let mut budget = Budget::new(&Policy { throttle_ms: 0, tokens: 2, ..DEFAULT_POLICY }, start);
        assert_eq!(spend_all(&mut budget, start), 2);
        let mut budget = Budget::new(&Policy { throttle_ms: 0, tokens: 0, ..DEFAULT_POLICY }, start);
        assert_eq!(spend_all(&mut budget, start), 0);
        assert_eq!(budget.ready_at(start), start + Duration::from_secs(2));
    }

    #[test]
    fn the_throttle_ends_on_the_millisecond_and_survives_a_new_policy() {
        let start = Instant::now();
        let mut budget = Budget::new(&DEFAULT_POLICY, start);
        assert!(budget.ready_at(start) <= start, "the first edit goes at once");
        budget.spend(start);
        assert_eq!(budget.ready_at(start), start + Duration::from_millis(500));
        budget.adopt(&DEFAULT_POLICY, start);
        assert_eq!(budget.ready_at(start), start + Duration::from_millis(500));
    }

    #[test]
    fn odd_policies_do_no_harm() {
        let start = Instant::now();
        let odd = Policy { throttle_ms: 0, edits_per_minute: 0, burst: 0, tokens: 9, ..DEFAULT_POLICY };
        assert_eq!(spend_all(&mut Budget::new(&odd, start), start), 1000, "no rate is no limit");
        let one = Policy { burst: 0, ..odd };
        let one = Policy { edits_per_minute: 60, ..one };
        assert_eq!(spend_all(&mut Budget::new(&one, start), start), 1);
        let huge = Policy { edits_per_minute: 1, burst: u32::MAX, tokens: 0, ..DEFAULT_POLICY };
        assert_eq!(Budget::new(&huge, start).ready_at(start), start + Duration::from_secs(60));
    }
}
