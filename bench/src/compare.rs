//! Two results side by side: ratios, how sure they are, and why they may say nothing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::report::Report;
use crate::report::figure::Figure;
use crate::report::files;
use crate::report::spread::{Spread, headline};

/// As large as a file of results may be, in bytes: a hundred runs of half an hour take a fifth of it.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// What the user asked to compare.
#[derive(Debug, Clone, Args)]
pub struct CompareOptions {
    /// Results that --json wrote.
    #[arg(value_name = "BEFORE.json")]
    pub before: PathBuf,

    /// Results that --json wrote, which are divided by the others.
    #[arg(value_name = "AFTER.json")]
    pub after: PathBuf,

    /// Writes the comparison as JSON to standard output instead.
    #[arg(long)]
    pub json: bool,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Why it may say nothing.
    pub doubts: Vec<String>,
    /// Figure by figure.
    pub figures: Vec<Compared>,
}

/// A figure of both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Which.
    pub figure: String,
    /// What it was, in microseconds, bytes or none.
    pub before: Spread,
    /// What it is.
    pub after: Spread,
    /// `after` divided by `before`, median by median; none when `before` is 0, as are the next two.
    pub ratio: Option<f64>,
    /// The least that the ratio can be, from any run of the one to any of the other.
    pub least: Option<f64>,
    /// The most that it can be.
    pub most: Option<f64>,
    /// What can be said of it.
    pub verdict: Verdict,
}

/// What can be said of two figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every run was lower than every run before.
    Lower,
    /// Every run was higher.
    Higher,
    /// The runs of both overlap: they vary as much by themselves.
    Same,
    /// There is one run of either, which says nothing about how much it varies.
    Unknown,
}

/// Compares two files and shows what came out.
///
/// # Errors
/// A file cannot be read, or holds no results.
pub fn run(options: &CompareOptions) -> anyhow::Result<ExitCode> {
    let comparison = Comparison::new(&read(&options.before)?, &read(&options.after)?);
    if options.json {
        files::write_json(&comparison, Path::new("-"))?;
    } else {
        print!("{}", comparison.table());
    }
    Ok(ExitCode::SUCCESS)
}

/// The runs in a file.
fn read(path: &Path) -> anyhow::Result<Vec<Report>> {
    let cannot = || format!("cannot read {}", path.display());
    let len = fs::metadata(path).with_context(cannot)?.len();
    ensure!(len <= MOST_BYTES, "{} has {len} bytes; results have at most {MOST_BYTES}", path.display());
    let text = fs::read_to_string(path).with_context(cannot)?;
    runs_in(&text).with_context(|| format!("{} holds no results of this version of collab-bench", path.display()))
}

fn runs_in(text: &str) -> anyhow::Result<Vec<Report>> {
    let mut json: Value = serde_json::from_str(text)?;
    let runs: Vec<Report> = match json.get_mut("runs") {
        Some(runs) => serde_json::from_value(runs.take())?,
        None => vec![serde_json::from_value(json)?],
    };
    if runs.is_empty() {
        bail!("there is no run in it");
    }
    Ok(runs)
}

impl Comparison {
    /// Of runs before and after a change; there is one of each at least.
    pub fn new(before: &[Report], after: &[Report]) -> Self {
        let compared = headline(before)
            .filter_map(|(figure, spread)| Some(Compared::new(figure, spread, Spread::of(figure, after)?)));
        Self { doubts: doubts(before, after), figures: compared.collect() }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!("\n{:<24}{:>12}{:>12}{:>8}{:>16}  \n", "", "before", "after", "ratio", "from – to");
        for compared in &self.figures {
            text += &compared.row();
        }
        if self.figures.iter().any(|compared| compared.verdict == Verdict::Unknown) {
            text.push_str("\none run says nothing about how much it varies: use --repeat 3 or more for both\n");
        }
        for doubt in &self.doubts {
            let _ = writeln!(text, "doubtful: {doubt}");
        }
        text
    }
}

impl Compared {
    fn new(figure: Figure, before: Spread, after: Spread) -> Self {
        let divided = |after: f64, before: f64| (before != 0.0).then(|| after / before);
        Self {
            figure: figure.to_string(),
            before,
            after,
            ratio: divided(after.median, before.median),
            least: divided(after.least, before.most),
            most: divided(after.most, before.least),
            verdict: Verdict::new(&before, &after),
        }
    }

    fn row(&self) -> String {
        let show = |value: f64| match self.figure.parse::<Figure>() {
            Ok(figure) => figure.unit().show(value),
            Err(_) => value.to_string(),
        };
        let number = |ratio: Option<f64>| ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        let range = match (self.least, self.most) {
            (Some(least), Some(most)) => format!("{least:.2} – {most:.2}"),
            _ => String::new(),
        };
        let said = match self.verdict {
            Verdict::Lower => "lower",
            Verdict::Higher => "higher",
            Verdict::Same => "within the spread",
            Verdict::Unknown => "",
        };
        let (before, after, ratio) = (show(self.before.median), show(self.after.median), number(self.ratio));
        let row = format!("{:<24}{before:>12}{after:>12}{ratio:>8}{range:>16}  {said}", self.figure);
        format!("{}\n", row.trim_end())
    }
}

impl Verdict {
    fn new(before: &Spread, after: &Spread) -> Self {
        match () {
            () if before.runs < 2 || after.runs < 2 => Self::Unknown,
            () if after.most < before.least => Self::Lower,
            () if after.least > before.most => Self::Higher,
            () => Self::Same,
        }
    }
}

/// Whatever else than the server may be the cause of a difference.
fn doubts(before: &[Report], after: &[Report]) -> Vec<String> {
    let conditions = |runs: &[Report]| runs.first().map(conditions).unwrap_or_default();
    let mut doubts: Vec<_> = conditions(before)
        .into_iter()
        .zip(conditions(after))
        .filter(|(before, after)| before.1 != after.1)
        .map(|((name, before), (_, after))| format!("{name} differs: {before} before, {after} after"))
        .collect();
    doubts.extend([("before", before), ("after", after)].into_iter().flat_map(|(name, runs)| flaws(name, runs)));
    doubts
}

/// What must be the same on both sides.
fn conditions(report: &Report) -> Vec<(&'static str, String)> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let (machine, versions) = (&report.machine, &report.versions);
    vec![
        ("the number of cores", machine.cores.to_string()),
        ("the processor", or_none(&machine.processor)),
        ("the kernel", or_none(&machine.kernel)),
        ("the scenario", or_none(&report.asked.scenario)),
        ("how edits come", report.asked.arrival.clone()),
        ("the number of replicas", report.asked.replicas_per_room.to_string()),
        ("the number of writers", report.asked.writers_per_room.map_or("all".to_owned(), |it| it.to_string())),
        ("the server's settings", report.asked.server_settings.clone()),
        ("the number of users", report.clients.to_string()),
        ("the number of rooms", report.rooms.to_string()),
        ("the rate", report.rate.to_string()),
        ("the duration", report.duration_s.to_string()),
        ("the transport", report.transport.to_string()),
        ("the seed", report.seed.to_string()),
        ("the version of collab-bench", versions.bench.clone()),
        ("the version of the protocol", versions.protocol.to_string()),
        ("the build", if versions.optimised { "optimised" } else { "not optimised" }.to_owned()),
    ]
}

/// What is wrong with the runs of one side by themselves. How busy the machine was is looked at before the first: later ones
/// find it as the earlier ones left it.
fn flaws(side: &str, runs: &[Report]) -> Vec<String> {
    let mut flaws: BTreeMap<String, usize> = BTreeMap::new();
    for flaw in runs.iter().flat_map(|report| report.warnings().into_iter().chain(report.failures())) {
        *flaws.entry(flaw).or_default() += 1;
    }
    let busy = runs.first().and_then(|report| {
        let (load, cores) = (report.machine.load_before?, report.machine.cores);
        let sentence = format!("{side}: the machine was busy before it began (load {load:.2} on {cores} cores)");
        (load > cores as f64).then_some(sentence)
    });
    let counted = flaws.into_iter().map(|(flaw, count)| match count {
        _ if runs.len() == 1 => format!("{side}: {flaw}"),
        _ => format!("{side}, {count} of {} runs: {flaw}", runs.len()),
    });
    counted.chain(busy).collect()
}

#[cfg(test)]
mod tests;
