//! The simulation: many seeds hold, a seed replays to the same trace, and what is broken on purpose is found.

use collab_server::room::planted::Planted;
use collab_tests::sim::{self, Play};

/// How many seeds are played in every run of the tests; `make sim` plays more.
const SEEDS: u64 = 2_000;

#[test]
fn nothing_is_lost_and_all_replicas_are_equal() {
    let (stats, failures) = sim::run_all(1..SEEDS + 1, None, 1);
    assert!(failures.is_empty(), "{}", failures[0]);
    // A simulation in which these do not happen shows nothing.
    for what in [
        "append failed",
        "began afresh",
        "client restarted",
        "connection half open",
        "connection held up",
        "edit rejected: resync",
        "edit rejected: too fast",
        "load failed",
        "room compacted",
        "room deleted",
        "room idle",
        "room waited for the disk",
        "server crashed",
        "slow reader healed",
        "fast path",
    ] {
        assert!(stats.of(what) > SEEDS / 10, "{what}: {}\n{stats}", stats.of(what));
    }
}

#[test]
fn a_seed_replays_to_the_same_trace() {
    let trace = |seed| sim::run(Play { seed, planted: None, print: false }).map(|summary| summary.trace);
    for seed in 1..20 {
        assert_eq!(trace(seed), trace(seed), "seed {seed}");
    }
    assert_ne!(trace(1), trace(2));
}

#[test]
fn each_planted_mistake_is_found() {
    for planted in Planted::ALL {
        let (_, failures) = sim::run_all(1..SEEDS + 1, Some(planted), 1);
        let Some(failure) = failures.first() else { panic!("{planted:?} was not found") };
        println!("{planted:?}: {failure}");
    }
}
