//! How the server does: what was counted since its start, and how long its steps took lately.
//!
//! Told as JSON ([`Metrics::status`]) and as Prometheus reads it ([`Metrics::exposition`]). Counting is one atomic addition.
//! Recording a time takes some 0.1 µs in a release build: nearly all of it happens on the one network thread, so no lock is waited
//! for.

mod counts;

mod latency;

mod rate;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use collab_proto::api::{Latencies, StatusReport};
use hdrhistogram::CreationError;
use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

pub use self::counts::Counts;
pub use self::latency::Latency;
use self::rate::Rate;

/// What is counted and timed.
#[derive(Debug)]
pub struct Metrics {
    since: Instant,
    /// What happened since the start.
    pub counts: Counts,
    /// Sessions now, over any transport.
    pub connections: Gauge,
    rooms: Gauge,
    members: Gauge,
    edits_per_s: Mutex<Rate>,
    edit_apply: Latency,
    /// From an edit that was read to its `Saved` in the author's outbox.
    pub saved: Latency,
    join: Latency,
    /// One password hash, with the wait for a thread.
    pub password_hash: Latency,
    exported: Registry,
}

/// What is in memory now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Rooms in memory.
    pub rooms: u32,
    /// Members in them.
    pub members: u32,
}

impl Metrics {
    /// Nothing has happened yet.
    ///
    /// # Errors
    ///
    /// When the memory for the percentiles is not to be had.
    pub fn new(now: Instant) -> Result<Self, CreationError> {
        let mut exported = Registry::with_prefix("collab");
        let counts = Counts::new(&mut exported);
        let mut gauge = |name: &str, help: &str| {
            let gauge: Gauge = Gauge::default();
            exported.register(name, help, gauge.clone());
            gauge
        };
        let connections = gauge("connections", "Sessions, over any transport");
        let (rooms, members) = (gauge("rooms", "Rooms in memory"), gauge("members", "Members in them"));
        let mut latency = |name: &str, help: &str| -> Result<Latency, CreationError> {
            let latency = Latency::new(now)?;
            exported.register_with_unit(name, help, Unit::Seconds, latency.exported());
            Ok(latency)
        };
        let edit_apply = latency("edit_apply", "From the mailbox of a room to the outboxes of the others")?;
        let saved = latency("saved", "From an edit that was read to its confirmation")?;
        let join = latency("join", "From a join that was read to its welcome")?;
        let password_hash = latency("password_hash", "One password hash, with the wait for a thread")?;
        let edits_per_s = Mutex::new(Rate::new(now));
        Ok(Self {
            since: now,
            counts,
            connections,
            rooms,
            members,
            edits_per_s,
            edit_apply,
            saved,
            join,
            password_hash,
            exported,
        })
    }

    /// An edit that left the mailbox at `taken` is in the outboxes of the others.
    pub fn edit_taken(&self, taken: Instant) {
        self.counts.edits_taken.inc();
        let now = self.edit_apply.record_since(taken);
        self.rate().add(now);
    }

    /// Somebody whose join was read at `asked` has a seat, and the welcome in their outbox.
    pub fn seated(&self, asked: Instant, resumed: bool) {
        let kind = if resumed { &self.counts.resumes } else { &self.counts.joins };
        kind.inc();
        self.join.record_since(asked);
    }

    /// How the server does at this moment.
    pub fn status(&self, now: Instant, load: Load) -> StatusReport {
        StatusReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: now.saturating_duration_since(self.since).as_secs(),
            rooms: load.rooms,
            members: load.members,
            connections: u32::try_from(self.connections.get()).unwrap_or(0),
            edits_per_s: self.rate().per_s(now),
            counts: self.counts.told(),
            latency: Latencies {
                edit_apply: self.edit_apply.percentiles(now),
                saved: self.saved.percentiles(now),
                join: self.join.percentiles(now),
                password_hash: self.password_hash.percentiles(now),
            },
        }
    }

    /// Everything since the start, in the text format of OpenMetrics, which Prometheus reads.
    ///
    /// # Errors
    ///
    /// What the encoder says.
    pub fn exposition(&self, load: Load) -> Result<String, std::fmt::Error> {
        self.rooms.set(load.rooms.into());
        self.members.set(load.members.into());
        let mut text = String::new();
        text::encode(&mut text, &self.exported)?;
        Ok(text)
    }

    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.edits_per_s.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
