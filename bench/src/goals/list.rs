//! The loads and the goals.

use crate::report::Report;
use crate::report::unit::Unit;

/// A load that is played once a round.
pub struct Load {
    /// What it is called.
    pub name: &'static str,
    /// The load generator's arguments.
    pub arguments: &'static [&'static str],
    /// How long users edit.
    pub seconds: u64,
}

/// A figure and what is asked of it.
pub struct Goal {
    /// What is measured.
    pub what: &'static str,
    /// Its unit; none for a ratio.
    unit: Option<Unit>,
    limit: Limit,
    /// The figure of one round, with the loads in their order.
    pub value: fn(&[Option<Report>]) -> Option<f64>,
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

const STEADY: usize = 0;
const MANY: usize = 1;
const FEW: usize = 2;
const SATURATE: usize = 3;
const STORM: usize = 4;
const HASHING: usize = 5;
const RECONNECT: usize = 6;
const LECTURE: usize = 7;

/// Every load, in the order in which they are played.
pub const LOADS: [Load; 8] = [
    Load { name: "steady, 1,000 users", arguments: &["--scenario", "steady", "--join", "token"], seconds: 15 },
    Load {
        name: "steady, 3,000 users",
        arguments: &["--scenario", "steady", "--join", "token", "--clients", "3000", "--rooms", "300"],
        seconds: 15,
    },
    Load {
        name: "steady, 300 users",
        arguments: &["--scenario", "steady", "--join", "token", "--clients", "300", "--rooms", "30"],
        seconds: 15,
    },
    Load { name: "saturate", arguments: &["--scenario", "saturate", "--rate", "220"], seconds: 4 },
    Load { name: "join-storm, by token", arguments: &["--scenario", "join-storm"], seconds: 5 },
    Load {
        name: "join-storm, by password",
        arguments: &["--scenario", "join-storm", "--join", "password", "--lag-limit", "1h"],
        seconds: 20,
    },
    Load { name: "reconnect", arguments: &["--scenario", "reconnect"], seconds: 15 },
    Load { name: "big-room, 1,000 users", arguments: &["--scenario", "big-room-1000"], seconds: 15 },
];

/// Every goal, for two cores that server and generator share.
pub const GOALS: [Goal; 16] = [
    time("1,000 users: edit p50", 600.0, |loads| Some(loads[STEADY].as_ref()?.edit.p50_us as f64)),
    time("1,000 users: edit p99", 2_000.0, |loads| Some(loads[STEADY].as_ref()?.edit.p99_us as f64)),
    ratio("1,000 users: saved p50 ÷ one sync of the disk", 2.0, |loads| {
        let report = loads[STEADY].as_ref()?;
        Some(report.saved.p50_us as f64 / report.disk_sync.as_ref()?.p50_us as f64)
    }),
    ratio("1,000 users: saved p99 ÷ one sync of the disk", 6.0, |loads| {
        let report = loads[STEADY].as_ref()?;
        Some(report.saved.p99_us as f64 / report.disk_sync.as_ref()?.p50_us as f64)
    }),
    Goal {
        what: "1,000 users: memory of each, as the server grew by them",
        unit: Some(Unit::Memory),
        limit: Limit::AtMost(90e3),
        value: |loads| {
            let report = loads[STEADY].as_ref()?;
            let server = report.server?;
            Some(server.rss_bytes.saturating_sub(server.idle_rss_bytes?) as f64 / report.joined as f64)
        },
    },
    time("3,000 users: edit p99", 10_000.0, |loads| Some(loads[MANY].as_ref()?.edit.p99_us as f64)),
    Goal {
        what: "3,000 users: lost deliveries",
        unit: Some(Unit::Count),
        limit: Limit::AtMost(0.0),
        value: |loads| Some(loads[MANY].as_ref()?.lost as f64),
    },
    ratio("processor time of a delivery, 3,000 users ÷ 300 users", 1.15, |loads| {
        Some(cost(loads[MANY].as_ref()?)? / cost(loads[FEW].as_ref()?)?)
    }),
    Goal {
        what: "500 users, more and more edits: deliveries/s with edit p99 ≤ 100 ms",
        unit: Some(Unit::Count),
        limit: Limit::AtLeast(35_000.0),
        value: |loads| {
            let steps = loads[SATURATE].as_ref()?.saturation.as_ref()?;
            steps.iter().rfind(|step| step.is_good).map(|step| step.deliveries_per_s)
        },
    },
    time("1,000 join at once by token: all are in after", 1e6, |loads| Some(loads[STORM].as_ref()?.joining_s * 1e6)),
    // Everybody who comes by token needs the network thread, and is to be in soon.
    time("meanwhile, the edits of 100 others: p99", f64::INFINITY, |loads| {
        Some(loads[STORM].as_ref()?.edit.p99_us as f64)
    }),
    // A password costs one hash by design, so this is as long as a thousand of them take.
    time("1,000 join at once by password: all are in after", f64::INFINITY, |loads| {
        Some(loads[HASHING].as_ref()?.joining_s * 1e6)
    }),
    time("meanwhile, the edits of 100 others: p99", 20_000.0, |loads| {
        Some(loads[HASHING].as_ref()?.edit.p99_us as f64)
    }),
    time("1,000 after a crash: all are live after the port is open", 3e6, |loads| {
        Some(loads[RECONNECT].as_ref()?.reconnect.as_ref()?.live.max_us as f64)
    }),
    Goal {
        what: "1,000 after a crash: lost deliveries",
        unit: Some(Unit::Count),
        limit: Limit::AtMost(0.0),
        value: |loads| Some(loads[RECONNECT].as_ref()?.lost as f64),
    },
    time("1,000 in one room, 50 of whom write: edit p99", 50_000.0, |loads| {
        Some(loads[LECTURE].as_ref()?.edit.p99_us as f64)
    }),
];

const fn time(what: &'static str, at_most_us: f64, value: fn(&[Option<Report>]) -> Option<f64>) -> Goal {
    Goal { what, unit: Some(Unit::Time), limit: Limit::AtMost(at_most_us), value }
}

const fn ratio(what: &'static str, at_most: f64, value: fn(&[Option<Report>]) -> Option<f64>) -> Goal {
    Goal { what, unit: None, limit: Limit::AtMost(at_most), value }
}

/// The server's processor time for one delivery.
fn cost(report: &Report) -> Option<f64> {
    (report.delivered > 0).then_some(report.server?.cpu_s / report.delivered as f64)
}

impl Goal {
    /// Whether a figure is as good as asked.
    pub fn is_met(&self, value: f64) -> bool {
        match self.limit {
            Limit::AtMost(most) => value <= most,
            Limit::AtLeast(least) => value >= least,
        }
    }

    /// A figure as people read it.
    pub fn show(&self, value: f64) -> String {
        self.unit.map_or_else(|| format!("{value:.2}"), |unit| unit.show(value))
    }

    /// What is asked, as people read it.
    pub fn bound(&self) -> String {
        match self.limit {
            Limit::AtMost(most) if most.is_infinite() => "–".to_owned(),
            Limit::AtMost(most) => format!("≤ {}", self.show(most)),
            Limit::AtLeast(least) => format!("≥ {}", self.show(least)),
        }
    }
}
