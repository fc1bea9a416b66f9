//! Raises the rate, run after run, until edits come late.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::options::{MAX_EDITS, Options};
use crate::report::Report;
use crate::report::unit::Unit;
use crate::run::Results;

/// From one step to the next.
const RISE: f64 = 1.25;

/// One step: a run at a rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Edits per minute of each user.
    pub rate: f64,
    /// Deliveries a second.
    pub deliveries_per_s: f64,
    /// 99 % of the deliveries took at most this, in microseconds.
    pub edit_p99_us: u64,
    /// Whether all arrived, and in time.
    pub is_good: bool,
    /// Whether this program itself was too late to tell.
    pub generator_bound: bool,
}

impl Step {
    fn of(report: &Report, limit: Duration) -> Self {
        let edit_p99_us = report.edit.p99_us;
        let is_in_time = u128::from(edit_p99_us) <= limit.as_micros();
        Self {
            rate: report.rate,
            deliveries_per_s: report.delivered as f64 / report.duration_s,
            edit_p99_us,
            is_good: is_in_time && !report.generator.bound && report.failures().is_empty(),
            generator_bound: report.generator.bound,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p99 = Unit::Time.show(self.edit_p99_us as f64);
        let judgement = match self {
            Self { is_good: true, .. } => "good",
            Self { generator_bound: true, .. } => "generator-bound",
            _ => "too much",
        };
        let (rate, deliveries) = (self.rate, self.deliveries_per_s);
        write!(f, "{rate:>8.0} edits a minute each, {deliveries:>8.0} deliveries/s, edit p99 {p99:>10}: {judgement}")
    }
}

/// How often a rate may be too much in a row before it is: once may be a hiccup of the machine. Every try stands among the steps.
const TRIES: usize = 2;

/// Climbs from the rate in the options and gives the last good step, with all steps in its report.
pub fn climb(
    options: &Options,
    limit: Duration,
    mut measure: impl FnMut(&Options) -> anyhow::Result<Results>,
) -> anyhow::Result<Results> {
    let (mut options, mut steps, mut best, mut tries) = (options.clone(), Vec::new(), None, 0);
    loop {
        let results = measure(&options)?;
        let step = Step::of(&results.report, limit);
        let Step { is_good, generator_bound, .. } = step;
        steps.push(step);
        if is_good {
            (best, tries) = (Some(results), 0);
            options.load.rate *= RISE;
        } else {
            best.get_or_insert(results);
            tries += 1;
        }
        if let Some(best) = best.take_if(|_| tries == TRIES || options.load.edits() > MAX_EDITS) {
            let Results { mut report, .. } = best;
            // Where the program gave out, the server's limit is not known.
            report.generator.bound = generator_bound;
            report.saturation = Some(steps);
            return Ok(Results { report, ..best });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::CommandLine;
    use crate::report::tests::good;
    use crate::stats::{Latencies, Precision};

    /// A server whose latency grows with the rate; from some rate on it is late or the program is.
    fn climbed(late_from: f64, bound_from: f64) -> Report {
        let line = CommandLine::from_words(["collab-bench", "--rate", "100", "--clients", "2"]).unwrap();
        let measure = |options: &Options| {
            let mut report = Report { rate: options.load.rate, ..good() };
            report.edit.p99_us = if options.load.rate >= late_from { 100_001 } else { 100_000 };
            report.generator.bound = options.load.rate >= bound_from;
            Ok(Results { report, latencies: Latencies::new(Precision::Fine)?, server_log: None })
        };
        climb(line.options(), Duration::from_millis(100), measure).unwrap().report
    }

    #[test]
    fn the_last_good_step_is_what_is_reported() {
        let report = climbed(200.0, f64::MAX);
        let judged: Vec<_> = report.saturation.iter().flatten().map(|step| (step.rate, step.is_good)).collect();
        let too_much = (244.140625, false);
        assert_eq!(judged, [(100.0, true), (125.0, true), (156.25, true), (195.3125, true), too_much, too_much]);
        assert_eq!((report.rate, report.failures()), (195.3125, Vec::new()));
        assert!(!report.generator.bound);
    }

    #[test]
    fn a_first_step_that_is_too_much_is_a_failure() {
        let report = climbed(100.0, f64::MAX);
        assert_eq!(report.failures(), ["not even the first step was good"]);
    }

    #[test]
    fn a_program_that_gives_out_before_the_server_says_so() {
        let report = climbed(f64::MAX, 150.0);
        assert!(report.generator.bound && report.rate == 125.0);
        assert!(report.saturation.unwrap().last().unwrap().to_string().ends_with("generator-bound"));
    }
}
