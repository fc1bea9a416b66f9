//! A load generator that proves correctness as well as speed.
//!
//! Every user has a session on the real wire; in each room some are whole clients with a replica, the others only count what
//! they hear. Edits follow a schedule that is drawn before the run and does not wait for the server, and latency counts from
//! the time an edit was *meant* to happen, so a server that stalls shows it. Every delivery is accounted for, and at the end
//! all replicas are compared with what the server has.
//!
//! Reading order: [`run`] (the road of a run), [`cast`] (everybody in it), [`user`] (what one user does), [`wire`] (what light users hear and say),
//! [`load`] (when who does what), [`comeback`] (a run whose server is killed), [`ledger`] (who must receive what), [`floor`]
//! (what is possible without a server), then the rest.

mod run;
mod saturate;

mod cast;
mod user;

mod wire;

mod load;

mod comeback;

mod ledger;

mod book;
mod series;
mod stats;
mod watch;

mod rooms;

mod generator;
mod group;
mod program_output;
mod server_process;
mod target;

mod floor;
mod goals;
mod lossy;
mod peers;

mod workers;

mod assertion;
mod compare;
mod html;
mod machine;
mod outputs;
mod report;
mod table;

mod options;
mod scenario;

mod live;
mod progress;

use std::process::ExitCode;

use tokio::task::LocalSet;

use crate::options::{CommandLine, Kind, Options};
use crate::progress::Progress;
use crate::run::Results;
use crate::workers::worker;

fn main() -> ExitCode {
    let line = CommandLine::read();
    let done = match &line.kind {
        Some(Kind::Floor(options)) => floor::run(options),
        Some(Kind::Compare(options)) => compare::run(options),
        Some(Kind::Lossy(options)) => finish(lossy::run(options)),
        Some(Kind::Stalled(options)) => finish(lossy::stalled::run(options)),
        Some(Kind::Peers(options)) => finish(peers::run(options)),
        Some(Kind::Goals(options)) => finish(goals::run(options)),
        Some(Kind::Worker(options)) => worker::run(options),
        Some(Kind::Scenarios(options)) => scenario::show(options.name.as_deref()),
        None | Some(Kind::Reconnect(_)) => {
            measure_all(line.options()).and_then(|runs| line.options().outputs.tell(runs))
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn measure_all(options: &Options) -> anyhow::Result<Vec<Results>> {
    let one = |number| {
        let measure = |options: &Options| measure(options, options.outputs.title_of(number, &options.title()));
        match options.load.saturate {
            Some(limit) => saturate::climb(options, limit, measure),
            None => measure(options),
        }
    };
    (1..=options.outputs.repeat).map(one).collect()
}

fn measure(options: &Options, title: String) -> anyhow::Result<Results> {
    let progress = Progress::new(options.outputs.quiet, title);
    finish(run::run(options, &progress))
}

/// One thread for all users: the server needs the other cores, and on few cores threads that share work only get in each
/// other's way. Interrupted, it drops what it has begun.
fn finish<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        }
    })
}
