//! The results, what must be true of them, and how programs get them: as JSON and percentile files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use collab_proto::api::ServerInfo;
use serde::Serialize;

use crate::comeback::Reconnect;
use crate::machine::Machine;
use crate::options::Transport;
use crate::stats::{Latencies, Summary};

/// Above this the generator itself was too slow, and part of what was measured is its own lag. In microseconds, at p99.
const GENERATOR_BOUND_US: u64 = 10_000;

/// The results of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Users asked for.
    pub clients: usize,
    /// Rooms they were spread over.
    pub rooms: usize,
    /// Users that got in.
    pub joined: usize,
    /// What carried their sessions.
    pub transport: Transport,
    /// How long they edited, in seconds.
    pub duration_s: f64,
    /// Edits per minute of each user.
    pub rate: f64,
    /// Edits made.
    pub sent: u64,
    /// Deliveries of an edit to another member of its room, each counted once.
    pub delivered: u64,
    /// Deliveries that were due and did not happen.
    pub lost: u64,
    /// Deliveries that happened more than once, or of what nobody wrote.
    pub duplicated: u64,
    /// Edits whose author never heard that they are saved.
    pub unsaved: u64,
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
    /// The server, when this program started it.
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
}

/// What the server used.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Server {
    /// Processor time while the users edited, in seconds.
    pub cpu_s: f64,
    /// Memory at the end of the editing, in bytes.
    pub rss_bytes: u64,
    /// The most memory during the whole run, in bytes.
    pub peak_rss_bytes: u64,
    /// Processor time of its whole life, in seconds; joining is the greater part of it.
    pub total_cpu_s: f64,
}

/// How the load generator itself did.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Generator {
    /// Processor time while the users edited, in seconds.
    pub cpu_s: f64,
    /// How late it made the edits.
    pub lag: Summary,
    /// Whether its own lag is too great a part of the figures.
    pub bound: bool,
}

/// Versions of both sides.
#[derive(Debug, Clone, Serialize)]
pub struct Versions {
    /// This program's.
    pub bench: String,
    /// The server's.
    pub server: String,
    /// Of the protocol.
    pub protocol: u32,
    /// Whether this program was built with optimisation; figures of a build without it mean little.
    pub optimised: bool,
}

impl Versions {
    /// This program's, and what the server says of itself.
    pub fn new(server: &ServerInfo) -> Self {
        Self {
            bench: env!("CARGO_PKG_VERSION").to_owned(),
            server: server.version.clone(),
            protocol: server.protocol,
            optimised: !cfg!(debug_assertions),
        }
    }
}

impl Generator {
    /// Judges the lag.
    pub fn new(cpu_s: f64, lag: Summary) -> Self {
        Self { cpu_s, lag, bound: lag.p99_us > GENERATOR_BOUND_US }
    }
}

impl Report {
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
        must(self.unsaved == 0, format!("{} edits were not saved", self.unsaved));
        if let Some(reconnect) = &self.reconnect {
            let missing = self.joined.saturating_sub(reconnect.back);
            must(missing == 0, format!("{missing} of {} clients did not come back", self.joined));
        }
        must(self.converged, "the replicas differ".to_owned());
        for (error, count) in &self.errors {
            must(false, format!("error {error}, {count} times"));
        }
        failures
    }

    /// A figure by the name that assertions use: in microseconds, bytes or none.
    pub fn figure(&self, name: &str) -> Option<f64> {
        if let Some((series, percentile)) = name.split_once('_')
            && let Some(summary) = self.summary(series)
        {
            return summary.figure(percentile).map(|value| value as f64);
        }
        let count = match name {
            "joined" => self.joined as u64,
            "sent" => self.sent,
            "delivered" => self.delivered,
            "lost" => self.lost,
            "duplicated" => self.duplicated,
            "unsaved" => self.unsaved,
            "pings_lost" => self.pings_lost,
            "errors" => self.errors.values().sum(),
            "rss" => self.server?.rss_bytes,
            "peak_rss" => self.server?.peak_rss_bytes,
            "cpu" => return Some(self.server?.cpu_s * 1e6),
            _ => return None,
        };
        Some(count as f64)
    }

    fn summary(&self, series: &str) -> Option<&Summary> {
        Some(match series {
            "join" => &self.join,
            "ping" => &self.ping,
            "edit" => &self.edit,
            "saved" => &self.saved,
            "lag" => &self.generator.lag,
            "noticed" => &self.reconnect.as_ref()?.noticed,
            "live" => &self.reconnect.as_ref()?.live,
            _ => return None,
        })
    }
}

/// Writes the results as JSON, making the folder when it is not there. `-` is standard output.
pub fn write_json(report: &Report, path: &Path) -> anyhow::Result<()> {
    let mut json = serde_json::to_string_pretty(report)?;
    json.push('\n');
    if path == Path::new("-") {
        return std::io::stdout().write_all(json.as_bytes()).context("cannot write the results to standard output");
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::write(path, json).with_context(|| format!("cannot write the results to {}", path.display()))
}

/// Writes one percentile file for each latency, making the folder when it is not there.
pub fn write_hgrm(latencies: &Latencies, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (name, latency) in latencies.named() {
        let path = folder.join(format!("{name}.hgrm"));
        let mut text = Vec::new();
        latency.write_hgrm(&mut text)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use super::*;

    /// A run of two in which all went well.
    pub fn good() -> Report {
        let mut latencies = Latencies::new().unwrap();
        latencies.edit.record(Duration::from_millis(3));
        let summary = latencies.edit.summary();
        Report {
            clients: 2,
            rooms: 1,
            joined: 2,
            transport: Transport::Webtransport,
            duration_s: 1.0,
            rate: 30.0,
            sent: 1,
            delivered: 1,
            lost: 0,
            duplicated: 0,
            unsaved: 0,
            pings_lost: 0,
            converged: true,
            errors: BTreeMap::new(),
            join: summary,
            ping: summary,
            edit: summary,
            saved: summary,
            server: Some(Server { cpu_s: 0.5, rss_bytes: 9_000_000, peak_rss_bytes: 9_500_000, total_cpu_s: 1.0 }),
            reconnect: None,
            generator: Generator::new(0.2, summary),
            seed: 1,
            machine: Machine::observe(),
            versions: Versions { bench: "1".to_owned(), server: "1".to_owned(), protocol: 1, optimised: true },
        }
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
            |report| report.unsaved = 1,
            |report| report.converged = false,
            |report| report.errors.extend([("4500 Internal".to_owned(), 1)]),
        ];
        for spoil in spoilt {
            let mut report = good();
            spoil(&mut report);
            assert_eq!(report.failures().len(), 1);
        }
    }

    #[test]
    fn assertions_find_their_figures() {
        let report = good();
        for (condition, holds) in [
            ("edit_p99<20ms", true),
            ("edit_p99<1ms", false),
            ("lost=0", true),
            ("rss<=9MB", true),
            ("cpu<400ms", false),
            ("lag_max<1s", true),
            ("edit_p98<1s", false),
            ("nonsense=0", false),
        ] {
            let assertion: crate::assertion::Assertion = condition.parse().unwrap();
            assert_eq!(assertion.check(|name| report.figure(name)).is_ok(), holds, "{condition}");
        }
    }

    #[test]
    fn results_are_written_into_new_folders_and_a_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/results.json");
        write_json(&good(), &path).unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap()).is_ok());
        write_hgrm(&Latencies::new().unwrap(), &folder.path().join("c")).unwrap();
        assert!(folder.path().join("c/edit.hgrm").is_file());
        assert!(write_json(&good(), &path.join("below-a-file.json")).is_err());
        assert!(write_hgrm(&Latencies::new().unwrap(), &path).is_err());
    }
}
