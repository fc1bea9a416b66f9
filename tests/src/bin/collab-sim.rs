//! Plays many seeds of the simulation, or one with everything that happens printed.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use collab_tests::sim::{self, Play};

/// After this many failures there is enough to look at.
const MOST_FAILURES: usize = 10;

/// Plays the simulation: see `collab_tests::sim`.
#[derive(Parser)]
struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// Print everything that happens, one seed after the other.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let Options { first, seeds, trace } = Options::parse();
    let seeds = first..first.saturating_add(seeds);
    let started = Instant::now();
    let (count, failures) = if trace { (0, print(seeds)) } else { play(seeds) };
    failures.iter().for_each(|failure| eprintln!("{failure}"));
    if failures.is_empty() {
        println!("{count} seeds in {:.1} s, no failure", started.elapsed().as_secs_f64());
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

fn play(seeds: std::ops::Range<u64>) -> (u64, Vec<sim::Failure>) {
    let count = seeds.end - seeds.start;
    let (stats, failures) = sim::run_all(seeds, None, MOST_FAILURES);
    print!("{stats}");
    (count, failures)
}

fn print(seeds: std::ops::Range<u64>) -> Vec<sim::Failure> {
    seeds.filter_map(|seed| sim::run(Play { seed, planted: None, print: true }).err()).collect()
}
