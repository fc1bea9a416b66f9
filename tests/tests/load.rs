//! The load generator finds what it is there to find: a server that stalls, an edit that does not arrive, its own lateness.

use std::fs;
use std::process::Command;
use std::time::Duration;

use collab_tests::process::{Ended, Process, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A small load on a server of its own. Its own lateness is no fault where it is not asked for: the machine may be busy.
fn load(arguments: &[&str]) -> Command {
    let mut command = Command::new(program("collab-bench"));
    command.arg("--server").arg(program("collab-server"));
    command.args(["--clients", "20", "--rooms", "2", "--rate", "60", "--join", "token", "--json", "-"]);
    command.args(["--lag-limit", "1h"]).args(arguments);
    command
}

fn results(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// The server that a program has started.
fn child_of(parent: u32) -> Pid {
    let processes = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |id: &i32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let parent_of = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        stat.contains("(collab-server)") && parent_of == Some(parent)
    };
    ids.find(is_child).and_then(Pid::from_raw).expect("a server that it has started")
}

/// Stops a process for a second in the middle of the editing.
async fn run_with_a_pause(command: Command, whom: impl Fn(&Process) -> Pid) -> Ended {
    let mut process = Process::start(command, b"");
    process.until("come to the editing", |output| output.stderr().contains("editing")).await;
    let pid = whom(&process);
    tokio::time::sleep(Duration::from_secs(2)).await;
    kill_process(pid, Signal::STOP).expect("it is ours");
    tokio::time::sleep(Duration::from_secs(1)).await;
    kill_process(pid, Signal::CONT).expect("it is ours");
    process.ended().await
}

#[tokio::test]
async fn a_server_that_stands_still_for_a_second_shows_and_breaks_a_bound() {
    let command = load(&["--duration", "6s", "--assert", "edit_p99<5ms", "--assert", "lost==0"]);
    let ended = run_with_a_pause(command, |bench| child_of(bench.id())).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("failed: edit_p99<5ms does not hold"), "{}", ended.stderr);
    let results = results(&ended);
    assert!(results["edit"]["p999_us"].as_u64() >= Some(900_000), "{}", results["edit"]);
    assert_eq!((&results["lost"], &results["converged"]), (&0.into(), &true.into()));
}

#[tokio::test]
async fn a_generator_that_stands_still_says_that_it_was_its_own_fault() {
    let command = load(&["--duration", "6s", "--lag-limit", "100ms", "--assert", "edit_p99<1us"]);
    let itself = |bench: &Process| Pid::from_raw(bench.id().cast_signed()).expect("an id");
    let ended = run_with_a_pause(command, itself).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("generator-bound"), "{}", ended.stderr);
    assert_eq!(results(&ended)["generator"]["bound"], true);
}

#[tokio::test]
async fn an_edit_that_the_server_passes_to_nobody_is_lost() {
    let mut command = load(&["--duration", "4s", "--drain", "2s", "--verify", "0"]);
    command.env("PLANTED_BUG", "LostDelivery");
    let ended = Process::start(command, b"").ended().await;
    let advice = "the server was built without the mistakes: build the whole workspace, as `make unit` does";
    assert!(ended.stderr.contains("makes a mistake on purpose"), "{advice}\n{}", ended.stderr);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let results = results(&ended);
    assert!(results["lost"].as_u64() > Some(0), "{ended:?}");
    let errors = results["errors"].as_object().expect("errors by name");
    assert!(errors.keys().any(|name| name.contains("never got what member")), "some are named: {errors:?}");
}

#[tokio::test]
async fn light_users_and_whole_clients_agree_over_both_transports() {
    for transport in ["webtransport", "websocket"] {
        let command = load(&["--duration", "3s", "--verify", "3", "--arrival", "poisson", "--transport", transport]);
        let ended = Process::start(command, b"").ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let results = results(&ended);
        let count = |name: &str| results[name].as_u64().unwrap_or_default();
        assert!(count("sent") > 20 && count("delivered") == 9 * count("sent"), "{}", ended.stderr);
        assert_eq!((count("lost"), count("duplicated"), count("unsaved")), (0, 0, 0));
    }
}

#[tokio::test]
async fn what_is_timed_while_others_come_are_their_joins_and_the_edits_of_those_who_are_there() {
    let mut command =
        load(&["--clients", "30", "--rooms", "3", "--early-rooms", "1", "--duration", "4s", "--rate", "300"]);
    // Twenty hashes take a while, in which fifty edits a second are made.
    command.args(["--join", "password", "--server-settings", "throttle_ms=0,edits_per_minute=60000,burst=60000"]);
    let ended = Process::start(command, b"").ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let results = results(&ended);
    let count = |name: &str| results[name].as_u64().unwrap_or_default();
    assert_eq!((count("joined"), count("lost"), count("duplicated"), count("unsaved")), (30, 0, 0, 0));
    assert_eq!(results["join"]["count"], 20, "the first ten came before");
    assert!(count("sent") > 100 && count("delivered") == 9 * count("sent"), "only one room edits: {}", ended.stderr);
    let timed = results["edit"]["count"].as_u64();
    assert!(timed > Some(0) && timed < Some(count("delivered")), "{timed:?} of {}", count("delivered"));
    let stages: Vec<_> = results["series"]["stages"].as_array().into_iter().flatten().map(|s| &s["name"]).collect();
    assert_eq!(stages, ["joining", "editing", "storm", "draining", "checking"]);
}

#[tokio::test]
async fn a_scenario_is_shown_as_a_file_and_taken_as_one() {
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(program("collab-bench"));
        command.args(arguments);
        Process::start(command, b"").ended()
    };
    let list = ask(&["scenarios"]).await;
    assert!(list.code == Some(0) && list.stdout.lines().count() >= 10, "{list:?}");
    let shown = ask(&["scenarios", "slow-readers"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(&file, &shown.stdout).unwrap();
    let mut command = load(&["--clients", "20", "--duration", "6s", "--slow-pause", "2s", "--edit-bytes", "20000"]);
    command.arg("--scenario").arg(&file);
    let ended = Process::start(command, b"").ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let results = results(&ended);
    assert_eq!((&results["clients"], &results["lost"]), (&20.into(), &0.into()));
    assert!(results["asides"]["healed"].as_u64() > Some(0), "readers who slept were healed: {}", results["asides"]);
    assert!(results["asked"]["server_settings"].as_str().is_some_and(|set| set.contains("outbox_bytes=65536")));

    fs::write(&file, "clinets = 3\n").unwrap();
    let refused = ask(&["--scenario", file.to_str().unwrap()]).await;
    assert!(refused.code == Some(2) && refused.stderr.contains("clients"), "{refused:?}");
}

#[tokio::test]
async fn two_processes_play_what_one_would() {
    let mut sent = Vec::new();
    for workers in [&[][..], &["--workers", "2"]] {
        let ended = Process::start(load(&[&["--duration", "3s"], workers].concat()), b"").ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let results = results(&ended);
        let count = |name: &str| results[name].as_u64().unwrap_or_default();
        assert_eq!((count("lost"), count("duplicated"), count("unsaved")), (0, 0, 0));
        assert!(count("sent") > 20 && count("delivered") == 9 * count("sent"), "{}", ended.stderr);
        let seconds = results["series"]["seconds"].as_array().expect("seconds");
        let in_seconds: u64 = seconds.iter().filter_map(|second| second["delivered"].as_u64()).sum();
        assert_eq!(in_seconds, count("delivered"), "no second is forgotten");
        sent.push(count("sent"));
    }
    assert_eq!(sent[0], sent[1], "one seed, one load");
}
