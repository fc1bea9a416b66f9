//! A thousand clients lose their server for five seconds: how many knock at its door in each moment, with and without jitter.
//!
//! Both columns run the client core of this crate on a virtual clock; "without" takes the longest delay of each attempt instead
//! of a random one below it. `cargo run -p collab-client --example backoff`

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use collab_client::{Client, Config, State};
use collab_proto::{ClientId, Credential, RoomName};

const CLIENTS: u64 = 1000;
const OUTAGE: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(10);
const ROW: Duration = Duration::from_millis(1000);
/// The core's delays without chance: 0.25 s, doubling.
const FIRST: Duration = Duration::from_millis(250);

fn main() {
    let with = attempts_of_the_core();
    let without = attempts_without_jitter();
    println!("attempts of {CLIENTS} clients to reach a server that is away for {} s", OUTAGE.as_secs());
    println!("{:>11}  {:>8} {:>8}", "second", "without", "with");
    let last = with.iter().chain(&without).max().copied().unwrap_or_default();
    let mut from = Duration::ZERO;
    while from <= last {
        let in_row = |all: &[Duration]| all.iter().filter(|at| **at >= from && **at < from + ROW).count();
        let (without, with) = (in_row(&without), in_row(&with));
        println!(
            "{:>5.1}–{:<5.1}  {without:>8} {with:>8}  {}",
            secs(from),
            secs(from + ROW),
            "▒".repeat(with.div_ceil(25))
        );
        from += ROW;
    }
    println!("most within {} ms: {} without, {} with", MOMENT.as_millis(), most_at_once(&without), most_at_once(&with));
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// When each client tried, from the loss of the server until it was reached.
fn attempts_of_the_core() -> Vec<Duration> {
    (0..CLIENTS).flat_map(attempts_of_one).collect()
}

fn attempts_of_one(seed: u64) -> Vec<Duration> {
    let start = Instant::now();
    let room = RoomName::parse("demo").expect("a valid name");
    let credential = Credential::Password(String::new());
    let config = Config { room, name: "somebody".into(), credential, client_id: ClientId(seed), seed };
    let mut client = Client::new(config, start);
    client.connect(start);
    let mut attempts = Vec::new();
    let mut now = start;
    while now < start + OUTAGE {
        client.handle_disconnected(now);
        let State::Backoff { until } = client.state() else { unreachable!("the server is away") };
        now = until;
        attempts.push(now - start);
        client.handle_timeout(now);
    }
    attempts
}

fn attempts_without_jitter() -> Vec<Duration> {
    let mut attempts = Vec::new();
    let mut at = Duration::ZERO;
    for attempt in 0.. {
        if at >= OUTAGE {
            break;
        }
        at += FIRST * (1 << attempt);
        attempts.extend((0..CLIENTS).map(|_| at));
    }
    attempts
}

fn most_at_once(attempts: &[Duration]) -> usize {
    let mut moments = BTreeMap::new();
    for at in attempts {
        *moments.entry(at.as_millis() / MOMENT.as_millis()).or_insert(0) += 1;
    }
    moments.into_values().max().unwrap_or(0)
}
