//! What each second of a run was like. Memory is bounded: a long run coarsens.
//!
//! [`recorder`] fills it while the run goes on, [`timeline`] is how people and programs get it.

pub mod recorder;

pub mod timeline;

use serde::{Deserialize, Serialize};

use crate::stats::{Kind, Latency, Precision, Summary};

/// As many rows as a series has. When there would be more, two become one, so that a run of up to half an hour has a row for
/// each second, and the longest, a day, one for every 64. A row takes some 4 KB at a few thousand deliveries a second, and
/// hardly more at many, since it keeps histograms.
pub const MOST_ROWS: usize = 1800;

/// What happened in each second, or in each few of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    step_s: u64,
    rows: Vec<Row>,
}

/// What happened in the time of a row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Edits made.
    pub sent: u64,
    /// What went wrong.
    pub errors: u64,
    /// What the server used, when this program started it.
    pub server: Option<ServerUse>,
    /// Processor time of this program, in seconds.
    pub generator_cpu_s: Option<f64>,
    latencies: [Packed; Kind::ALL.len()],
}

/// What the server used in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    /// Processor time, in seconds.
    pub cpu_s: f64,
    /// The most memory, in bytes.
    pub rss_bytes: u64,
}

/// A histogram that nothing is recorded in any more: small, and still exact when it is added to another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
struct Packed {
    /// Empty when nothing was recorded.
    bytes: Box<[u8]>,
    summary: Summary,
}

impl Series {
    /// Nothing happened yet.
    pub fn new() -> Self {
        Self { step_s: 1, rows: Vec::new() }
    }

    /// Adds what happened in a second, counted from the beginning of the run.
    pub fn add(&mut self, second: u64, row: Row) {
        while second / self.step_s >= MOST_ROWS as u64 {
            self.coarsen();
        }
        let at = (second / self.step_s) as usize;
        self.rows.resize_with(self.rows.len().max(at + 1), Row::default);
        self.rows[at].add(row);
    }

    /// How many seconds a row is about.
    pub fn step_s(&self) -> u64 {
        self.step_s
    }

    /// The rows in the order of time.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn coarsen(&mut self) {
        self.step_s *= 2;
        let mut fine = std::mem::take(&mut self.rows).into_iter();
        while let Some(mut row) = fine.next() {
            row.add(fine.next().unwrap_or_default());
            self.rows.push(row);
        }
    }
}

impl Row {
    /// Everything that was timed of one kind; none when nothing was.
    pub fn latency(&self, kind: Kind) -> Option<Latency> {
        self.latencies[kind as usize].unpack().ok()
    }

    /// What was timed.
    pub fn summary(&self, kind: Kind) -> Summary {
        self.latencies[kind as usize].summary
    }

    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.errors += other.errors;
        self.server = match (self.server, other.server) {
            (Some(mine), Some(theirs)) => Some(mine.and(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        self.generator_cpu_s = match (self.generator_cpu_s, other.generator_cpu_s) {
            (Some(mine), Some(theirs)) => Some(mine + theirs),
            (mine, theirs) => mine.or(theirs),
        };
        self.latencies.iter_mut().zip(other.latencies).for_each(|(mine, theirs)| mine.add(theirs));
    }
}

impl ServerUse {
    fn and(self, other: Self) -> Self {
        Self { cpu_s: self.cpu_s + other.cpu_s, rss_bytes: self.rss_bytes.max(other.rss_bytes) }
    }
}

impl Packed {
    fn new(latency: &Latency) -> Self {
        if latency.is_empty() {
            return Self::default();
        }
        Self { bytes: latency.to_bytes().into(), summary: latency.summary() }
    }

    fn unpack(&self) -> anyhow::Result<Latency> {
        Latency::from_bytes(&self.bytes, Precision::Fine)
    }

    fn add(&mut self, other: Self) {
        if self.bytes.is_empty() {
            *self = other;
        } else if let (Ok(mut sum), Ok(other)) = (self.unpack(), other.unpack()) {
            sum.add(&other);
            *self = Self::new(&sum);
        }
    }
}

impl TryFrom<Vec<u8>> for Packed {
    type Error = anyhow::Error;

    fn try_from(bytes: Vec<u8>) -> anyhow::Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self::new(&Latency::from_bytes(&bytes, Precision::Fine)?))
    }
}

impl From<Packed> for Vec<u8> {
    fn from(packed: Packed) -> Self {
        packed.bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn row(sent: u64, edits_us: &[u64]) -> Row {
        let mut edit = Latency::new(Precision::Fine).unwrap();
        edits_us.iter().for_each(|us| edit.record(Duration::from_micros(*us)));
        let mut row = Row { sent, server: Some(ServerUse { cpu_s: 0.25, rss_bytes: sent }), ..Row::default() };
        row.latencies[Kind::Edit as usize] = Packed::new(&edit);
        row
    }

    #[test]
    fn a_second_without_news_is_a_row_too() {
        let mut series = Series::new();
        series.add(3, row(1, &[10]));
        assert_eq!(series.rows().len(), 4);
        assert_eq!(series.rows()[1], Row::default());
        assert_eq!(series.rows()[3].summary(Kind::Edit).count, 1);
    }

    #[test]
    fn at_the_bound_rows_are_joined_and_nothing_is_forgotten() {
        let mut series = Series::new();
        for second in 0..MOST_ROWS as u64 {
            series.add(second, row(1, &[1000 + second]));
        }
        assert_eq!((series.step_s(), series.rows().len()), (1, MOST_ROWS));
        series.add(MOST_ROWS as u64, row(1, &[5000]));
        assert_eq!((series.step_s(), series.rows().len()), (2, MOST_ROWS / 2 + 1));
        let sums = |of: fn(&Row) -> u64| series.rows().iter().map(of).sum::<u64>();
        assert_eq!(sums(|row| row.sent), MOST_ROWS as u64 + 1);
        assert_eq!(sums(|row| row.summary(Kind::Edit).count), MOST_ROWS as u64 + 1);
        let cpu: f64 = series.rows().iter().filter_map(|row| row.server).map(|server| server.cpu_s).sum();
        assert_eq!(cpu, 0.25 * (MOST_ROWS as f64 + 1.0));
        series.add(86_400, row(1, &[]));
        assert_eq!((series.step_s(), series.rows().len()), (64, 1351));
    }

    proptest! {
        #[test]
        fn two_rows_of_one_second_are_one_in_which_all_was_recorded(a in vec(0..9_000_000u64, 0..40), b in vec(0..9_000_000u64, 0..40)) {
            let mut apart = Series::new();
            apart.add(0, row(1, &a));
            apart.add(0, row(2, &b));
            prop_assert_eq!(apart.rows()[0].summary(Kind::Edit), row(3, &[a, b].concat()).summary(Kind::Edit));
        }
    }
}
