//! What the user asked for.

pub mod load;

pub mod parse;

use std::ffi::OsString;
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
use crate::goals::GoalsOptions;
use crate::lossy::LossyOptions;
use crate::lossy::stalled::StalledOptions;
use crate::outputs::Outputs;
use crate::peers::PeersOptions;
use crate::scenario::Scenario;
use crate::target::{Place, is_foreign};
use crate::wire::yjs::Style;
use crate::workers::Workers;
use crate::workers::worker::WorkerOptions;
use load::Load;

/// The schedule is drawn before the run and takes 16 bytes an edit.
pub const MAX_EDITS: f64 = 20e6;

/// When `reconnect` kills the server, unless it is told.
const KILL_AFTER: Duration = Duration::from_secs(5);

/// Opens many sessions, edits in all of them as people would, and measures what each member sees.
///
/// Without --url it starts a server of its own on loopback, with a temporary data directory. It exits with 1 when an edit was
/// lost or doubled, a replica differs, a client failed or an assertion does not hold, with 2 when it does not understand what is
/// asked, and with 3 when it was too late itself for its figures to be the server's.
#[derive(Debug, Clone, Parser)]
#[command(version, max_term_width = 120, args_conflicts_with_subcommands = true, args_override_self = true)]
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
    Reconnect(Box<Options>),
    /// Measures what is possible on this machine without a server: UDP and QUIC round trips on loopback, and the disk's sync.
    Floor(FloorOptions),
    /// Lists the loads that have a name; with one, shows it as a file to begin from.
    Scenarios(ScenariosOptions),
    /// Compares two results that --json wrote: ratios, how sure they are, and what makes them doubtful.
    Compare(CompareOptions),
    /// Compares WebTransport with WebSocket on a wire that loses packets, between two network namespaces. Needs root.
    Lossy(LossyOptions),
    /// A part of lossy, which starts it: two rooms over one connection.
    #[command(hide = true)]
    Stalled(StalledOptions),
    /// Compares this server with y-websocket, Hocuspocus and Y-Sweet behind TLS, under the same loads: `make bench-peers`.
    Peers(PeersOptions),
    /// Plays the loads for which this server has goals, and prints what it reaches: `make bench`.
    Goals(GoalsOptions),
    /// Waits for a coordinator, which says what to play, and plays it.
    Worker(WorkerOptions),
}

/// What the user wants to know of the scenarios.
#[derive(Debug, Clone, Args)]
pub struct ScenariosOptions {
    /// Shows this one.
    pub name: Option<String>,
}

/// What users come in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
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

/// What the user asked for.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// A load with a name (see `collab-bench scenarios`), or a TOML file with one. Other options count before what it says.
    #[arg(long, value_name = "NAME|FILE")]
    pub scenario: Option<String>,

    /// The load.
    #[command(flatten)]
    pub load: Load,

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

    /// Who plays the users: so many processes on this machine, or `collab-bench worker` at these addresses, as in
    /// host:7000,host:7001 [default: this process].
    #[arg(long, value_name = "COUNT|ADDRESSES")]
    pub workers: Option<Workers>,

    /// A file with the secret that it shares with workers elsewhere [default: the variable COLLAB_BENCH_SECRET].
    #[arg(long, requires = "workers", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,

    /// What becomes of the results.
    #[command(flatten)]
    pub outputs: Outputs,
}

impl CommandLine {
    /// The load of the run, whichever kind it is.
    pub fn options(&self) -> &Options {
        match &self.kind {
            Some(Kind::Reconnect(options)) => options,
            _ => &self.options,
        }
    }

    /// Reads the command line; what does not go together ends the program with a usage error.
    pub fn read() -> Self {
        Self::from_words(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Reads the words of a command line, the first being the program's name. What a scenario says stands before what the
    /// user says, so that the latter counts.
    pub fn from_words(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self, clap::Error> {
        let mut words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let line = Self::try_parse_from(&words)?;
        let Some(name) = line.options().scenario.clone() else { return line.checked() };
        let wrong = |message| Self::command().error(ErrorKind::InvalidValue, message);
        let said = Scenario::find(&name).and_then(|scenario| scenario.arguments()).map_err(wrong)?;
        let begin = if line.kind.is_some() { 2 } else { 1 };
        words.splice(begin..begin, said.into_iter().map(Into::into));
        Self::try_parse_from(words)?.checked()
    }

    fn checked(mut self) -> Result<Self, clap::Error> {
        if let Some(Kind::Reconnect(options)) = &mut self.kind {
            options.load.kill_after.get_or_insert(KILL_AFTER);
        }
        let conflict = |message| Err(Self::command().error(ErrorKind::ArgumentConflict, message));
        let Options { load, url, workers, .. } = self.options();
        if load.kill_after.is_some() && workers.is_some() {
            return conflict("a run that kills the server counts in one process who comes back: leave out --workers");
        }
        if load.early_rooms.is_some() && workers.is_some() {
            return conflict("a run in which some come late counts them in one process: leave out --workers");
        }
        if load.early_rooms.is_some_and(|early| early as usize >= load.rooms()) {
            return conflict("all rooms are early ones, and nobody is left who comes late: raise --rooms or --clients");
        }
        if load.kill_after.is_some() && url.is_some() {
            return conflict("a run that kills the server starts one of its own: leave out --url");
        }
        if load.edits() > MAX_EDITS {
            return conflict(
                "that is more than 20 million edits in one run: ask for fewer clients, a lower rate or less time",
            );
        }
        if load.transport == Transport::YjsWs && load.join == Some(JoinBy::Password) {
            return conflict("a Yjs provider has no password: leave out --join");
        }
        if self.options().is_foreign() && load.transport != Transport::YjsWs {
            return conflict("an address of sockets is one of a Yjs server: give --transport yjs-ws");
        }
        Ok(self)
    }
}

impl Options {
    /// Whether the server at the URL is not of this project.
    pub fn is_foreign(&self) -> bool {
        self.url.as_deref().is_some_and(is_foreign)
    }

    /// Where the server is, which listens at this address.
    pub fn place(&self, url: &str) -> Place {
        let cert_hashes = self.cert_hash.iter().map(ToString::to_string).collect();
        Place { url: url.to_owned(), cert_hashes, yjs_framing: self.yjs_framing }
    }

    /// What is done, in a line.
    pub fn title(&self) -> String {
        let Load { clients, transport, .. } = self.load;
        let title = format!("{clients} users in {} rooms over {transport}", self.load.rooms());
        self.scenario.iter().fold(title, |title, name| format!("{name}: {title}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::schedule::Arrival;

    fn read(words: &[&str]) -> Result<CommandLine, clap::Error> {
        CommandLine::from_words(["collab-bench"].iter().chain(words))
    }

    #[test]
    fn the_defaults_are_a_thousand_people_in_a_hundred_rooms() {
        let line = read(&[]).unwrap();
        let load = &line.options().load;
        assert_eq!((load.clients(), load.rooms(), load.rate, load.edits()), (1000, 100, 30.0, 15_000.0));
        assert_eq!((load.arrival, load.verify, load.settings().shown()), (Arrival::Fixed, 1, String::new()));
        let few = read(&["--clients", "3", "--rooms", "50"]).unwrap();
        assert_eq!((few.options().load.rooms(), few.options().load.join_by()), (3, JoinBy::Password));
    }

    #[test]
    fn users_are_dealt_like_cards_and_have_their_parts_by_their_places() {
        let words = ["--clients", "25", "--rooms", "10", "--writers", "2", "--verify", "1", "--slow-readers", "1"];
        let line = read(&words).unwrap();
        let load = &line.options().load;
        let members: Vec<_> = (0..10).map(|room| load.members_of(room)).collect();
        assert_eq!(members, [3, 3, 3, 3, 3, 2, 2, 2, 2, 2]);
        assert_eq!(load.edits(), 20.0 * 15.0);
        let parts = |of: &dyn Fn(usize) -> bool| (0..3).map(of).collect::<Vec<_>>();
        assert_eq!(parts(&|member| load.is_full(member)), [true, false, false]);
        assert_eq!(parts(&|member| load.is_writer(0, member)), [true, true, false]);
        assert_eq!(parts(&|member| load.is_slow(member, 3)), [false, false, true]);
        assert!(!load.is_slow(0, 1), "whoever has a replica reads");
    }

    #[test]
    fn what_the_user_says_counts_before_what_a_scenario_says() {
        let steady = read(&["--scenario", "steady"]).unwrap();
        assert_eq!(steady.options().load.clients, 1000);
        let few = read(&["--clients", "7", "--scenario", "steady", "--rate", "5"]).unwrap();
        assert_eq!((few.options().load.clients, few.options().load.rate, few.options().load.rooms()), (7, 5.0, 7));
        assert!(few.options().title().starts_with("steady: 7 users"), "{}", few.options().title());
        let killed = read(&["reconnect", "--scenario", "steady", "--clients", "5"]).unwrap();
        assert_eq!((killed.options().load.clients, killed.options().load.kill_after), (5, Some(KILL_AFTER)));
        let short = read(&["--scenario", "burst", "--duration", "3s"]).unwrap();
        assert_eq!((short.options().load.duration(), short.options().load.mean_rate()), (Duration::from_secs(3), 30.0));
        let staged = read(&["--scenario", "steady", "--stages", "2s at 60, 2s at 0"]).unwrap();
        assert_eq!(
            (staged.options().load.duration(), staged.options().load.mean_rate()),
            (Duration::from_secs(4), 30.0)
        );
        assert!(read(&["--scenario", "nonsense"]).is_err());
    }

    #[test]
    fn more_edits_than_fit_into_memory_are_refused() {
        let with = |clients| read(&["--rate", "60", "--duration", "1000s", "--clients", clients]).is_ok();
        assert!(with("20000") && !with("20001"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [["--clients", "0"], ["--rate", "0"], ["--assert", "edit_p99"], ["--cert-hash", "00"]] {
            assert!(read(&bad).is_err(), "{bad:?}");
        }
        assert!(read(&["--rooms", "3", "--early-rooms", "2"]).is_ok());
        for bad in [["--rooms", "3"], ["--workers", "2"], ["--kill-after", "1s"], ["--saturate", "1s"]] {
            let words = [&bad[..], &["--early-rooms", "3"]].concat();
            assert!(read(&words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn reconnect_takes_the_same_options_and_a_server_of_its_own() {
        let line = read(&["reconnect", "--clients", "7", "--down", "2s"]).unwrap();
        let load = &line.options().load;
        assert_eq!((load.clients(), load.join_by()), (7, JoinBy::Token));
        assert_eq!(load.fault().unwrap().down, Duration::from_secs(2));
        assert!(load.settings().shown().contains("burst=60000"));
        let by_password = read(&["reconnect", "--join", "password"]).unwrap();
        assert_eq!(by_password.options().load.join_by(), JoinBy::Password);
        assert!(read(&["reconnect", "--url", "http://localhost:3001"]).is_err());
        assert!(read(&["--kill-after", "2s", "--url", "http://localhost:3001"]).is_err());
        assert_eq!(read(&["--clients", "7"]).unwrap().options().load.fault(), None);
    }
}
