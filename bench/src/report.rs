//! The results, and what must be true of them.
//!
//! [`figure`] gives their numbers by name, [`mod@unit`] how people read them, [`spread`] what several runs
//! say together, [`files`] what a run leaves for programs.

pub mod figure;
pub mod files;
pub mod spread;
pub mod unit;

use std::collections::BTreeMap;
use std::time::Duration;

use collab_proto::api::ServerInfo;
use serde::{Deserialize, Serialize};

use crate::book::Asides;
use crate::comeback::Reconnect;
use crate::machine::Machine;
use crate::options::{Options, Transport};
use crate::saturate::Step;
use crate::series::timeline::Timeline;
use crate::stats::{Kind, Latencies, Summary};

/// Above this part of edit's 99th percentile the generator's own lag is too much of it.
const LAG_SHARE: f64 = 0.25;

/// The results of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Users asked for.
    pub clients: usize,
    /// Rooms they were spread over.
    pub rooms: usize,
    /// Users that got in.
    pub joined: usize,
    /// How long it took until all were in, in seconds.
    #[serde(default)]
    pub joining_s: f64,
    /// What carried their sessions.
    pub transport: Transport,
    /// How long they edited, in seconds.
    pub duration_s: f64,
    /// Edits per minute of each user who edits, on average.
    pub rate: f64,
    /// What else was asked.
    #[serde(default)]
    pub asked: Asked,
    /// What was counted besides edits.
    #[serde(default)]
    pub asides: Asides,
    /// The steps up to the one that was too much, in a run that looked for it; the rest is about the last good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturation: Option<Vec<Step>>,
    /// Edits made.
    pub sent: u64,
    /// Deliveries of an edit to another member of its room, each counted once.
    pub delivered: u64,
    /// Deliveries that were due and did not happen.
    pub lost: u64,
    /// Deliveries that happened more than once, or of what nobody wrote.
    pub duplicated: u64,
    /// Edits whose author never heard that they are saved; none where the protocol never says so.
    pub unsaved: Option<u64>,
    /// Pings without an answer.
    pub pings_lost: u64,
    /// Whether in every room all replicas and the server's own text were equal at the end.
    pub converged: bool,
    /// What went wrong, by code or name, and how often.
    pub errors: BTreeMap<String, u64>,
    /// From the start of a connection to the text being there.
    pub join: Summary,
    /// A datagram to the server and back.
    pub ping: Summary,
    /// From the intended time of an edit to its being in another member's replica.
    pub edit: Summary,
    /// From the intended time of an edit to its author's knowing that it is on disk.
    pub saved: Summary,
    /// One append and sync on the disk that holds the server's data, when this program started it: what `saved` is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_sync: Option<Summary>,
    /// The server, when this program started it or was told its processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// How all came back, in a run whose server was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconnect: Option<Reconnect>,
    /// This program.
    pub generator: Generator,
    /// What drew the schedule and the edits.
    pub seed: u64,
    /// Where it ran.
    pub machine: Machine,
    /// What was measured with what.
    pub versions: Versions,
    /// The command that repeats it.
    pub command: String,
    /// What each second was like.
    pub series: Timeline,
}

/// What was asked besides numbers of users and edits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The load's name.
    pub scenario: Option<String>,
    /// How the edits were spread.
    pub arrival: String,
    /// How many users of each room had a whole replica.
    pub replicas_per_room: u32,
    /// How many users of each room edited; all without.
    pub writers_per_room: Option<u32>,
    /// What the server was started with besides its own settings.
    pub server_settings: String,
}

impl Asked {
    /// Of a run.
    pub fn of(options: &Options) -> Self {
        let load = &options.load;
        Self {
            scenario: options.scenario.clone(),
            arrival: format!("{:?}", load.arrival).to_lowercase(),
            replicas_per_room: load.verify,
            writers_per_room: load.writers,
            server_settings: load.settings().shown(),
        }
    }
}

/// What the server used.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Server {
    /// Processor time while the users edited, in seconds.
    pub cpu_s: f64,
    /// Memory before the first user came, in bytes; unknown in older results.
    #[serde(default)]
    pub idle_rss_bytes: Option<u64>,
    /// Memory at the end of the editing, in bytes.
    pub rss_bytes: u64,
    /// The most memory during the whole run, in bytes.
    pub peak_rss_bytes: u64,
    /// Processor time of its whole life, in seconds; joining is the greater part of it.
    pub total_cpu_s: f64,
}

/// How the load generator itself did.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Generator {
    /// Processor time while the users edited, in seconds.
    pub cpu_s: f64,
    /// How late it made the edits.
    pub lag: Summary,
    /// Whether its own lag is too great a part of the figures.
    pub bound: bool,
}

/// Versions of both sides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Versions {
    /// This program's.
    pub bench: String,
    /// The server's, when it is of this project.
    pub server: String,
    /// Of the protocol; 0 when it is not this project's.
    pub protocol: u32,
    /// Whether this program was built with optimisation; figures of a build without it mean little.
    pub optimised: bool,
}

/// The command that this program was started by, as a shell takes it.
pub fn command() -> String {
    let arguments = std::env::args().skip(1).map(|argument| quoted(&argument));
    std::iter::once("collab-bench".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

impl Versions {
    /// This program's, and what the server says of itself.
    pub fn new(server: Option<&ServerInfo>) -> Self {
        Self {
            bench: env!("CARGO_PKG_VERSION").to_owned(),
            server: server.map_or("unknown", |server| &server.version).to_owned(),
            protocol: server.map_or(0, |server| server.protocol),
            optimised: !cfg!(debug_assertions),
        }
    }
}

impl Generator {
    /// Whether the lag is above a limit and too great a part of what was measured: of edits, or of pings where nobody edits.
    pub fn judged(cpu_s: f64, latencies: &Latencies, limit: Duration) -> Self {
        let [lag, edit, ping] = [Kind::Lag, Kind::Edit, Kind::Ping].map(|kind| latencies.of(kind).summary());
        let measured = if edit.count > 0 { edit } else { ping };
        let is_much = lag.p99_us as f64 > LAG_SHARE * measured.p99_us as f64;
        Self { cpu_s, lag, bound: is_much && u128::from(lag.p99_us) > limit.as_micros() }
    }
}

impl Report {
    /// Everything that was timed, as people call it.
    pub fn timed(&self) -> impl Iterator<Item = (&'static str, &Summary)> {
        let users =
            [("join", &self.join), ("ping", &self.ping), ("edit, to each member", &self.edit), ("saved", &self.saved)];
        let disk = self.disk_sync.iter().map(|sync| ("disk, one sync", sync));
        let lag = ("generator lag", &self.generator.lag);
        let back = self.reconnect.iter();
        let back = back.flat_map(|back| [("noticed, after the kill", &back.noticed), ("live again", &back.live)]);
        users.into_iter().chain(disk).chain([lag]).chain(back)
    }

    /// Why the figures say less than they seem to, as sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.generator.bound {
            let why = "generator-bound: this program was late itself, so the latencies are its own in part";
            warnings.push(why.to_owned());
        }
        if !self.versions.optimised {
            warnings.push("built without optimisation: these figures say little".to_owned());
        }
        warnings
    }

    /// Whatever of a run must be true and is not, as sentences.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut must = |holds: bool, sentence: String| {
            if !holds {
                failures.push(sentence);
            }
        };
        must(
            self.joined == self.clients,
            format!("{} of {} clients did not join", self.clients - self.joined, self.clients),
        );
        must(self.lost == 0, format!("{} deliveries were lost", self.lost));
        must(self.duplicated == 0, format!("{} deliveries came twice", self.duplicated));
        let unsaved = self.unsaved.unwrap_or(0);
        must(unsaved == 0, format!("{unsaved} edits were not saved"));
        if let Some(reconnect) = &self.reconnect {
            let missing = self.joined.saturating_sub(reconnect.back);
            must(missing == 0, format!("{missing} of {} clients did not come back", self.joined));
        }
        must(self.converged, "the replicas differ".to_owned());
        let is_reached = |steps: &Vec<Step>| steps.iter().any(|step| step.is_good);
        must(self.saturation.as_ref().is_none_or(is_reached), "not even the first step was good".to_owned());
        for (error, count) in &self.errors {
            must(false, format!("error {error}, {count} times"));
        }
        failures
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::stats::{Latency, Precision};

    /// A run of two in which all went well.
    pub fn good() -> Report {
        let mut latency = Latency::new(Precision::Finest).unwrap();
        latency.record(Duration::from_millis(3));
        let summary = latency.summary();
        Report {
            clients: 2,
            rooms: 1,
            joined: 2,
            joining_s: 0.5,
            transport: Transport::Webtransport,
            duration_s: 1.0,
            rate: 30.0,
            asked: Asked { arrival: "fixed".to_owned(), replicas_per_room: 1, ..Asked::default() },
            asides: Asides::default(),
            saturation: None,
            sent: 1,
            delivered: 1,
            lost: 0,
            duplicated: 0,
            unsaved: Some(0),
            pings_lost: 0,
            converged: true,
            errors: BTreeMap::new(),
            join: summary,
            ping: summary,
            edit: summary,
            saved: summary,
            disk_sync: Some(summary),
            server: Some(Server {
                cpu_s: 0.5,
                idle_rss_bytes: Some(8_000_000),
                rss_bytes: 9_000_000,
                peak_rss_bytes: 9_500_000,
                total_cpu_s: 1.0,
            }),
            reconnect: None,
            generator: Generator { cpu_s: 0.2, lag: summary, bound: false },
            seed: 1,
            machine: Machine::observe(),
            versions: Versions { bench: "1".to_owned(), server: "1".to_owned(), protocol: 1, optimised: true },
            command: "collab-bench --clients 2".to_owned(),
            series: Timeline::default(),
        }
    }

    #[test]
    fn a_generator_is_bound_when_its_lag_is_long_and_a_great_part_of_what_was_measured() {
        let judged = |lag_ms, edit_ms: Option<u64>, ping_ms, limit_ms| {
            let mut latencies = Latencies::new(Precision::Finest).unwrap();
            let mut record = |kind, ms| latencies.record(kind, Duration::from_millis(ms));
            record(Kind::Lag, lag_ms);
            record(Kind::Ping, ping_ms);
            edit_ms.into_iter().for_each(|ms| record(Kind::Edit, ms));
            Generator::judged(1.0, &latencies, Duration::from_millis(limit_ms)).bound
        };
        assert!(judged(20, Some(79), 1, 10), "more than a quarter, and above the limit");
        assert!(!judged(20, Some(81), 1, 10), "less than a quarter: the server was slow");
        assert!(!judged(20, Some(20), 1, 21), "below the limit");
        assert!(judged(20, None, 20, 10) && !judged(20, None, 81, 10), "without edits pings are measured");
    }

    #[test]
    fn the_json_has_the_promised_keys() {
        let json = serde_json::to_value(good()).unwrap();
        for key in ["clients", "rooms", "joined", "duration_s", "sent", "delivered", "lost", "duplicated"] {
            assert!(json[key].is_number(), "{key}");
        }
        assert_eq!(json["transport"], "webtransport");
        assert!(json["converged"].is_boolean() && json["errors"].is_object());
        for series in ["join", "ping", "edit", "saved"] {
            for key in ["count", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"] {
                assert!(json[series][key].is_u64(), "{series}.{key}");
            }
        }
        assert!(json["server"]["cpu_s"].is_f64() && json["server"]["rss_bytes"].is_u64());
        assert!(json["seed"].is_u64() && json["machine"]["cores"].is_u64() && json["versions"]["server"].is_string());
    }

    #[test]
    fn a_command_can_be_given_to_a_shell() {
        assert_eq!(quoted("--clients=3"), "--clients=3");
        assert_eq!(quoted("edit_p99<5ms"), "'edit_p99<5ms'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn only_a_good_run_is_without_failures() {
        assert_eq!(good().failures(), Vec::<String>::new());
        let back = |back| Reconnect {
            down_s: 1.0,
            back,
            noticed: Summary::default(),
            live: Summary::default(),
            back_per_100_ms: vec![2],
            server_cpu_s: 0.5,
        };
        assert!(Report { reconnect: Some(back(2)), ..good() }.failures().is_empty());
        assert_eq!(Report { reconnect: Some(back(1)), ..good() }.failures(), ["1 of 2 clients did not come back"]);
        let spoilt: [fn(&mut Report); 6] = [
            |report| report.joined = 1,
            |report| report.lost = 1,
            |report| report.duplicated = 1,
            |report| report.unsaved = Some(1),
            |report| report.converged = false,
            |report| report.errors.extend([("4500 Internal".to_owned(), 1)]),
        ];
        for spoil in spoilt {
            let mut report = good();
            spoil(&mut report);
            assert_eq!(report.failures().len(), 1);
        }
    }
}
