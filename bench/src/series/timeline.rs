//! The series of a run as programs get it, in JSON and CSV.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Row, Series};
use crate::stats::{Kind, Summary};

/// A run in the order of time. Seconds count from when the first user came in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// How many seconds a point is about: 1, and more in a run of more than half an hour.
    pub step_s: u64,
    /// What the run was about from when on.
    pub stages: Vec<StageMark>,
    /// What happened, one point after the other.
    pub seconds: Vec<Point>,
}

/// From here on the run is about something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageMark {
    /// What.
    pub name: String,
    /// Since when, in seconds.
    pub at_s: f64,
}

/// What happened in one step. Latencies are none where nothing was timed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The first second that it is about.
    pub t_s: u64,
    /// Users that got in.
    pub joined: u64,
    /// Edits made.
    pub sent: u64,
    /// Deliveries of an edit to another member.
    pub delivered: u64,
    /// Edits whose author heard that they are saved.
    pub saved: u64,
    /// What went wrong.
    pub errors: u64,
    /// How long deliveries took.
    pub edit_us: Option<Percentiles>,
    /// How long it took until edits were saved.
    pub saved_us: Option<Percentiles>,
    /// How long pings took.
    pub ping_us: Option<Percentiles>,
    /// How late this program made the edits.
    pub lag_us: Option<Percentiles>,
    /// Processor time of the server for each second, in seconds; none when this program did not start it.
    pub server_cores: Option<f64>,
    /// The most memory of the server, in bytes.
    pub server_rss_bytes: Option<u64>,
    /// Processor time of this program for each second, in seconds: all its processes together; unknown in older results.
    #[serde(default)]
    pub generator_cores: Option<f64>,
}

/// What a point says of latencies, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half of them were at most this.
    pub p50: u64,
    /// 99 % were at most this.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

impl Timeline {
    /// The figures of a series.
    pub fn new(series: &Series, stages: Vec<StageMark>) -> Self {
        let step_s = series.step_s();
        let seconds = (0..).step_by(step_s as usize).zip(series.rows()).map(|(t_s, row)| Point::new(t_s, step_s, row));
        Self { step_s, stages, seconds: seconds.collect() }
    }

    /// The most processors that this program had in use in one step of the editing; none where that was not measured.
    pub fn generator_busiest(&self) -> Option<f64> {
        let since = |name: &str| self.stages.iter().find(|stage| stage.name == name).map(|stage| stage.at_s);
        let (begin, end) = (since("editing")?, since("draining").unwrap_or(f64::INFINITY));
        let editing =
            self.seconds.iter().filter(|point| point.t_s as f64 >= begin && (point.t_s + self.step_s) as f64 <= end);
        editing.filter_map(|point| point.generator_cores).max_by(f64::total_cmp)
    }

    /// The points as lines of CSV (RFC 4180), each with the number of the run. What was not measured is empty.
    pub fn write_csv(&self, run: usize, out: &mut String) {
        for point in &self.seconds {
            let mut cells = vec![run.to_string(), point.t_s.to_string(), self.step_s.to_string()];
            let counts = [point.joined, point.sent, point.delivered, point.saved, point.errors];
            cells.extend(counts.map(|count| count.to_string()));
            for latency in [point.edit_us, point.saved_us, point.ping_us, point.lag_us] {
                let of = |part: fn(Percentiles) -> u64| or_empty(latency.map(part));
                cells.extend([of(|us| us.p50), of(|us| us.p99), of(|us| us.max)]);
            }
            cells.extend([or_empty(point.server_cores), or_empty(point.server_rss_bytes)]);
            cells.push(or_empty(point.generator_cores));
            let _ = writeln!(out, "{}", cells.join(","));
        }
    }
}

/// The first line of the CSV.
pub fn csv_header() -> String {
    let mut header = "run,t_s,step_s,joined,sent,delivered,saved,errors".to_owned();
    for kind in ["edit", "saved", "ping", "lag"] {
        let _ = write!(header, ",{kind}_p50_us,{kind}_p99_us,{kind}_max_us");
    }
    header + ",server_cores,server_rss_bytes,generator_cores\n"
}

fn or_empty(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

impl Point {
    fn new(t_s: u64, step_s: u64, row: &Row) -> Self {
        let percentiles = |kind| Percentiles::new(row.summary(kind));
        Self {
            t_s,
            joined: row.summary(Kind::Join).count,
            sent: row.sent,
            delivered: row.summary(Kind::Edit).count,
            saved: row.summary(Kind::Saved).count,
            errors: row.errors,
            edit_us: percentiles(Kind::Edit),
            saved_us: percentiles(Kind::Saved),
            ping_us: percentiles(Kind::Ping),
            lag_us: percentiles(Kind::Lag),
            server_cores: row.server.map(|server| server.cpu_s / step_s as f64),
            server_rss_bytes: row.server.map(|server| server.rss_bytes),
            generator_cores: row.generator_cpu_s.map(|cpu_s| cpu_s / step_s as f64),
        }
    }
}

impl Percentiles {
    fn new(summary: Summary) -> Option<Self> {
        (summary.count > 0).then_some(Self { p50: summary.p50_us, p99: summary.p99_us, max: summary.max_us })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generators_busiest_second_is_one_of_the_editing() {
        let point = |t_s, cores| Point { t_s, generator_cores: cores, ..Point::default() };
        let seconds =
            vec![point(0, Some(1.9)), point(1, Some(0.5)), point(2, None), point(3, Some(0.7)), point(4, Some(1.1))];
        let stage = |name: &str, at_s| StageMark { name: name.to_owned(), at_s };
        let stages = vec![stage("joining", 0.0), stage("editing", 0.6), stage("draining", 4.2)];
        let mut timeline = Timeline { step_s: 1, stages, seconds };
        assert_eq!(timeline.generator_busiest(), Some(0.7));
        timeline.stages.clear();
        assert_eq!(timeline.generator_busiest(), None, "nobody edited");
    }

    #[test]
    fn a_line_of_csv_is_a_point_and_what_is_missing_is_empty() {
        let edit_us = Some(Percentiles { p50: 800, p99: 2000, max: 3100 });
        let full = Point { t_s: 0, joined: 2, sent: 3, delivered: 3, saved: 2, errors: 1, edit_us, ..Point::default() };
        let full = Point { server_cores: Some(0.25), server_rss_bytes: Some(9000), generator_cores: Some(0.5), ..full };
        let seconds = vec![full, Point { t_s: 1, ..Point::default() }];
        let mut csv = csv_header();
        Timeline { step_s: 1, stages: Vec::new(), seconds }.write_csv(2, &mut csv);
        assert_eq!(
            csv,
            "run,t_s,step_s,joined,sent,delivered,saved,errors,edit_p50_us,edit_p99_us,edit_max_us,\
             saved_p50_us,saved_p99_us,saved_max_us,ping_p50_us,ping_p99_us,ping_max_us,lag_p50_us,lag_p99_us,lag_max_us,\
             server_cores,server_rss_bytes,generator_cores\n\
             2,0,1,2,3,3,2,1,800,2000,3100,,,,,,,,,,0.25,9000,0.5\n\
             2,1,1,0,0,0,0,0,,,,,,,,,,,,,,,\n"
        );
    }
}
