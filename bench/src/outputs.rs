//! What becomes of the results: shown, written, and judged.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::assertion::Assertion;
use crate::html::Page;
use crate::report::spread::{Repeated, Spread};
use crate::report::{Report, files};
use crate::run::Results;
use crate::stats::{Latencies, Precision};

/// How the program ends when it was too late itself for its figures to be the server's.
const GENERATOR_BOUND: u8 = 3;

/// What the user wants to have of a run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Results")]
pub struct Outputs {
    /// Writes the results as JSON; - for standard output, then the table goes to standard error.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Writes a line of CSV for each second; - for standard output.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,

    /// Writes a percentile file (.hgrm) for each latency, in milliseconds, as HdrHistogram's plotters read them.
    #[arg(long, value_name = "DIR")]
    pub hgrm: Option<PathBuf>,

    /// Writes one page with tables and plots, which needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Fails unless this holds, such as 'edit_p99<20ms', 'lost==0' or 'server_rss<=200MB'. May be given again.
    #[arg(long = "assert", value_name = "CONDITION")]
    pub assertions: Vec<Assertion>,

    /// Does the same run so often; results are the medians then, and assertions are about them.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "TIMES")]
    pub repeat: u32,

    /// Shows no progress.
    #[arg(long, short)]
    pub quiet: bool,
}

impl Outputs {
    /// What is done, when it is done more than once.
    pub fn title_of(&self, number: u32, title: &str) -> String {
        if self.repeat == 1 { title.to_owned() } else { format!("{title}, run {number} of {}", self.repeat) }
    }

    /// Shows and writes the results, and says how the program ends: 1 when something that must be true is not, 3 when this
    /// program was too late itself.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn tell(&self, results: Vec<Results>) -> anyhow::Result<ExitCode> {
        let results = Told::new(results, &self.assertions);
        self.show(&results.table());
        if let Some(path) = &self.json {
            results.write_json(path)?;
        }
        if let Some(path) = &self.csv {
            files::write_csv(&results.reports, path)?;
        }
        if let Some(folder) = &self.hgrm {
            files::write_hgrm(&results.all_latencies()?, folder)?;
        }
        if let Some(path) = &self.html {
            files::write(path, &results.page())?;
        }
        results.server_logs.iter().for_each(|log| eprintln!("{log}"));
        results.failures.iter().for_each(|failure| eprintln!("failed: {failure}"));
        Ok(ExitCode::from(results.verdict()))
    }

    /// On standard output, unless something else is written there.
    fn show(&self, table: &str) {
        let is_taken =
            [&self.json, &self.csv, &self.html].into_iter().any(|path| path.as_deref() == Some(Path::new("-")));
        if is_taken { eprint!("{table}") } else { print!("{table}") }
    }
}

/// The runs, judged.
struct Told {
    reports: Vec<Report>,
    latencies: Vec<Latencies>,
    /// Of runs that failed.
    server_logs: Vec<String>,
    failures: Vec<String>,
    /// Whether one of them is more than a bound that does not hold.
    is_wrong: bool,
}

impl Told {
    fn new(results: Vec<Results>, assertions: &[Assertion]) -> Self {
        let mut told = Self {
            reports: Vec::new(),
            latencies: Vec::new(),
            server_logs: Vec::new(),
            failures: Vec::new(),
            is_wrong: false,
        };
        let is_one = results.len() == 1;
        for (number, Results { report, latencies, server_log }) in (1..).zip(results) {
            let failures = report.failures();
            told.server_logs.extend(server_log.filter(|_| !failures.is_empty()));
            let named = |failure| if is_one { failure } else { format!("run {number}: {failure}") };
            told.failures.extend(failures.into_iter().map(named));
            told.reports.push(report);
            told.latencies.push(latencies);
        }
        told.is_wrong = !told.failures.is_empty();
        let median = |figure| Spread::of(figure, &told.reports).map(|spread| spread.median);
        let broken: Vec<_> = assertions.iter().filter_map(|assertion| assertion.check(median).err()).collect();
        told.failures.extend(broken);
        told
    }

    /// The exit code. What went wrong is wrong whoever was late; a bound on a figure says nothing when the figure does not.
    fn verdict(&self) -> u8 {
        let is_bound = self.reports.iter().any(|report| report.generator.bound);
        match (self.is_wrong, is_bound, self.failures.is_empty()) {
            (false, true, _) => GENERATOR_BOUND,
            (false, false, true) => 0,
            _ => 1,
        }
    }

    fn table(&self) -> String {
        let tables: String = self.reports.iter().map(Report::table).collect();
        if self.reports.len() == 1 { tables } else { tables + &Repeated::new(&self.reports).table() }
    }

    fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        match &self.reports[..] {
            [report] => files::write_json(report, path),
            reports => files::write_json(&Repeated::new(reports), path),
        }
    }

    /// The samples of all runs together.
    fn all_latencies(&self) -> anyhow::Result<Latencies> {
        let mut all = Latencies::new(Precision::Finest)?;
        self.latencies.iter().for_each(|latencies| all.add(latencies));
        Ok(all)
    }

    /// Of the run in the middle, by the 99 % of its edits.
    fn page(&self) -> String {
        let mut order: Vec<_> = (0..self.reports.len()).collect();
        order.sort_by_key(|at| self.reports[*at].edit.p99_us);
        let middle = order[(order.len() - 1) / 2];
        let (report, latencies) = (&self.reports[middle], &self.latencies[middle]);
        Page { report, latencies, runs: &self.reports, failures: &self.failures }.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good;

    fn results(p99_us: u64, lost: u64) -> Results {
        let mut report = Report { lost, ..good() };
        report.edit.p99_us = p99_us;
        let latencies = Latencies::new(Precision::Finest).unwrap();
        Results { report, latencies, server_log: Some("its last words".to_owned()) }
    }

    fn told(results: Vec<Results>, assertion: &str) -> Told {
        Told::new(results, &[assertion.parse().unwrap()])
    }

    #[test]
    fn assertions_are_about_the_median_and_faults_about_every_run() {
        let runs = || vec![results(1000, 0), results(90_000, 0), results(2000, 0)];
        assert_eq!(told(runs(), "edit_p99<5ms").failures, [""; 0]);
        assert_eq!(told(runs(), "edit_p99<2ms").failures, ["edit_p99<2ms does not hold: it is 2.00 ms"]);
        let told = told(vec![results(1000, 0), results(1000, 7)], "edit_p99<5ms");
        assert_eq!(told.failures, ["run 2: 7 deliveries were lost"]);
        assert_eq!(told.server_logs.len(), 1);
    }

    #[test]
    fn a_late_program_is_told_from_a_fault_and_from_a_bound_that_does_not_hold() {
        let late = |lost| {
            let mut results = results(90_000, lost);
            results.report.generator.bound = true;
            vec![results]
        };
        assert_eq!(told(vec![results(1000, 0)], "edit_p99<5ms").verdict(), 0);
        assert_eq!(told(vec![results(9000, 0)], "edit_p99<5ms").verdict(), 1);
        assert_eq!(told(late(0), "edit_p99<5ms").verdict(), 3);
        assert_eq!(told(late(0), "edit_p99<5s").verdict(), 3);
        assert_eq!(told(late(7), "edit_p99<5s").verdict(), 1);
    }

    #[test]
    fn one_run_is_written_as_itself_and_several_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let json = |told: Told| {
            told.write_json(&path).unwrap();
            serde_json::from_slice::<serde_json::Value>(&std::fs::read(&path).unwrap()).unwrap()
        };
        assert!(json(told(vec![results(1, 0)], "lost==0"))["edit"].is_object());
        let several = json(told(vec![results(1, 0), results(3, 0)], "lost==0"));
        assert_eq!(several["runs"].as_array().map(Vec::len), Some(2));
        assert_eq!(several["figures"]["edit_p99"]["median"], 2.0);
    }

    #[test]
    fn the_page_is_of_the_run_in_the_middle() {
        let page = told(vec![results(90_000, 0), results(1000, 0), results(2000, 0)], "lost==0").page();
        assert!(page.contains("2.00 ms") && page.contains("3 runs"), "{page}");
    }
}
