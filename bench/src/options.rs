//! What the user asked for.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use collab_client::driver::Choice;
use collab_client::trust::Fingerprint;
use serde::{Deserialize, Serialize};

use crate::compare::CompareOptions;
use crate::floor::FloorOptions;
use crate::load::profile::{Profile, Stage};
use crate::load::schedule::Arrival;
use crate::lossy::LossyOptions;
use crate::outputs::Outputs;
use crate::peers::PeersOptions;
use crate::wire::yjs::Style;

/// The schedule is drawn before the run and takes 16 bytes an edit.
const MAX_EDITS: f64 = 20e6;

/// Opens many sessions, edits in all of them as people would, and measures what each member sees.
///
/// Without --url it starts a server of its own on loopback, with a temporary data directory. It exits with 1 when an edit was
/// lost or doubled, a replica differs, a client failed or an assertion does not hold.
#[derive(Debug, Clone, Parser)]
#[command(version, max_term_width = 120, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// Another kind of run.
    #[command(subcommand)]
    pub kind: Option<Kind>,

    /// The load.
    #[command(flatten)]
    pub options: Options,
}

/// Something else than a load.
#[derive(Debug, Clone, Subcommand)]
pub enum Kind {
    /// Kills the server while everybody edits, starts it again, and measures how fast all are back, with nothing lost.
    Reconnect(Box<ReconnectOptions>),
    /// Measures what is possible on this machine without a server: UDP and QUIC round trips on loopback, and the disk's sync.
    Floor(FloorOptions),
    /// Compares two results that --json wrote: ratios, how sure they are, and what makes them doubtful.
    Compare(CompareOptions),
    /// Compares WebTransport with WebSocket on a wire that loses packets, between two network namespaces. Needs root.
    Lossy(LossyOptions),
    /// Compares this server with y-websocket, Hocuspocus and Y-Sweet behind TLS, under the same loads: `make bench-peers`.
    Peers(PeersOptions),
}

/// What the user asked of a reconnect run.
#[derive(Debug, Clone, Args)]
pub struct ReconnectOptions {
    /// The load.
    #[command(flatten)]
    pub options: Options,

    /// How long after the beginning of the editing the server is killed.
    #[arg(long, default_value = "5s", value_parser = parse_duration, value_name = "TIME")]
    pub kill_after: Duration,

    /// How long it stays away.
    #[arg(long, default_value = "1s", value_parser = parse_duration, value_name = "TIME")]
    pub down: Duration,
}

/// What users come in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JoinBy {
    /// The room's password: the server hashes it for each.
    Password,
    /// The room's owner token: quick. All of a room are one user then, so the server that is started has no edit limits; one at
    /// --url should have none.
    Token,
}

/// What carries the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// QUIC over UDP.
    Webtransport,
    /// TCP; in clear where the address of the API is.
    Websocket,
    /// TCP, and the protocol of Yjs providers: y-protocols, which knows no acknowledgement.
    YjsWs,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Webtransport => "WebTransport",
            Self::Websocket => "WebSocket",
            Self::YjsWs => "Yjs WebSocket",
        })
    }
}

impl Transport {
    /// As the command line calls it.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Webtransport => "webtransport",
            Self::Websocket => "websocket",
            Self::YjsWs => "yjs-ws",
        }
    }
}

impl From<Transport> for Choice {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Webtransport => Self::WebTransport,
            Transport::Websocket | Transport::YjsWs => Self::WebSocket,
        }
    }
}

/// What the user asked of the load.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many users, each with a session of its own.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clients: u32,

    /// How many rooms they are spread over [default: one for ten clients].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rooms: Option<u32>,

    /// How long they edit, once all have joined.
    #[arg(long, default_value = "30s", value_parser = parse_duration, value_name = "TIME")]
    pub duration: Duration,

    /// How long the rate rises evenly from nothing, within the duration.
    #[arg(long, default_value = "0", value_parser = parse_ramp, value_name = "TIME")]
    pub ramp: Duration,

    /// Edits per minute of each user; above the server's budget edits wait in the client and are merged.
    #[arg(long, default_value_t = 30.0, value_parser = parse_rate)]
    pub rate: f64,

    /// How the edits of a user are spread: at one distance, or by chance.
    #[arg(long, value_enum, default_value = "fixed", value_name = "HOW")]
    pub arrival: Arrival,

    /// How many users of each room have a whole replica of its text, as people have; the others only count what they hear.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "USERS")]
    pub verify: u32,

    /// How often each user pings.
    #[arg(long, default_value = "1s", value_parser = parse_duration, value_name = "TIME")]
    pub ping_interval: Duration,

    /// How often each user without a replica moves its cursor [default: never].
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    pub cursor_interval: Option<Duration>,

    /// What carries the sessions.
    #[arg(long, value_enum, default_value = "webtransport")]
    pub transport: Transport,

    /// Draws the schedule and the edits: the same seed gives the same load.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Address of the pages and the API of a running server, such as http://localhost:3001. Its rooms are deleted at the end.
    /// For any other Yjs server, with --transport yjs-ws: the address of its sockets, such as wss://host/{room}.
    #[arg(long)]
    pub url: Option<String>,

    /// How another Yjs server wants messages.
    #[arg(long, value_enum, default_value = "bare", requires = "url", value_name = "HOW")]
    pub yjs_framing: Style,

    /// SHA-256 of the certificate or public key of the server at an https --url, in hex.
    #[arg(long, requires = "url", value_name = "HEX")]
    pub cert_hash: Vec<Fingerprint>,

    /// The process group of the server at --url, and of what stands before it: what they use is measured.
    #[arg(long, requires = "url", value_name = "ID")]
    pub server_group: Option<u32>,

    /// The server to start [default: collab-server beside this program].
    #[arg(long, conflicts_with = "url", value_name = "PATH")]
    pub server: Option<PathBuf>,

    /// How many join at once: the server hashes a password for each.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub join_concurrency: u16,

    /// What users come in with [default: password, and token for reconnect and yjs-ws].
    #[arg(long, value_name = "HOW")]
    pub join: Option<JoinBy>,

    /// How long after the last edit everything may take to be saved and to arrive.
    #[arg(long, default_value = "10s", value_parser = parse_duration, value_name = "TIME")]
    pub drain: Duration,

    /// What becomes of the results.
    #[command(flatten)]
    pub outputs: Outputs,
}

impl CommandLine {
    /// The load of the run, whichever kind it is.
    pub fn options(&self) -> &Options {
        match &self.kind {
            Some(Kind::Reconnect(reconnect)) => &reconnect.options,
            _ => &self.options,
        }
    }

    /// The fault of the run, if there is one.
    pub fn reconnect(&self) -> Option<&ReconnectOptions> {
        match &self.kind {
            Some(Kind::Reconnect(reconnect)) => Some(reconnect),
            _ => None,
        }
    }

    /// Reads the command line; what does not go together ends the program with a usage error.
    pub fn read() -> Self {
        Self::parse().checked().unwrap_or_else(|error| error.exit())
    }

    fn checked(mut self) -> Result<Self, clap::Error> {
        let conflict = |message| Err(Self::command().error(ErrorKind::ArgumentConflict, message));
        if let Some(Kind::Reconnect(reconnect)) = &mut self.kind {
            reconnect.options.join.get_or_insert(JoinBy::Token);
            if reconnect.options.url.is_some() {
                return conflict("reconnect kills the server, so it starts one of its own: leave out --url");
            }
        }
        let edits = self.options().profile().total() * f64::from(self.options().clients);
        if edits > MAX_EDITS {
            return conflict(
                "that is more than 20 million edits in one run: ask for fewer clients, a lower rate or less time",
            );
        }
        if self.options().transport == Transport::YjsWs && self.options().join == Some(JoinBy::Password) {
            return conflict("a Yjs provider has no password: leave out --join");
        }
        if self.options().is_foreign() && self.options().transport != Transport::YjsWs {
            return conflict("an address of sockets is one of a Yjs server: give --transport yjs-ws");
        }
        Ok(self)
    }
}

impl Options {
    /// What users come in with.
    pub fn join_by(&self) -> JoinBy {
        let usual = if self.transport == Transport::YjsWs { JoinBy::Token } else { JoinBy::Password };
        self.join.unwrap_or(usual)
    }

    /// Whether the server at the URL is not of this project.
    pub fn is_foreign(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.starts_with("ws:") || url.starts_with("wss:"))
    }

    /// How many rooms, never more than clients.
    pub fn rooms(&self) -> usize {
        self.rooms.unwrap_or(self.clients.div_ceil(10)).clamp(1, self.clients) as usize
    }

    /// What is done, in a line.
    pub fn title(&self) -> String {
        format!("{} users in {} rooms over {}", self.clients, self.rooms(), self.transport)
    }

    /// How many users.
    pub fn clients(&self) -> usize {
        self.clients as usize
    }

    /// How many users of each room have a whole replica. The client that people use does not speak as Yjs providers do.
    pub fn verify(&self) -> usize {
        if self.transport == Transport::YjsWs { 0 } else { self.verify as usize }
    }

    /// How much is asked of each user over time.
    pub fn profile(&self) -> Profile {
        let rate = self.rate / 60.0;
        let rise = Stage { duration: self.ramp.min(self.duration), from: 0.0, to: rate };
        let rest = Stage { duration: self.duration - rise.duration, from: rate, to: rate };
        Profile::new([rise, rest].into_iter().filter(|stage| !stage.duration.is_zero()).collect())
    }
}

/// Reads `500ms`, `30s`, `2m` or `1h`. A number alone is in seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds_per_unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        unit => return Err(format!("{unit:?} is not a unit of time; there are ms, s, m, h")),
    };
    let amount: f64 = digits.parse().map_err(|_| format!("{text:?} is not a time, such as 30s"))?;
    let seconds = amount * seconds_per_unit;
    if !(0.001..=86_400.0).contains(&seconds) {
        return Err("a time is at least 1ms and at most 24h".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn parse_ramp(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { parse_duration(text) }
}

/// Reads a number of edits per minute.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=60_000.0).contains(&rate) => Ok(rate),
        _ => Err("a rate is a number of edits per minute from 0.01 to 60000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        for bad in ["", "s", "3 weeks", "-1s", "0s", "NaN", "infs", "25h", "3µs"] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_defaults_are_a_thousand_people_in_a_hundred_rooms() {
        let options = CommandLine::parse_from(["collab-bench"]).options;
        assert_eq!((options.clients(), options.rooms(), options.rate), (1000, 100, 30.0));
        assert_eq!((options.arrival, options.verify()), (Arrival::Fixed, 1));
        let few = CommandLine::parse_from(["collab-bench", "--clients", "3", "--rooms", "50"]);
        assert_eq!((few.options().rooms(), few.options().join_by()), (3, JoinBy::Password));
    }

    #[test]
    fn a_ramp_is_part_of_the_duration() {
        let profile = |arguments: &[&str]| {
            let all = ["collab-bench"].iter().chain(arguments);
            CommandLine::try_parse_from(all).unwrap().options.profile()
        };
        let even = profile(&["--rate", "60", "--duration", "10s"]);
        assert_eq!((even.total(), even.duration()), (10.0, Duration::from_secs(10)));
        let rising = profile(&["--rate", "60", "--duration", "10s", "--ramp", "4s"]);
        assert_eq!((rising.total(), rising.duration()), (8.0, Duration::from_secs(10)));
        let all = profile(&["--rate", "60", "--duration", "10s", "--ramp", "1h"]);
        assert_eq!((all.total(), all.duration()), (5.0, Duration::from_secs(10)));
    }

    #[test]
    fn more_edits_than_fit_into_memory_are_refused() {
        let read = |clients: &str| {
            let all = ["collab-bench", "--rate", "60", "--duration", "1000s", "--clients", clients];
            CommandLine::try_parse_from(all).and_then(CommandLine::checked).is_ok()
        };
        assert!(read("20000") && !read("20001"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [["--clients", "0"], ["--rate", "0"], ["--assert", "edit_p99"], ["--cert-hash", "00"]] {
            assert!(CommandLine::try_parse_from(["collab-bench", bad[0], bad[1]]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reconnect_takes_the_same_options_and_a_server_of_its_own() {
        let read = |arguments: &[&str]| {
            let all = ["collab-bench", "reconnect"].iter().chain(arguments);
            CommandLine::try_parse_from(all).and_then(CommandLine::checked)
        };
        let line = read(&["--clients", "7", "--down", "2s"]).unwrap();
        assert_eq!((line.options().clients(), line.options().join_by()), (7, JoinBy::Token));
        assert_eq!(line.reconnect().unwrap().down, Duration::from_secs(2));
        assert_eq!(read(&["--join", "password"]).unwrap().options().join_by(), JoinBy::Password);
        assert!(read(&["--url", "http://localhost:3001"]).is_err());
    }
}
