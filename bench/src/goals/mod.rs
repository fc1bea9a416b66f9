//! What this server is meant to reach, and what it reaches: `make bench` prints the table.
//!
//! [`list`] says which loads are played and what is asked of their figures.

mod list;

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::generator;
use crate::machine::Machine;
use crate::report::Report;
use crate::report::spread::Spread;
use list::{GOALS, Goal, LOADS, Load};

/// What the user asked of the goals.
#[derive(Debug, Clone, Args)]
pub struct GoalsOptions {
    /// How often everything is run; the medians count.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub rounds: u8,

    /// Plays only the loads whose name contains this.
    #[arg(long, value_name = "PART")]
    pub only: Option<String>,

    /// The server to start [default: collab-server beside this program].
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,
}

/// The results of one round, in the order of [`LOADS`]; none where a load was not played or gave no results.
type Round = Vec<Option<Report>>;

/// Plays every load, each with a server of its own, and prints what came of it. A goal that is missed is told and is no failure; a lost
/// edit is one.
///
/// # Errors
///
/// The table cannot be written.
pub async fn run(options: &GoalsOptions) -> anyhow::Result<ExitCode> {
    let mut machine = Machine::observe();
    let (mut rounds, mut failures) = (Vec::new(), Vec::new());
    for number in 1..=options.rounds {
        let mut round = Round::new();
        for load in &LOADS {
            let wanted = options.only.as_ref().is_none_or(|part| load.name.contains(part.as_str()));
            round.push(if wanted { play(load, number, options, &mut failures).await } else { None });
        }
        rounds.push(round);
    }
    machine.observe_after();
    println!("{}", table(&rounds));
    println!("medians of {} rounds, with the lowest and the highest; {machine}", options.rounds);
    failures.iter().for_each(|failure| eprintln!("failed: {failure}"));
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(load: &Load, number: u8, options: &GoalsOptions, failures: &mut Vec<String>) -> Option<Report> {
    eprintln!("round {number} of {}: {}", options.rounds, load.name);
    let mut arguments: Vec<String> = load.arguments.iter().map(|argument| (*argument).to_owned()).collect();
    arguments.extend(["--quiet", "--seed", &number.to_string()].map(str::to_owned));
    if let Some(server) = &options.server {
        arguments.extend(["--server".to_owned(), server.to_string_lossy().into_owned()]);
    }
    let told = match generator::run::<Report>(&arguments, Duration::from_secs(load.seconds), |command| command).await {
        Ok(report) => {
            failures.extend(report.failures().into_iter().map(|failure| format!("{}: {failure}", load.name)));
            return Some(report);
        }
        Err(error) => format!("{}: {error:#}", load.name),
    };
    failures.push(told);
    None
}

/// One line a goal, in columns.
fn table(rounds: &[Round]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:<66} {:>12}  {:<36}", "what", "goal", "reached");
    for goal in &GOALS {
        let _ = writeln!(text, "{}", line(goal, rounds));
    }
    text
}

fn line(goal: &Goal, rounds: &[Round]) -> String {
    let values = rounds.iter().filter_map(|round| (goal.value)(round)).collect();
    let reached = match Spread::of_values(values) {
        None => "not measured".to_owned(),
        Some(spread) => {
            let judgement = if goal.is_met(spread.median) { "met" } else { "missed" };
            let [median, least, most] = [spread.median, spread.least, spread.most].map(|value| goal.show(value));
            format!("{median} ({least} to {most}): {judgement}")
        }
    };
    format!("{:<66} {:>12}  {reached}", goal.what, goal.bound())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good;

    #[test]
    fn every_goal_is_judged_by_its_median_or_said_to_be_unmeasured() {
        let with = |p50: u64| {
            let mut report = good();
            report.edit.p50_us = p50;
            let mut round: Round = vec![None; LOADS.len()];
            round[0] = Some(report);
            round
        };
        let rounds = [with(400), with(900), with(500)];
        let text = table(&rounds);
        let row = |what: &str| text.lines().find(|line| line.starts_with(what)).expect("a row").to_owned();
        let edit = row("1,000 users: edit p50");
        assert!(edit.contains("0.50 ms (0.40 ms to 0.90 ms): met"), "{edit}");
        let missed = table(&[with(601)]);
        assert!(missed.lines().any(|line| line.starts_with("1,000 users: edit p50") && line.ends_with("missed")));
        assert!(row("3,000 users: edit p99").ends_with("not measured"));
        assert_eq!(text.lines().count(), GOALS.len() + 1);
    }

    #[test]
    fn every_load_is_one_that_the_command_line_takes() {
        use clap::Parser;
        for load in &LOADS {
            let line = ["collab-bench"].into_iter().chain(load.arguments.iter().copied());
            crate::options::CommandLine::try_parse_from(line).unwrap_or_else(|error| panic!("{}: {error}", load.name));
        }
    }
}
