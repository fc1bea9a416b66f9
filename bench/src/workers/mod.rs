//! More than one process, on one host or several: each plays the users of some of the rooms, and the results are added.
//!
//! The [`coordinator`] starts or calls the workers, has the server and makes the rooms. A [`worker`] is told what to play, and plays
//! it as a run of one process plays it; at each [`Step`] all wait for all. Rooms are dealt whole, so that each worker knows everybody
//! who must receive an edit, and counts are sums. Histograms and seconds are added sample by sample.

pub mod coordinator;

pub mod worker;

mod channel;

pub mod secret;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::book::Asides;
use crate::ledger::Totals;
use crate::options::load::Load;
use crate::rooms::Rooms;
use crate::series::Row;
use crate::stats::Latencies;
use crate::target::Place;

use channel::Sender;

/// All programs of a run are of one version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a worker prints before the address at which it listens.
const LISTENS: &str = "listening at ";

/// Which of the rooms, and so of the users, somebody plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// Which of those who play, from 0.
    number: usize,
    /// How many play.
    of: usize,
}

/// Where all wait for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Users come in from here on.
    Joining,
    /// They edit.
    Editing,
    /// What was sent arrives.
    Draining,
    /// Texts are compared.
    Checking,
}

/// What is played by one process, or by all together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// Users that got in.
    pub joined: usize,
    /// What became of the edits.
    pub totals: Totals,
    /// What was counted besides.
    pub asides: Asides,
    /// What went wrong.
    pub errors: BTreeMap<String, u64>,
    /// What was timed.
    pub latencies: Latencies,
    /// Pings without an answer.
    pub pings_lost: u64,
    /// Whether in every room all had what the server has.
    pub converged: bool,
    /// Processor time of the process while users edited.
    pub cpu: Duration,
}

/// What a worker is to play.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// The version of the coordinator; all must be of one.
    version: String,
    /// The server.
    place: Place,
    /// The load, of all workers together.
    load: Load,
    /// All rooms.
    rooms: Rooms,
    /// Which of them are this worker's.
    deal: Deal,
}

/// What a coordinator says.
#[derive(Debug, Serialize, Deserialize)]
enum Order {
    /// To be said first.
    Play(Box<Assignment>),
    /// All are there.
    Go(Step),
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// It waits for the others.
    At(Step),
    /// How it goes.
    News(Box<News>),
    /// All is done.
    Done(Box<Part>),
    /// It cannot go on, because of this.
    Failed(String),
}

/// How it goes with a worker.
#[derive(Debug, Default, Serialize, Deserialize)]
struct News {
    /// What happened in seconds that it has not told of, by their numbers, counted from the joining.
    seconds: Vec<(u64, Row)>,
    /// What was counted until now.
    totals: Totals,
    /// What went wrong until now.
    errors: BTreeMap<String, u64>,
}

/// Who plays, besides this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workers {
    /// So many processes on this machine.
    Local(usize),
    /// Those who listen at these addresses.
    Elsewhere(Vec<String>),
}

/// As many workers as there may be.
const MOST_WORKERS: usize = 64;

impl FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let most = || format!("there are at most {MOST_WORKERS} workers, and at least one");
        if let Ok(count) = text.parse() {
            return if (1..=MOST_WORKERS).contains(&count) { Ok(Self::Local(count)) } else { Err(most()) };
        }
        let addresses: Vec<_> = text.split(',').map(str::trim).map(str::to_owned).collect();
        let has_port = |address: &String| {
            address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        match addresses.iter().find(|address| !has_port(address)) {
            Some(wrong) => Err(format!("{wrong:?} is neither a number of workers nor an address such as host:7000")),
            None if addresses.len() > MOST_WORKERS => Err(most()),
            None => Ok(Self::Elsewhere(addresses)),
        }
    }
}

/// What waits for the others.
pub struct Barrier {
    words: Sender,
    goes: mpsc::Receiver<Step>,
}

impl Deal {
    /// Everything.
    pub const ALL: Self = Self { number: 0, of: 1 };

    /// Nothing, of what there can be.
    pub const NOTHING: Self = Self { number: usize::MAX - 1, of: usize::MAX };

    /// Whether a room is among them.
    pub fn has_room(self, room: usize) -> bool {
        room % self.of == self.number
    }

    /// About how many of so many are among them, rounded up.
    pub fn share(self, all: usize) -> usize {
        all.div_ceil(self.of)
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Editing => "editing",
            Self::Draining => "draining",
            Self::Checking => "checking",
        }
    }
}

impl Barrier {
    /// Waits until all are at a step.
    ///
    /// # Errors
    /// The others are gone.
    pub async fn pass(&mut self, step: Step) -> anyhow::Result<()> {
        self.words.send(&Word::At(step)).await?;
        match self.goes.recv().await {
            Some(gone) if gone == step => Ok(()),
            Some(other) => bail!("the coordinator is at {other:?}, and this worker at {step:?}"),
            None => bail!("the coordinator is gone"),
        }
    }
}

impl Assignment {
    /// What all workers play together.
    pub fn new(place: Place, load: Load, rooms: Rooms) -> Self {
        Self { version: VERSION.to_owned(), place, load, rooms, deal: Deal::ALL }
    }
}

impl Part {
    /// Adds what others played.
    pub fn add(mut self, other: Self) -> Self {
        self.joined += other.joined;
        self.totals = [self.totals, other.totals].into_iter().sum();
        self.asides += other.asides;
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.latencies.add(&other.latencies);
        self.pings_lost += other.pings_lost;
        self.converged &= other.converged;
        self.cpu += other.cpu;
        self
    }
}

/// The sum of all parts.
fn sum(parts: impl IntoIterator<Item = Part>) -> anyhow::Result<Part> {
    parts.into_iter().reduce(Part::add).context("nobody played")
}

#[cfg(test)]
mod tests;
