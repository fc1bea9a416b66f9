//! The same load over WebTransport and over WebSocket, on a wire that loses packets: what each transport makes of a loss.
//!
//! Server and clients each have a network of their own ([`network`]). There is no delay on the wire besides the machine's own.

mod network;

pub mod stalled;

use std::fmt::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::generator;
use crate::options::Transport;
use crate::options::parse::{parse_duration, parse_rate};
use crate::peers::{Kitchen, Peer, Stand};
use crate::report::{Report, files};
use crate::stats::Summary;
use network::{Networks, Packets};
use stalled::Stalled;

/// What the user asked of a wire that loses packets.
#[derive(Debug, Clone, Args)]
pub struct LossyOptions {
    /// How many packets are lost in each direction, such as 1% or 0.5%.
    #[arg(long, default_value = "1%", value_name = "SHARE")]
    pub loss: Loss,

    /// How many users, in rooms of ten.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub clients: u32,

    /// How long they edit, over each transport.
    #[arg(long, default_value = "20s", value_parser = parse_duration, value_name = "TIME")]
    pub duration: Duration,

    /// Edits per minute of each user.
    #[arg(long, default_value_t = 30.0, value_parser = parse_rate)]
    pub rate: f64,

    /// Draws the schedule and the edits: the same for both. What is lost is not drawn from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// The server to start [default: collab-server beside this program].
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,

    /// Writes both results as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// How many of a thousand packets are lost in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Loss(u16);

/// How long each half of the run with a room that is never read is at most: after 30 s the server would end that membership.
const STALLED: Duration = Duration::from_secs(5);

/// What the two transports made of it.
#[derive(Debug, Serialize)]
pub struct Comparison {
    loss_permille: u16,
    webtransport: Leg,
    websocket: Leg,
    stalled: Stalled,
}

/// One transport's run.
#[derive(Debug, Serialize)]
struct Leg {
    report: Report,
    /// What came to the server.
    to_server: Packets,
    /// What came to the clients.
    to_clients: Packets,
}

/// Runs both, shows and writes the comparison, and fails when an edit was lost for good.
pub async fn run(options: &LossyOptions) -> anyhow::Result<ExitCode> {
    let webtransport = leg(options, Transport::Webtransport).await?;
    let websocket = leg(options, Transport::Websocket).await?;
    let stalled = stalled(options).await?;
    let comparison = Comparison { loss_permille: options.loss.permille(), webtransport, websocket, stalled };
    print!("{}", comparison.table());
    if let Some(path) = &options.json {
        files::write_json(&comparison, path)?;
    }
    let mut code = ExitCode::SUCCESS;
    for (name, Leg { report, .. }) in comparison.legs() {
        for failure in report.failures() {
            eprintln!("failed: {name}: {failure}");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// Fresh networks, a fresh server, and one load.
async fn leg(options: &LossyOptions, transport: Transport) -> anyhow::Result<Leg> {
    eprintln!("{transport}, {} of the packets lost in each direction", options.loss);
    let networks = Networks::make(options.loss)?;
    let tell = |stand: &Stand| Ok([options.load(transport), stand.arguments()?].concat());
    let report = in_networks(&networks, options, tell, options.duration).await;
    let report = report.with_context(|| format!("the run over {transport} failed"))?;
    Ok(Leg { report, to_server: networks.server.packets()?, to_clients: networks.client.packets()? })
}

/// The same for two rooms over one connection.
async fn stalled(options: &LossyOptions) -> anyhow::Result<Stalled> {
    eprintln!("WebTransport, two rooms over one connection, one of them never read");
    let networks = Networks::make(options.loss)?;
    let half = options.duration.min(STALLED);
    let tell = |stand: &Stand| Ok([vec!["stalled".to_owned()], stand.address()].concat());
    let measured = in_networks(&networks, options, tell, half).await;
    measured.context("the run with a room that is never read failed")
}

async fn in_networks<R: DeserializeOwned>(
    networks: &Networks,
    options: &LossyOptions,
    tell: impl Fn(&Stand) -> anyhow::Result<Vec<String>>,
    duration: Duration,
) -> anyhow::Result<R> {
    let place = |command: Command| networks.server.within(&command);
    let kitchen = Kitchen::new(options.server.as_deref())?;
    let stand = Stand::elsewhere(Peer::Collab, &kitchen, network::SERVER, place).await?;
    generator::run(&tell(&stand)?, duration, |command| networks.client.within(&command)).await
}

impl LossyOptions {
    /// One of the two loads, without its server and its duration.
    fn load(&self, transport: Transport) -> Vec<String> {
        let [clients, rate, seed] = [self.clients.to_string(), self.rate.to_string(), self.seed.to_string()];
        let load = ["--clients", &clients, "--rate", &rate, "--seed", &seed, "--join", "token"];
        let how = ["--transport", transport.argument(), "--quiet"];
        load.into_iter().chain(how).map(str::to_owned).collect()
    }
}

impl Loss {
    /// Of a thousand packets.
    pub fn permille(self) -> u16 {
        self.0
    }
}

impl FromStr for Loss {
    type Err = String;

    /// Reads `1%` or `0.5%`, up to 50 %.
    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match percent.map(|percent| (percent * 10.0).round()) {
            Some(permille @ 1.0..=500.0) => Ok(Self(permille as u16)),
            _ => Err(format!("{text:?} is not a share from 0.1% to 50%")),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 10.0)
    }
}

/// A latency of a run, in microseconds.
type Of = fn(&Report) -> u64;

/// What is set side by side.
const ROWS: [(&str, Of); 6] = [
    ("edit, to each member, p50", |report| report.edit.p50_us),
    ("edit, to each member, p99", |report| report.edit.p99_us),
    ("saved, p99", |report| report.saved.p99_us),
    ("ping p50: datagram | stream", |report| report.ping.p50_us),
    ("ping p99: datagram | stream", |report| report.ping.p99_us),
    ("ping p99.9: datagram | stream", |report| report.ping.p999_us),
];

impl Comparison {
    fn legs(&self) -> [(Transport, &Leg); 2] {
        [(Transport::Webtransport, &self.webtransport), (Transport::Websocket, &self.websocket)]
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!("\n{:<34}{:>14}{:>14}{:>10}\n", "", "WebTransport", "WebSocket", "ratio");
        for (name, of) in ROWS {
            let [ours, theirs] = self.legs().map(|(_, leg)| of(&leg.report) as f64 / 1e3);
            let _ = writeln!(text, "{name:<34}{ours:>11.2} ms{theirs:>11.2} ms{:>10.2}", ours / theirs);
        }
        let ms = |us: u64| us as f64 / 1e3;
        let Stalled { before, beside, unread_bytes } = &self.stalled;
        let _ = writeln!(
            text,
            "\nTwo rooms over one WebTransport connection: an edit in one took p50 {:.2} ms, p99 {:.2} ms; while the other was\n\
             written into and never read ({:.1} MB): p50 {:.2} ms, p99 {:.2} ms\n",
            ms(before.p50_us),
            ms(before.p99_us),
            *unread_bytes as f64 / 1e6,
            ms(beside.p50_us),
            ms(beside.p99_us),
        );
        for (transport, leg) in self.legs() {
            let _ = writeln!(text, "{}", leg.outcome(transport));
        }
        text
    }
}

impl Leg {
    fn outcome(&self, transport: Transport) -> String {
        let Report { clients, rooms, sent, delivered, lost, pings_lost, ping: Summary { count: pings, .. }, .. } =
            self.report;
        let lost_on_the_way = self.to_server.dropped + self.to_clients.dropped;
        let packets = self.to_server.arrived + self.to_clients.arrived;
        format!(
            "{transport}: {clients} clients in {rooms} rooms, sent {sent}, delivered {delivered}, lost {lost}; {pings} pings \
             answered, {pings_lost} not; {lost_on_the_way} of {packets} packets dropped, {} larger than a wire takes",
            self.to_server.oversized + self.to_clients.oversized,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_a_share_of_the_packets() {
        for (text, permille) in [("1%", 10), ("5 %", 50), ("0.1%", 1), ("50%", 500)] {
            assert_eq!(text.parse(), Ok(Loss(permille)), "{text}");
        }
        for bad in ["", "1", "%", "0%", "0.04%", "51%", "-1%", "NaN%"] {
            assert!(bad.parse::<Loss>().is_err(), "{bad}");
        }
        assert_eq!(Loss(5).to_string(), "0.5 %");
    }
}
