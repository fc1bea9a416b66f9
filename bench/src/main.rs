//! A load generator that proves correctness as well as speed.
//!
//! Every user is a real client with a session and a replica of its own. Edits follow a schedule that is drawn before the run
//! and does not wait for the server, and latency counts from the time an edit was *meant* to happen, so a server that stalls
//! shows it. Every delivery is accounted for, and at the end all replicas are compared with what the server has.
//!
//! Reading order: [`run`] (the road of a run), [`user`] (what one user does),
//! [`comeback`] (a run whose server is killed), [`ledger`] (who must receive what), then the rest.

mod run;

mod user;

mod comeback;

mod ledger;

mod pacer;
mod schedule;

mod typist;

mod book;
mod stats;

mod rooms;
mod server_process;
mod target;

mod assertion;
mod machine;
mod report;
mod table;

mod options;
mod progress;

use std::path::Path;
use std::process::ExitCode;

use tokio::task::LocalSet;

use crate::options::{CommandLine, Options};
use crate::progress::Progress;
use crate::run::Results;

fn main() -> ExitCode {
    let line = CommandLine::read();
    match measure(&line).and_then(|results| tell(line.options(), &results)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One thread for all users: the server needs the other cores, and on few cores threads that share work only get in each
/// other's way.
fn measure(line: &CommandLine) -> anyhow::Result<Results> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let progress = Progress::new(line.options().quiet);
    let results = LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            results = run::run(line, &progress) => results,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        }
    });
    progress.finish();
    results
}

/// Shows and writes the results, and says whether everything held that must.
fn tell(options: &Options, results: &Results) -> anyhow::Result<bool> {
    let Results { report, latencies, server_log } = results;
    let json_on_stdout = options.json.as_deref() == Some(Path::new("-"));
    if json_on_stdout {
        eprint!("{}", report.table())
    } else {
        print!("{}", report.table())
    }
    if let Some(path) = &options.json {
        report::write_json(report, path)?;
    }
    if let Some(folder) = &options.hgrm {
        report::write_hgrm(latencies, folder)?;
    }
    let mut failures = report.failures();
    if let Some(log) = server_log.as_ref().filter(|_| !failures.is_empty()) {
        eprintln!("{log}");
    }
    failures.extend(options.assertions.iter().filter_map(|held| held.check(|name| report.figure(name)).err()));
    for failure in &failures {
        eprintln!("failed: {failure}");
    }
    Ok(failures.is_empty())
}
