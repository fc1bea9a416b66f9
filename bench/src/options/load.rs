//! What is asked of a server: the keys of a scenario, and the same as options of the command line.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::parse::{Settings, Stages, parse_duration, parse_rate};
use super::{JoinBy, Transport};
use crate::load::profile::Profile;
use crate::load::schedule::Arrival;

/// What a user writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Writes {
    /// Words, one after the other, of which the oldest are taken back.
    Words,
    /// The history of a real document.
    Trace,
}

/// A server that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How long after the beginning of the editing.
    pub kill_after: Duration,
    /// How long it stays away.
    pub down: Duration,
}

/// The load.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Load {
    /// How many users, each with a session of its own.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clients: u32,

    /// How many rooms they are spread over [default: one for ten clients].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rooms: Option<u32>,

    /// How long they edit, once all have joined.
    #[arg(long, default_value = "30s", value_parser = parse_duration, overrides_with = "stages", value_name = "TIME")]
    pub duration: Duration,

    /// Edits per minute of each user; above the server's budget edits wait in the client and are merged.
    #[arg(long, default_value_t = 30.0, value_parser = parse_rate, overrides_with = "stages")]
    pub rate: f64,

    /// Rates over time instead of one rate and a duration, such as '10s to 30, 20s at 30': a stage keeps its rate (at), or rises
    /// or falls evenly to it from the one before (to).
    #[arg(long, overrides_with_all = ["duration", "rate"], value_name = "STAGES")]
    pub stages: Option<Stages>,

    /// How the edits of a user are spread: at one distance, or by chance.
    #[arg(long, value_enum, default_value = "fixed", value_name = "HOW")]
    pub arrival: Arrival,

    /// How many users of each room edit [default: all].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "USERS")]
    pub writers: Option<u32>,

    /// The people of so many rooms are there first. All the others come at once when these have edited for a second, and do not
    /// edit; what is timed are the edits that the first ones make meanwhile [default: nobody edits before all have come].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000), conflicts_with_all = ["kill_after", "saturate"], value_name = "ROOMS")]
    pub early_rooms: Option<u32>,

    /// What users without a replica write.
    #[arg(long, value_enum, default_value = "words", value_name = "WHAT")]
    pub writes: Writes,

    /// How many bytes of text an edit puts in at least, by users without a replica.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "BYTES")]
    pub edit_bytes: u32,

    /// How many users of each room have a whole replica of its text, as people have; the others only count what they hear.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "USERS")]
    pub verify: u32,

    /// How often each user pings.
    #[arg(long, default_value = "1s", value_parser = parse_duration, value_name = "TIME")]
    pub ping_interval: Duration,

    /// How often each user without a replica moves its cursor [default: never].
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    pub cursor_interval: Option<Duration>,

    /// How many users of each room, without a replica, read nothing again and again. What they hear is not timed.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "USERS")]
    pub slow_readers: u32,

    /// How long a slow reader reads nothing, and then reads.
    #[arg(long, default_value = "5s", value_parser = parse_duration, value_name = "TIME")]
    pub slow_pause: Duration,

    /// How many bytes of text each room holds before its users come.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000), value_name = "BYTES")]
    pub prefill: u32,

    /// What carries the sessions.
    #[arg(long, value_enum, default_value = "webtransport")]
    pub transport: Transport,

    /// How many join at once: the server hashes a password for each.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub join_concurrency: u16,

    /// What users come in with [default: password, and token when the server is killed and for yjs-ws].
    #[arg(long, value_name = "HOW")]
    pub join: Option<JoinBy>,

    /// Settings of the server that is started, such as 'throttle_ms=0,burst=60000' [default: its own, and no limits on edits when
    /// users come by token].
    #[arg(long, conflicts_with = "url", value_name = "SETTINGS")]
    pub server_settings: Option<Settings>,

    /// How long after the beginning of the editing the server is killed and started again [default: never].
    #[arg(long, conflicts_with = "url", value_parser = parse_duration, value_name = "TIME")]
    pub kill_after: Option<Duration>,

    /// How long a server that was killed stays away.
    #[arg(long, default_value = "1s", value_parser = parse_duration, value_name = "TIME")]
    pub down: Duration,

    /// Repeats the run with a rate that is a quarter higher each time, until edit's 99th percentile is above this.
    #[arg(long, conflicts_with = "stages", value_parser = parse_duration, value_name = "TIME")]
    pub saturate: Option<Duration>,

    /// How long after the last edit everything may take to be saved and to arrive.
    #[arg(long, default_value = "10s", value_parser = parse_duration, value_name = "TIME")]
    pub drain: Duration,

    /// How late this program may be itself, at the 99th percentile. A run in which it was later, and by more than a quarter of
    /// edit's 99th percentile, measured the program as well as the server: it ends with 3.
    #[arg(long, default_value = "2ms", value_parser = parse_duration, value_name = "TIME")]
    pub lag_limit: Duration,

    /// Draws the schedule and the edits: the same seed gives the same load.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What lifts the limits on edits, for users who share one budget.
const NO_LIMITS: &str = "throttle_ms=0,edits_per_minute=60000,burst=60000";

impl Load {
    /// What users come in with.
    pub fn join_by(&self) -> JoinBy {
        let is_quick = self.kill_after.is_some() || self.transport == Transport::YjsWs;
        self.join.unwrap_or(if is_quick { JoinBy::Token } else { JoinBy::Password })
    }

    /// How many rooms, never more than clients.
    pub fn rooms(&self) -> usize {
        self.rooms.unwrap_or(self.clients.div_ceil(10)).clamp(1, self.clients) as usize
    }

    /// How many users.
    pub fn clients(&self) -> usize {
        self.clients as usize
    }

    /// How many users a room gets: they are dealt like cards.
    pub fn members_of(&self, room: usize) -> usize {
        (self.clients() - room).div_ceil(self.rooms())
    }

    /// How many users of each room have a whole replica. The client that people use does not speak as Yjs providers do.
    pub fn replicas(&self) -> usize {
        if self.transport == Transport::YjsWs { 0 } else { self.verify as usize }
    }

    /// Whether the member of this number in its room has a whole replica.
    pub fn is_full(&self, member: usize) -> bool {
        member < self.replicas()
    }

    /// Whether the people of this room come when others edit already.
    pub fn is_late(&self, room: usize) -> bool {
        self.early_rooms.is_some_and(|early| room >= early as usize)
    }

    /// Whether the member of this number in a room edits.
    pub fn is_writer(&self, room: usize, member: usize) -> bool {
        !self.is_late(room) && self.writers.is_none_or(|writers| member < writers as usize)
    }

    /// Whether the member of this number in a room of so many reads slowly: the last ones.
    pub fn is_slow(&self, member: usize, members: usize) -> bool {
        !self.is_full(member) && member + self.slow_readers as usize >= members
    }

    /// The fault of the run, if there is one.
    pub fn fault(&self) -> Option<Fault> {
        self.kill_after.map(|kill_after| Fault { kill_after, down: self.down })
    }

    /// What the server is started with. Users who come by one token are one user, with one budget.
    pub fn settings(&self) -> Settings {
        let settings = match (&self.server_settings, self.join_by()) {
            (Some(settings), _) => return settings.clone(),
            (None, JoinBy::Token) => NO_LIMITS.parse(),
            (None, JoinBy::Password) => return Settings::default(),
        };
        settings.unwrap_or_default()
    }

    /// How much is asked of each writer over time.
    pub fn profile(&self) -> Profile {
        match &self.stages {
            Some(stages) => stages.profile().clone(),
            None => Profile::constant(self.rate / 60.0, self.duration),
        }
    }

    /// Edits a minute of each writer, on average, to two digits behind the point.
    pub fn mean_rate(&self) -> f64 {
        let a_minute = self.profile().total() / self.duration().as_secs_f64() * 60.0;
        (a_minute * 100.0).round() / 100.0
    }

    /// How long they edit.
    pub fn duration(&self) -> Duration {
        self.profile().duration()
    }

    /// How many edits are meant to be made, on average.
    pub fn edits(&self) -> f64 {
        let in_room = |room| (0..self.members_of(room)).filter(|member| self.is_writer(room, *member)).count();
        (0..self.rooms()).map(in_room).sum::<usize>() as f64 * self.profile().total()
    }
}
