//! What a run leaves for programs: JSON, a line of CSV for each second, and percentile files.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::Report;
use crate::series::timeline::csv_header;
use crate::stats::{Kind, Latencies};

/// Writes results as JSON, making the folder when it is not there. `-` is standard output.
///
/// # Errors
/// The place cannot be written to.
pub fn write_json(results: &impl Serialize, path: &Path) -> anyhow::Result<()> {
    let mut json = serde_json::to_string_pretty(results)?;
    json.push('\n');
    write(path, &json)
}

/// Writes a line for each second of each run, making the folder when it is not there. `-` is standard output.
///
/// # Errors
/// The place cannot be written to.
pub fn write_csv(runs: &[Report], path: &Path) -> anyhow::Result<()> {
    let mut csv = csv_header();
    for (number, report) in (1..).zip(runs) {
        report.series.write_csv(number, &mut csv);
    }
    write(path, &csv)
}

/// Writes one percentile file for each kind of latency, making the folder when it is not there.
///
/// # Errors
/// The folder cannot be made or written to.
pub fn write_hgrm(latencies: &Latencies, folder: &Path) -> anyhow::Result<()> {
    for kind in Kind::ALL {
        let mut text = Vec::new();
        latencies.of(kind).write_hgrm(&mut text)?;
        write(&folder.join(kind.name()).with_extension("hgrm"), &String::from_utf8(text)?)?;
    }
    Ok(())
}

/// Writes a file, making its folder when it is not there. `-` is standard output.
///
/// # Errors
/// The place cannot be written to.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output");
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good;
    use crate::stats::Precision;

    #[test]
    fn results_are_written_into_new_folders_and_a_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/results.json");
        write_json(&good(), &path).unwrap();
        assert!(serde_json::from_slice::<Report>(&fs::read(&path).unwrap()).is_ok());
        let nothing = Latencies::new(Precision::Finest).unwrap();
        write_hgrm(&nothing, &folder.path().join("c")).unwrap();
        assert!(folder.path().join("c/edit.hgrm").is_file());
        assert!(write_json(&good(), &path.join("below-a-file.json")).is_err());
        assert!(write_hgrm(&nothing, &path).is_err());
        write_csv(&[good(), good()], &folder.path().join("seconds.csv")).unwrap();
    }
}
