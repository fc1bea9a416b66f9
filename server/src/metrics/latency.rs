//! How long something took: percentiles over the last half minute to minute, and sums since the start for Prometheus.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use collab_proto::api::Percentiles;
use hdrhistogram::{CreationError, Histogram};
use prometheus_client::metrics::histogram;

/// Percentiles are of the last one to two of these.
const HALF: Duration = Duration::from_secs(30);

/// Longer times count as this long, in microseconds.
const MAX_US: u64 = 60_000_000;

/// Percentiles are told within a hundredth; it takes some 10 KB a histogram.
const DIGITS: u8 = 2;

/// Bounds for Prometheus: 100 µs, and nine times four times more, up to 26 s.
const BUCKETS: (f64, f64, u16) = (0.0001, 4.0, 10);

/// How long one step takes.
#[derive(Debug)]
pub struct Latency {
    recent: Mutex<Recent>,
    all: histogram::Histogram,
}

impl Latency {
    /// Nothing was timed yet.
    ///
    /// # Errors
    ///
    /// When the memory is not to be had.
    pub fn new(now: Instant) -> Result<Self, CreationError> {
        let (start, factor, count) = BUCKETS;
        let all = histogram::Histogram::new(histogram::exponential_buckets(start, factor, count));
        Ok(Self { recent: Mutex::new(Recent::new(now)?), all })
    }

    /// What began at `start` is done; gives the time.
    pub fn record_since(&self, start: Instant) -> Instant {
        let now = Instant::now();
        self.record(now, now.saturating_duration_since(start));
        now
    }

    fn record(&self, now: Instant, took: Duration) {
        self.all.observe(took.as_secs_f64());
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).record(now, took);
    }

    /// Over the last half minute to minute; zeros when there was nothing.
    pub fn percentiles(&self, now: Instant) -> Percentiles {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).percentiles(now)
    }

    /// What Prometheus reads.
    pub fn exported(&self) -> histogram::Histogram {
        self.all.clone()
    }
}

/// Two histograms that both record. The older one is told; it goes when the newer one has half an interval.
#[derive(Debug)]
struct Recent {
    older: Histogram<u32>,
    newer: Histogram<u32>,
    turned: Instant,
}

impl Recent {
    fn new(now: Instant) -> Result<Self, CreationError> {
        let older = Histogram::new_with_bounds(1, MAX_US, DIGITS)?;
        Ok(Self { newer: older.clone(), older, turned: now })
    }

    fn record(&mut self, now: Instant, took: Duration) {
        self.turn(now);
        let us = u64::try_from(took.as_micros()).unwrap_or(MAX_US);
        self.older.saturating_record(us);
        self.newer.saturating_record(us);
    }

    fn percentiles(&mut self, now: Instant) -> Percentiles {
        self.turn(now);
        let at = |quantile| self.older.value_at_quantile(quantile);
        Percentiles {
            count: self.older.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            max_us: self.older.max(),
        }
    }

    fn turn(&mut self, now: Instant) {
        let gone = now.saturating_duration_since(self.turned);
        if gone < HALF {
            return;
        }
        std::mem::swap(&mut self.older, &mut self.newer);
        self.newer.reset();
        if gone >= 2 * HALF {
            self.older.reset();
        }
        self.turned = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(told: u64, meant: u64) -> bool {
        told.abs_diff(meant) * 100 <= meant
    }

    #[test]
    fn percentiles_are_within_a_hundredth() {
        let now = Instant::now();
        let latency = Latency::new(now).unwrap();
        assert_eq!(latency.percentiles(now), Percentiles::default());
        (1..=1000).for_each(|ms| latency.record(now, Duration::from_millis(ms)));
        let told = latency.percentiles(now);
        assert_eq!(told.count, 1000);
        assert!(close(told.p50_us, 500_000) && close(told.p90_us, 900_000), "{told:?}");
        assert!(close(told.p99_us, 990_000) && close(told.max_us, 1_000_000), "{told:?}");
    }

    #[test]
    fn very_long_counts_as_a_minute_and_very_short_as_nothing() {
        let now = Instant::now();
        let latency = Latency::new(now).unwrap();
        latency.record(now, Duration::ZERO);
        assert_eq!((latency.percentiles(now).count, latency.percentiles(now).max_us), (1, 0));
        latency.record(now, Duration::MAX);
        assert!(close(latency.percentiles(now).max_us, MAX_US));
    }

    #[test]
    fn what_is_told_is_half_a_minute_to_a_minute_old_at_most() {
        let start = Instant::now();
        let latency = Latency::new(start).unwrap();
        let count = |at: Duration| latency.percentiles(start + at).count;
        let just_before = HALF - Duration::from_millis(1);
        latency.record(start, Duration::from_millis(1));
        assert_eq!(count(just_before), 1);
        latency.record(start + HALF, Duration::from_millis(1));
        assert_eq!(count(HALF + just_before), 2);
        assert_eq!(count(2 * HALF), 1, "the first one is forgotten");
        assert_eq!(count(4 * HALF), 0, "all are, after a pause");
    }
}
