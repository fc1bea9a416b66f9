//! The same run several times: what the figures were in the middle, and how far apart they were.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::Report;
use super::figure::Figure;

/// A figure of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// In the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub most: f64,
    /// In how many runs it was measured.
    pub runs: usize,
}

/// Several runs of one load, as they are written to a file.
#[derive(Debug, Clone, Serialize)]
pub struct Repeated<'a> {
    /// Every figure that was measured, by its name.
    pub figures: BTreeMap<String, Spread>,
    /// The runs themselves.
    pub runs: &'a [Report],
}

impl Spread {
    /// Of a figure; none when no run measured it.
    pub fn of(figure: Figure, runs: &[Report]) -> Option<Self> {
        Self::of_values(runs.iter().filter_map(|report| figure.of(report)).collect())
    }

    /// Of values; none when there are none.
    pub fn of_values(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let (runs, middle) = (values.len(), values.len() / 2);
        let median =
            if runs.is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] };
        Some(Self { median, least, most, runs })
    }

    /// From the least to the greatest, as a share of the median; none when that is 0.
    pub fn width(&self) -> Option<f64> {
        (self.median != 0.0).then(|| (self.most - self.least) / self.median)
    }
}

impl<'a> Repeated<'a> {
    /// All figures of some runs.
    pub fn new(runs: &'a [Report]) -> Self {
        let figures = Figure::all().filter_map(|figure| Some((figure.to_string(), Spread::of(figure, runs)?)));
        Self { figures: figures.collect(), runs }
    }

    /// The figures that people ask for first, as a table.
    pub fn table(&self) -> String {
        let mut text = format!("\n{:<24}{:>14}{:>14}{:>14}{:>10}\n", "", "median", "least", "most", "spread");
        for (figure, spread) in headline(self.runs) {
            let [median, least, most] =
                [spread.median, spread.least, spread.most].map(|value| figure.unit().show(value));
            let width = spread.width().map_or("–".to_owned(), |width| format!("{:.0} %", width * 100.0));
            let _ = writeln!(text, "{:<24}{median:>14}{least:>14}{most:>14}{width:>10}", figure.to_string());
        }
        text
    }
}

/// The figures that people ask for first, as far as they were measured.
pub fn headline(runs: &[Report]) -> impl Iterator<Item = (Figure, Spread)> {
    Figure::headline().filter_map(|figure| Some((figure, Spread::of(figure, runs)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |values: &[f64]| Spread::of_values(values.to_vec());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), Some(Spread { median: 3.0, least: 3.0, most: 3.0, runs: 1 }));
        assert_eq!(of(&[9.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 9.0, runs: 3 }));
        assert_eq!(of(&[4.0, 1.0, 2.0, 9.0]).map(|spread| spread.median), Some(3.0));
        assert_eq!(of(&[9.0, 1.0, 2.0]).and_then(|spread| spread.width()), Some(4.0));
        assert_eq!(of(&[0.0, 0.0]).and_then(|spread| spread.width()), None);
    }

    #[test]
    fn only_runs_that_measured_a_figure_count_for_it() {
        let runs = [good(), Report { server: None, ..good() }];
        let of = |name: &str| Spread::of(name.parse().unwrap(), &runs).map(|spread| spread.runs);
        assert_eq!((of("edit_p99"), of("server_rss"), of("noticed_p50")), (Some(2), Some(1), None));
    }

    #[test]
    fn the_table_shows_what_people_ask_for_first() {
        let mut slow = good();
        slow.server.as_mut().unwrap().rss_bytes *= 2;
        let runs = [good(), good(), slow];
        let table = Repeated::new(&runs).table();
        for text in ["edit_p99", "delivered_per_s", "server_rss", "9.00 MB", "18.0 MB", "100 %"] {
            assert!(table.contains(text), "{text}\n{table}");
        }
        assert!(!table.contains("NaN") && !table.contains("inf"), "{table}");
    }
}
