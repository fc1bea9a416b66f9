//! Latencies, in HDR histograms. Recording allocates nothing.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use hdrhistogram::{CreationError, Histogram};
use serde::{Deserialize, Serialize};

/// Longest latency that is told from a longer one, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// Lines of a percentile file for each halving of the distance to 100 %.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// As many samples as a histogram from elsewhere may have: far from where counts overflow.
const MOST_SAMPLES: u64 = 1 << 48;

/// Size of the header of HdrHistogram's V2 encoding, in bytes.
const V2_HEADER: usize = 40;

/// Where in that header the length of what follows it stands.
const V2_COUNTS_LEN: std::ops::Range<usize> = 4..8;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// From the start of a connection to the text being there.
    Join,
    /// A datagram to the server and back.
    Ping,
    /// From the intended time of an edit to its being in another member's replica.
    Edit,
    /// From the intended time of an edit to its author's knowing that it is saved.
    Saved,
    /// How late this program made an edit. Contained in `Edit` and `Saved`.
    Lag,
}

/// How finely values are told apart, in significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Two, where there are many histograms.
    Fine,
    /// Three, for what a whole run showed.
    Finest,
}

/// One kind of latency.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency(Histogram<u64>);

/// What the results say of a [`Latency`], in microseconds. All is 0 where nothing was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// A [`Latency`] of each kind. Between programs it goes at the finest precision, each in [`Latency::to_bytes`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<u8>>", into = "Vec<Vec<u8>>")]
pub struct Latencies([Latency; Kind::ALL.len()]);

impl Kind {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Join, Self::Ping, Self::Edit, Self::Saved, Self::Lag];

    /// As results and assertions call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Ping => "ping",
            Self::Edit => "edit",
            Self::Saved => "saved",
            Self::Lag => "lag",
        }
    }
}

impl Precision {
    fn digits(self) -> u8 {
        match self {
            Self::Fine => 2,
            Self::Finest => 3,
        }
    }
}

impl Latency {
    /// Nothing recorded yet.
    pub fn new(precision: Precision) -> Result<Self, CreationError> {
        Histogram::new_with_bounds(1, LONGEST_US, precision.digits()).map(Self)
    }

    /// Counts one sample. A longer one than ten minutes counts as ten minutes.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts all samples of another.
    pub fn add(&mut self, other: &Self) {
        // All have the same bounds, so that none is too large; a coarser one counts by its own steps.
        let _ = self.0.add(&other.0);
    }

    /// Forgets all samples, keeping the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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

    /// Quantiles and their values in microseconds, from 0 to 1, the closer the nearer they come to 1.
    pub fn curve(&self) -> Vec<(f64, u64)> {
        let steps = self.0.iter_quantiles(TICKS_PER_HALF_DISTANCE);
        steps.map(|step| (step.quantile_iterated_to(), step.value_iterated_to())).collect()
    }

    /// The whole distribution in HdrHistogram's V2 encoding: some bytes for each distinct value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = V2Serializer::new().serialize(&self.0, &mut bytes);
        debug_assert!(written.is_ok(), "memory takes all bytes, and counts are below {MOST_SAMPLES}");
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Its header, which says how much memory it takes, must be the expected one.
    ///
    /// # Errors
    /// The bytes are no histogram, or one of other bounds.
    pub fn from_bytes(mut bytes: &[u8], precision: Precision) -> anyhow::Result<Self> {
        let mut header = Self::new(precision)?.to_bytes();
        header.truncate(V2_HEADER);
        let counts = u32::try_from(bytes.len().saturating_sub(V2_HEADER)).context("too long for a histogram")?;
        header[V2_COUNTS_LEN].copy_from_slice(&counts.to_be_bytes());
        ensure!(bytes.starts_with(&header), "these bytes are no histogram of the expected bounds");
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes).context("no histogram")?;
        ensure!(histogram.len() <= MOST_SAMPLES, "a histogram of more than {MOST_SAMPLES} samples");
        Ok(Self(histogram))
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
    pub fn new(precision: Precision) -> Result<Self, CreationError> {
        let empty = Latency::new(precision)?;
        Ok(Self(Kind::ALL.map(|_| empty.clone())))
    }

    /// Those of one kind.
    pub fn of(&self, kind: Kind) -> &Latency {
        &self.0[kind as usize]
    }

    /// Counts one sample.
    pub fn record(&mut self, kind: Kind, latency: Duration) {
        self.0[kind as usize].record(latency);
    }

    /// Counts all samples of another of one kind.
    pub fn add_to(&mut self, kind: Kind, other: &Latency) {
        self.0[kind as usize].add(other);
    }

    /// Counts all samples of others.
    pub fn add(&mut self, others: &Self) {
        self.0.iter_mut().zip(&others.0).for_each(|(mine, other)| mine.add(other));
    }

    /// Forgets all samples, keeping the memory.
    pub fn clear(&mut self) {
        self.0.iter_mut().for_each(Latency::clear);
    }
}

impl TryFrom<Vec<Vec<u8>>> for Latencies {
    type Error = anyhow::Error;

    fn try_from(all: Vec<Vec<u8>>) -> anyhow::Result<Self> {
        let read = all.iter().map(|bytes| Latency::from_bytes(bytes, Precision::Finest));
        let read: Vec<_> = read.collect::<Result<_, _>>()?;
        let count = read.len();
        read.try_into().map(Self).map_err(|_| anyhow!("{count} histograms instead of {}", Kind::ALL.len()))
    }
}

impl From<Latencies> for Vec<Vec<u8>> {
    fn from(latencies: Latencies) -> Self {
        latencies.0.iter().map(Latency::to_bytes).collect()
    }
}

#[cfg(test)]
mod tests;
