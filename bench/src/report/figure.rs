//! The figures of a run by name, as assertions and comparisons use them.

use std::fmt;
use std::str::FromStr;

use super::Report;
use super::unit::Unit;
use crate::stats::Summary;

/// One number of a report.
#[derive(Debug, Clone, Copy)]
pub enum Figure {
    /// Something that was timed.
    Latency(&'static Timed, Part),
    /// Anything else.
    Other(&'static Other),
}

/// What is timed.
#[derive(Debug)]
pub struct Timed {
    name: &'static str,
    of: fn(&Report) -> Option<&Summary>,
}

/// A part of a [`Summary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// How many samples.
    Count,
    /// The median.
    P50,
    /// Of 90 %.
    P90,
    /// Of 99 %.
    P99,
    /// Of 99.9 %.
    P999,
    /// The longest.
    Max,
}

/// A figure that is no latency.
#[derive(Debug)]
pub struct Other {
    name: &'static str,
    unit: Unit,
    of: fn(&Report) -> Option<f64>,
}

static TIMED: [Timed; 8] = [
    Timed { name: "join", of: |report| Some(&report.join) },
    Timed { name: "ping", of: |report| Some(&report.ping) },
    Timed { name: "edit", of: |report| Some(&report.edit) },
    Timed { name: "saved", of: |report| Some(&report.saved) },
    Timed { name: "disk_sync", of: |report| report.disk_sync.as_ref() },
    Timed { name: "lag", of: |report| Some(&report.generator.lag) },
    Timed { name: "noticed", of: |report| Some(&report.reconnect.as_ref()?.noticed) },
    Timed { name: "live", of: |report| Some(&report.reconnect.as_ref()?.live) },
];

static OTHERS: [Other; 18] = [
    count("joined", |report| Some(report.joined as f64)),
    count("sent", |report| Some(report.sent as f64)),
    count("delivered", |report| Some(report.delivered as f64)),
    count("lost", |report| Some(report.lost as f64)),
    count("duplicated", |report| Some(report.duplicated as f64)),
    count("unsaved", |report| report.unsaved.map(|unsaved| unsaved as f64)),
    count("pings_lost", |report| Some(report.pings_lost as f64)),
    count("errors", |report| Some(report.errors.values().sum::<u64>() as f64)),
    count("sent_per_s", |report| per_second(report, report.sent as f64)),
    count("delivered_per_s", |report| per_second(report, report.delivered as f64)),
    Other { name: "server_cpu", unit: Unit::Time, of: |report| Some(report.server?.cpu_s * 1e6) },
    Other { name: "server_cores", unit: Unit::Cores, of: |report| per_second(report, report.server?.cpu_s) },
    Other { name: "server_total_cpu", unit: Unit::Time, of: |report| Some(report.server?.total_cpu_s * 1e6) },
    Other { name: "server_rss", unit: Unit::Memory, of: |report| Some(report.server?.rss_bytes as f64) },
    Other { name: "server_peak_rss", unit: Unit::Memory, of: |report| Some(report.server?.peak_rss_bytes as f64) },
    Other { name: "generator_cpu", unit: Unit::Time, of: |report| Some(report.generator.cpu_s * 1e6) },
    Other { name: "generator_cores", unit: Unit::Cores, of: |report| per_second(report, report.generator.cpu_s) },
    Other { name: "generator_busiest", unit: Unit::Cores, of: |report| report.series.generator_busiest() },
];

const fn count(name: &'static str, of: fn(&Report) -> Option<f64>) -> Other {
    Other { name, unit: Unit::Count, of }
}

fn per_second(report: &Report, whole: f64) -> Option<f64> {
    (report.duration_s > 0.0).then(|| whole / report.duration_s)
}

impl Figure {
    /// All there are.
    pub fn all() -> impl Iterator<Item = Self> {
        let latencies = TIMED.iter().flat_map(|timed| Part::ALL.map(|part| Self::Latency(timed, part)));
        latencies.chain(OTHERS.iter().map(Self::Other))
    }

    /// Those that people ask for first.
    pub fn headline() -> impl Iterator<Item = Self> {
        const NAMES: [&str; 17] = [
            "join_p99",
            "ping_p50",
            "ping_p99",
            "edit_p50",
            "edit_p99",
            "edit_p999",
            "edit_max",
            "saved_p50",
            "saved_p99",
            "noticed_p99",
            "live_p99",
            "lag_p99",
            "delivered_per_s",
            "lost",
            "errors",
            "server_cores",
            "server_rss",
        ];
        NAMES.into_iter().filter_map(|name| name.parse().ok())
    }

    /// What it is measured in.
    pub fn unit(self) -> Unit {
        match self {
            Self::Latency(_, Part::Count) => Unit::Count,
            Self::Latency(..) => Unit::Time,
            Self::Other(other) => other.unit,
        }
    }

    /// What it is in a report; none when it was not measured there.
    pub fn of(self, report: &Report) -> Option<f64> {
        match self {
            Self::Latency(timed, part) => part.of((timed.of)(report)?),
            Self::Other(other) => (other.of)(report),
        }
    }
}

impl Part {
    const ALL: [Self; 6] = [Self::Count, Self::P50, Self::P90, Self::P99, Self::P999, Self::Max];

    fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
        }
    }

    /// Of nothing there is no percentile, so that no bound on it holds.
    fn of(self, summary: &Summary) -> Option<f64> {
        let value = match self {
            Self::Count => return Some(summary.count as f64),
            Self::P50 => summary.p50_us,
            Self::P90 => summary.p90_us,
            Self::P99 => summary.p99_us,
            Self::P999 => summary.p999_us,
            Self::Max => summary.max_us,
        };
        (summary.count > 0).then_some(value as f64)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(timed, part) => write!(f, "{}_{}", timed.name, part.name()),
            Self::Other(other) => f.write_str(other.name),
        }
    }
}

impl FromStr for Figure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::all().find(|figure| figure.to_string() == text);
        found.ok_or_else(|| {
            let timed: Vec<_> = TIMED.iter().map(|timed| timed.name).collect();
            let others: Vec<_> = OTHERS.iter().map(|other| other.name).collect();
            format!(
                "there is no figure {text:?}; there are {}, each with _{}, and {}",
                timed.join(", "),
                Part::ALL.map(Part::name).join(", _"),
                others.join(", "),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good;

    #[test]
    fn every_figure_is_found_by_its_name_and_no_other() {
        let names: Vec<_> = Figure::all().map(|figure| figure.to_string()).collect();
        for name in &names {
            assert_eq!(&name.parse::<Figure>().unwrap().to_string(), name);
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
        assert_eq!(Figure::headline().count(), 17);
        let error = "edit_p98".parse::<Figure>().unwrap_err();
        for part in ["edit_p98", "edit", "p999", "server_rss", "lost"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn figures_are_those_of_the_report() {
        let mut report = good();
        let of = |name: &str, report: &Report| name.parse::<Figure>().unwrap().of(report);
        assert_eq!(of("edit_count", &report), Some(1.0));
        assert!((3000.0..3010.0).contains(&of("edit_p99", &report).unwrap()));
        assert_eq!(of("server_rss", &report), Some(9_000_000.0));
        assert_eq!(of("server_cpu", &report), Some(500_000.0));
        assert_eq!(of("delivered_per_s", &report), Some(1.0));
        assert_eq!(of("noticed_p50", &report), None);
        report.edit = Summary::default();
        assert_eq!((of("edit_count", &report), of("edit_p99", &report)), (Some(0.0), None), "nothing was timed");
        report.duration_s = 0.0;
        assert_eq!(of("delivered_per_s", &report), None);
    }
}
