//! What becomes of the results: shown, written, and judged.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::assertion::Assertion;
use crate::html::Page;
use crate::report::{Report, files};
use crate::run::Results;

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

    /// Shows no progress.
    #[arg(long, short)]
    pub quiet: bool,
}

impl Outputs {
    /// Shows and writes the results, and says how the program ends: 1 when something that must be true is not.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn tell(&self, results: &Results) -> anyhow::Result<ExitCode> {
        let Results { report, latencies, server_log } = results;
        self.show(&report.table());
        if let Some(path) = &self.json {
            files::write_json(report, path)?;
        }
        if let Some(path) = &self.csv {
            files::write_csv(std::slice::from_ref(report), path)?;
        }
        if let Some(folder) = &self.hgrm {
            files::write_hgrm(latencies, folder)?;
        }
        let mut failures = report.failures();
        if let Some(log) = server_log.as_ref().filter(|_| !failures.is_empty()) {
            eprintln!("{log}");
        }
        failures.extend(self.broken(report));
        if let Some(path) = &self.html {
            files::write(path, &Page { report, latencies, failures: &failures }.write())?;
        }
        for failure in &failures {
            eprintln!("failed: {failure}");
        }
        Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn broken(&self, report: &Report) -> impl Iterator<Item = String> {
        self.assertions.iter().filter_map(|assertion| assertion.check(|figure| figure.of(report)).err())
    }

    /// On standard output, unless something else is written there.
    fn show(&self, table: &str) {
        let is_taken =
            [&self.json, &self.csv, &self.html].into_iter().any(|path| path.as_deref() == Some(Path::new("-")));
        if is_taken { eprint!("{table}") } else { print!("{table}") }
    }
}
