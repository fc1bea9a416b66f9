//! Latencies, in HDR histograms of three significant digits. Recording allocates nothing.

use std::io::{self, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest latency that is told from a longer one, in microseconds.
const LONGEST_US: u64 = 600_000_000;

const SIGNIFICANT_DIGITS: u8 = 3;

/// Lines of a percentile file for each halving of the distance to 100 %.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// One kind of latency.
#[derive(Debug, Clone)]
pub struct Latency(Histogram<u64>);

/// What the results say of a [`Latency`], in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many samples.
    pub count: u64,
    /// Half of them were at most this.
    pub p50_us: u64,
    /// 90 % were at most this.
    pub p90_us: u64,
    /// 99 % were at most this.
    pub p99_us: u64,
    /// 99.9 % were at most this.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// Everything that is timed.
#[derive(Debug, Clone)]
pub struct Latencies {
    /// From the start of a connection to the text being there.
    pub join: Latency,
    /// A datagram to the server and back.
    pub ping: Latency,
    /// From the intended time of an edit to its being in another member's replica.
    pub edit: Latency,
    /// From the intended time of an edit to its author's knowing that it is saved.
    pub saved: Latency,
    /// How late this program made an edit. Contained in `edit` and `saved`.
    pub lag: Latency,
}

impl Latency {
    /// Nothing recorded yet.
    pub fn new() -> Result<Self, hdrhistogram::CreationError> {
        Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS).map(Self)
    }

    /// Counts one sample. A longer one than ten minutes counts as ten minutes.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// The usual percentiles.
    pub fn summary(&self) -> Summary {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Summary {
            count: self.0.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.0.max(),
        }
    }

    /// Writes the whole distribution in milliseconds, in the text format of HdrHistogram.
    pub fn write_hgrm(&self, mut out: impl Write) -> io::Result<()> {
        let ms = |us: f64| us / 1000.0;
        writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
        let mut total = 0;
        for step in self.0.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
            total += step.count_since_last_iteration();
            let (value, quantile) = (ms(step.value_iterated_to() as f64), step.quantile_iterated_to());
            if quantile < 1.0 {
                writeln!(out, "{value:12.3} {quantile:14.12} {total:10} {:14.2}", 1.0 / (1.0 - quantile))?;
            } else {
                writeln!(out, "{value:12.3} {quantile:14.12} {total:10}")?;
            }
        }
        writeln!(out, "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]", ms(self.0.mean()), ms(self.0.stdev()))?;
        writeln!(out, "#[Max     = {:12.3}, Total count    = {:12}]", ms(self.0.max() as f64), self.0.len())
    }
}

impl Latencies {
    /// Nothing recorded yet.
    pub fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            join: Latency::new()?,
            ping: Latency::new()?,
            edit: Latency::new()?,
            saved: Latency::new()?,
            lag: Latency::new()?,
        })
    }

    /// Each with its name.
    pub fn named(&self) -> [(&'static str, &Latency); 5] {
        [("join", &self.join), ("ping", &self.ping), ("edit", &self.edit), ("saved", &self.saved), ("lag", &self.lag)]
    }
}

impl Summary {
    /// One of its figures by name.
    pub fn figure(&self, name: &str) -> Option<u64> {
        Some(match name {
            "count" => self.count,
            "p50" => self.p50_us,
            "p90" => self.p90_us,
            "p99" => self.p99_us,
            "p999" => self.p999_us,
            "max" => self.max_us,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thousand() -> Latency {
        let mut latency = Latency::new().unwrap();
        (1..=1000).for_each(|ms| latency.record(Duration::from_millis(ms)));
        latency
    }

    #[test]
    fn percentiles_are_right_to_three_digits() {
        let summary = thousand().summary();
        assert_eq!(summary.count, 1000);
        for (found, wanted) in [(summary.p50_us, 500_000), (summary.p90_us, 900_000), (summary.p99_us, 990_000)] {
            assert!(found.abs_diff(wanted) <= wanted / 1000, "{found} is not {wanted}");
        }
        assert!(summary.p999_us >= 999_000 && summary.max_us >= 1_000_000);
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        assert_eq!(Latency::new().unwrap().summary(), Summary::default());
    }

    #[test]
    fn what_is_beyond_the_scale_counts_as_the_longest() {
        let mut latency = Latency::new().unwrap();
        latency.record(Duration::from_secs(86_400));
        latency.record(Duration::ZERO);
        assert_eq!(latency.summary().count, 2);
        assert!(latency.summary().max_us >= LONGEST_US - LONGEST_US / 1000);
    }

    #[test]
    fn a_percentile_file_rises_to_the_last_sample() {
        let mut text = Vec::new();
        thousand().write_hgrm(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|number| number.parse().unwrap()).collect())
            .collect();
        assert!(rows.len() > 10 && rows.is_sorted_by(|a, b| a[1] <= b[1] && a[2] <= b[2]));
        let last = rows.last().unwrap();
        assert_eq!((last[1], last[2]), (1.0, 1000.0));
        assert!(text.contains("#[Mean"));
    }
}
