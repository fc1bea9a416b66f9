//! The servers that people would pick instead, under the same loads on the same machine.
//!
//! [`plan`] says what is run, [`recipe`] installs and starts each server as its documentation has it for production, [`proxy`] is
//! the TLS before those that have none, [`stand`] is one that runs, and [`results`] writes down what came of it.

mod plan;

mod recipe;

mod proxy;
mod stand;

mod results;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::task::spawn_blocking;

pub use recipe::{Kitchen, Peer};
pub use stand::Stand;

use crate::floor::Floor;
use crate::generator;
use crate::machine::Machine;
use crate::options::parse::parse_duration;
use plan::{LOADS, Load, WAYS, Way};
use results::{Measured, Results, Run};

/// What the user asked of the comparison.
#[derive(Debug, Clone, Args)]
pub struct PeersOptions {
    /// How long users edit in each run.
    #[arg(long, default_value = "10s", value_parser = parse_duration, value_name = "TIME")]
    pub duration: Duration,

    /// How often everything is run.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub rounds: u8,

    /// Draws the schedule and the edits: the same for all.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// This project's server [default: collab-server beside this program].
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,

    /// Where the document goes.
    #[arg(long, default_value = "bench/RESULTS.md", value_name = "FILE")]
    pub out: PathBuf,
}

/// How long each floor is measured.
const FLOOR: Duration = Duration::from_secs(1);

/// Installs, starts and drives all of them in turn, and writes the comparison. A server that cannot be had is named as missing; only
/// this project's own must do what it promises.
///
/// # Errors
///
/// This project's own server is missing, or the document cannot be written.
pub async fn run(options: &PeersOptions) -> anyhow::Result<ExitCode> {
    let kitchen = Kitchen::new(options.server.as_deref())?;
    std::fs::create_dir_all(&kitchen.installed).context("cannot make the folder for what is installed")?;
    let mut results = prepare(&kitchen, options.duration);
    for round in 1..=options.rounds {
        results.floors.push(spawn_blocking(|| Floor::measure(FLOOR)).await??);
        for load in LOADS {
            for way in WAYS {
                if !results.took_part(way.peer) {
                    continue;
                }
                eprintln!("round {round} of {}, {}: {}", options.rounds, load.name, way.name());
                let measured = measure(way, load, &kitchen, options).await;
                let outcome = measured.map_err(|error| reason(&error));
                results.runs.push(Run { way, load, outcome });
            }
        }
    }
    results.machine.observe_after();
    write(&results.document(), &options.out)?;
    let failures = results.own_failures();
    failures.iter().for_each(|failure| eprintln!("failed: {failure}"));
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Installs what is to be compared.
fn prepare(kitchen: &Kitchen, duration: Duration) -> Results {
    let machine = Machine::observe();
    let (mut versions, mut missing) = (Vec::new(), Vec::new());
    let proxy = proxy::version();
    for peer in Peer::ALL {
        eprintln!("installing {}", peer.name());
        let has_proxy = if peer == Peer::Collab { Ok(()) } else { proxy.as_ref().map(drop).map_err(reason) };
        match has_proxy.and_then(|()| peer.install(kitchen).map_err(|error| reason(&error))) {
            Ok(version) => versions.push((peer.name().to_owned(), version)),
            Err(reason) => {
                eprintln!("{} is missing: {reason}", peer.name());
                missing.push((peer, reason));
            }
        }
    }
    versions.extend(proxy.ok().map(|version| ("HAProxy".to_owned(), version)));
    versions.extend(node_version().map(|version| ("Node.js".to_owned(), version)));
    Results { duration, machine, versions, missing, floors: Vec::new(), runs: Vec::new() }
}

/// In one line.
fn reason(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/")
}

fn node_version() -> Option<String> {
    let output = Command::new("node").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned())
}

/// One server with fresh data, one load.
async fn measure(way: Way, load: Load, kitchen: &Kitchen, options: &PeersOptions) -> anyhow::Result<Measured> {
    let stand = Stand::set_up(way.peer, kitchen).await?;
    let idle_rss_bytes = stand.usage()?.rss_bytes;
    let mut arguments = load.arguments(way.transport, options.seed);
    arguments.extend(stand.arguments()?);
    let report = generator::run(&arguments, options.duration, |command| command).await?;
    Ok(Measured { report, idle_rss_bytes })
}

fn write(document: &str, path: &Path) -> anyhow::Result<()> {
    std::fs::write(path, document).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{document}");
    eprintln!("written to {}", path.display());
    Ok(())
}
