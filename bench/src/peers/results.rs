//! The comparison as a document. Everything in it comes from the runs; nothing is written by hand.

use std::fmt::Write;
use std::time::Duration;

use super::Peer;
use super::plan::{LOADS, Load, WAYS, Way};
use crate::floor::Floor;
use crate::machine::Machine;
use crate::report::Report;

/// All that is known at the end.
#[derive(Debug)]
pub struct Results {
    /// How long users edited in each run.
    pub duration: Duration,
    /// The machine as it was before the first and after the last run.
    pub machine: Machine,
    /// Name and version of each program that took part.
    pub versions: Vec<(String, String)>,
    /// Servers that took no part, and why.
    pub missing: Vec<(Peer, String)>,
    /// What was possible on the machine, once in each round.
    pub floors: Vec<Floor>,
    /// The runs, in their order.
    pub runs: Vec<Run>,
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// Of which server.
    pub way: Way,
    /// Under which load.
    pub load: Load,
    /// What it showed, or why it showed nothing.
    pub outcome: Result<Measured, String>,
}

/// What a run showed.
#[derive(Debug)]
pub struct Measured {
    /// By the load generator.
    pub report: Report,
    /// Memory of the server and its proxy before the first user came, in bytes.
    pub idle_rss_bytes: u64,
}

/// A figure over the rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

/// A column of a load's table.
struct Column {
    name: &'static str,
    digits: usize,
    /// Whether the ratio to the first way is shown too.
    with_ratio: bool,
    of: fn(&Measured) -> Option<f64>,
}

const COLUMNS: [Column; 7] = [
    Column { name: "edit p50, ms", digits: 2, with_ratio: true, of: |run| Some(ms(run.report.edit.p50_us)) },
    Column { name: "edit p99, ms", digits: 2, with_ratio: true, of: |run| Some(ms(run.report.edit.p99_us)) },
    Column { name: "edit p99.9, ms", digits: 2, with_ratio: false, of: |run| Some(ms(run.report.edit.p999_us)) },
    Column { name: "saved p50, ms", digits: 2, with_ratio: false, of: |run| saved(run, run.report.saved.p50_us) },
    Column { name: "saved p99, ms", digits: 2, with_ratio: false, of: |run| saved(run, run.report.saved.p99_us) },
    Column { name: "CPU s per 10,000 deliveries", digits: 3, with_ratio: true, of: cpu_per_10_000 },
    Column { name: "kB per user", digits: 0, with_ratio: true, of: kilobytes_per_user },
];

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

/// Who acknowledges nothing has no such figure.
fn saved(run: &Measured, us: u64) -> Option<f64> {
    (run.report.saved.count > 0).then(|| ms(us))
}

fn cpu_per_10_000(run: &Measured) -> Option<f64> {
    let server = run.report.server?;
    (run.report.delivered > 0).then(|| server.cpu_s / run.report.delivered as f64 * 1e4)
}

fn kilobytes_per_user(run: &Measured) -> Option<f64> {
    let grown = run.report.server?.rss_bytes.saturating_sub(run.idle_rss_bytes);
    Some(grown as f64 / 1e3 / run.report.clients as f64)
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        Some(Self { low, high, median: values[values.len() / 2] })
    }

    fn show(&self, digits: usize) -> String {
        let Self { low, median, high } = self;
        if low == high {
            format!("{median:.digits$}")
        } else {
            format!("{median:.digits$} ({low:.digits$}–{high:.digits$})")
        }
    }
}

impl Results {
    /// The whole document, in Markdown.
    pub fn document(&self) -> String {
        let mut text = format!(
            "# The same loads on this server and on others\n\n\
             Written by `make bench-peers` and not by hand. Every figure is the median of {} runs, with the lowest and the highest \
             of them; the servers took turns. *÷* is the ratio to the first line of the table.\n\n",
            self.floors.len()
        );
        text += &self.place();
        for load in LOADS {
            let _ = write!(text, "\n## {}\n\n{}.\n\n", load.name, load.describe(self.duration));
            text += &self.table(load);
        }
        text += &self.acknowledgements();
        text += REMARKS;
        text += &self.absences();
        text
    }

    fn place(&self) -> String {
        let machine = &self.machine;
        let load = |load: Option<f64>| load.map_or("?".to_owned(), |load| format!("{load:.2}"));
        let versions: Vec<_> = self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let floor = |of: fn(&Floor) -> u64| {
            let values = self.floors.iter().map(|floor| ms(of(floor))).collect();
            Spread::of(values).map_or("–".to_owned(), |spread| spread.show(3))
        };
        format!(
            "Machine: {} cores that servers and load generator share, {}, Linux {}; load average {} before and {} after.\n\n\
             Versions: {}.\n\n\
             Floors, p50 in ms, with nothing else going on: UDP echo {}; QUIC echo by datagram {}, by stream {}; one sync of the \
             disk {}.\n",
            machine.cores,
            machine.processor.as_deref().unwrap_or("unknown processor"),
            machine.kernel.as_deref().unwrap_or("?"),
            load(machine.load_before),
            load(machine.load_after),
            versions.join(", "),
            floor(|floor| floor.udp.p50_us),
            floor(|floor| floor.quic_datagram.p50_us),
            floor(|floor| floor.quic_stream.p50_us),
            floor(|floor| floor.fsync.p50_us),
        )
    }

    fn table(&self, load: Load) -> String {
        let names: Vec<_> = COLUMNS.iter().map(Column::head).collect();
        let columns = COLUMNS.len() + COLUMNS.iter().filter(|column| column.with_ratio).count();
        let mut text = format!("| | {} | lost | |\n|---|{}---|---|\n", names.join(" | "), "---|".repeat(columns));
        let base = COLUMNS.map(|column| self.spread(&column, WAYS[0], load).map(|spread| spread.median));
        for way in WAYS.into_iter().filter(|way| self.took_part(way.peer)) {
            let cells =
                COLUMNS.iter().zip(base).map(|(column, base)| column.show(self.spread(column, way, load), base));
            let cells: Vec<_> = cells.collect();
            let (lost, notes) = self.notes(way, load);
            let _ = writeln!(text, "| {} | {} | {lost} | {notes} |", way.name(), cells.join(" | "));
        }
        text
    }

    /// Whether it could be had.
    pub fn took_part(&self, peer: Peer) -> bool {
        self.missing.iter().all(|(missing, _)| *missing != peer)
    }

    fn runs(&self, way: Way, load: Load) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.way == way && run.load == load)
    }

    fn measured(&self, way: Way, load: Load) -> impl Iterator<Item = &Measured> {
        self.runs(way, load).filter_map(|run| run.outcome.as_ref().ok())
    }

    fn spread(&self, column: &Column, way: Way, load: Load) -> Option<Spread> {
        Spread::of(self.measured(way, load).filter_map(column.of).collect())
    }

    /// Deliveries that were lost in all rounds together, and what else must be known of these figures.
    fn notes(&self, way: Way, load: Load) -> (u64, String) {
        let (mut lost, mut notes) = (0, Vec::new());
        for Measured { report, .. } in self.measured(way, load) {
            lost += report.lost;
            notes.extend(report.generator.bound.then(|| "generator-bound".to_owned()));
            notes.extend((!report.converged).then(|| "replicas differ".to_owned()));
            let absent = report.clients - report.joined;
            notes.extend((absent > 0).then(|| format!("{absent} users did not get in")));
            notes.extend(report.errors.keys().map(|error| error.replace('|', "/")));
        }
        notes.extend(
            self.runs(way, load).filter_map(|run| run.outcome.as_ref().err()).map(|reason| format!("failed: {reason}")),
        );
        notes.sort();
        notes.dedup();
        (lost, notes.join("; "))
    }

    /// Whatever must be true of this project's server and is not.
    pub fn own_failures(&self) -> Vec<String> {
        let own = self.runs.iter().filter(|run| run.way.peer == Peer::Collab);
        let failures = |run: &Run| match &run.outcome {
            Ok(measured) => measured.report.failures(),
            Err(reason) => vec![reason.clone()],
        };
        let told = |run: &Run| format!("{} under {}", run.way.name(), run.load.name);
        own.flat_map(|run| failures(run).into_iter().map(move |failure| format!("{}: {failure}", told(run)))).collect()
    }

    fn acknowledgements(&self) -> String {
        let mut text =
            "\n## What an answer means\n\n*saved* exists for this server alone, over its own protocol. What an author \
                        knows of an edit when the server has answered it:\n\n"
                .to_owned();
        for peer in Peer::ALL {
            let _ = writeln!(text, "- **{}**: {}.", peer.name(), peer.acknowledgement());
        }
        text
    }

    fn absences(&self) -> String {
        let mut text = String::new();
        for (peer, reason) in &self.missing {
            let heading = if text.is_empty() { "\n## Missing\n\n" } else { "" };
            let _ = writeln!(text, "{heading}- **{}**: {reason}", peer.name());
        }
        text
    }
}

/// What must be known to read the figures rightly.
const REMARKS: &str = "
## Remarks

- *edit* is the time from the moment at which an edit was due to its arrival at each other member of the room. Edits are due at times
  that were drawn before the run, whether or not the server keeps up.
- The load generator is one thread on the same machine. Where it was late itself, a line says *generator-bound*: then part of the
  latency is its own.
- Users count what they are sent and have no text; over this server's own protocol one in each room has. When all have left, a
  newcomer comes to each room, and must get every edit there.
- Processor time and memory are those of the server *and* of HAProxy before it, which this server does not need, since it has TLS itself.
  Memory per user is what both grew by from before the first user came to the end of the editing.
- HAProxy and the servers have their default settings: HAProxy uses a thread for each core, Node.js one, Y-Sweet one for each core.
- This server syncs every edit to the disk, checks every update before it takes it, and keeps a log of who edited; the others do none of
  these by default. Its limits on how much a user may edit are lifted here, since the others have none.
- y-websocket, Hocuspocus and Y-Sweet send an edit back to its author too; that message is not counted as a delivery.
- Over the Yjs protocol this server takes one edit of a user at a time and the next when that one is on the disk, since the protocol
  has no refusal; what comes meanwhile is merged.
- Users ping every 30 s, over Yjs by WebSocket's own pings, since the Yjs protocol has none. Nobody moves a cursor.
- A socket through a proxy on loopback has no distance. Loss and distance change the picture: see `collab-bench lossy`.
";

impl Column {
    fn head(&self) -> String {
        if self.with_ratio { format!("{} | ÷", self.name) } else { self.name.to_owned() }
    }

    fn show(&self, spread: Option<Spread>, base: Option<f64>) -> String {
        let value = spread.map_or("–".to_owned(), |spread| spread.show(self.digits));
        if !self.with_ratio {
            return value;
        }
        let ratio = spread.zip(base).filter(|(_, base)| *base > 0.0).map(|(spread, base)| spread.median / base);
        format!("{value} | {}", ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good;
    use crate::stats::Summary;

    fn run(way: Way, edit_p99_us: u64) -> Run {
        let mut report = good();
        report.edit = Summary { count: 9, p99_us: edit_p99_us, ..Summary::default() };
        Run { way, load: LOADS[0], outcome: Ok(Measured { report, idle_rss_bytes: 1_000_000 }) }
    }

    fn results() -> Results {
        let [ours, others] = [WAYS[0], WAYS[3]];
        let times = [(ours, 2000), (others, 9000), (ours, 4000), (others, 6000), (ours, 3000), (others, 30_000)];
        let mut runs: Vec<_> = times.into_iter().map(|(way, time)| run(way, time)).collect();
        runs.push(Run { way: WAYS[4], load: LOADS[0], outcome: Err("it ended".to_owned()) });
        let missing = vec![(Peer::YSweet, "there is no compiler".to_owned())];
        let versions = vec![("collab".to_owned(), "1.2.3".to_owned())];
        Results {
            duration: Duration::from_secs(10),
            machine: Machine::observe(),
            versions,
            missing,
            floors: Vec::new(),
            runs,
        }
    }

    /// The line of a server under the first load.
    fn line(document: &str, name: &str) -> String {
        document.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_default().to_owned()
    }

    #[test]
    fn medians_spreads_and_ratios_stand_beside_each_other() {
        let document = results().document();
        let ours = line(&document, "collab, WebTransport");
        assert!(ours.contains("| 3.00 (2.00–4.00) | 1.00 |"), "{ours}");
        let others = line(&document, "y-websocket");
        assert!(others.contains("| 9.00 (6.00–30.00) | 3.00 |"), "{others}");
        let memory = "| 4000 | 1.00 |";
        assert!(ours.contains(memory), "what the server grew by, for each user: {ours}");
    }

    #[test]
    fn every_line_of_a_table_has_every_column() {
        let document = results().document();
        let columns = |line: &str| line.matches('|').count();
        let wanted = columns(document.lines().find(|line| line.starts_with("| |")).unwrap());
        let lines: Vec<_> = document.lines().filter(|line| line.starts_with('|')).collect();
        assert!(lines.len() > LOADS.len() * 5 && lines.iter().all(|line| columns(line) == wanted), "{document}");
    }

    #[test]
    fn what_failed_or_is_missing_is_named_with_its_reason() {
        let document = results().document();
        assert!(line(&document, "Hocuspocus").contains("failed: it ended"), "{document}");
        assert!(document.contains("- **Y-Sweet**: there is no compiler") && line(&document, "Y-Sweet").is_empty());
    }
}
