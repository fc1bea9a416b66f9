//! The results as people read them.

use std::fmt::Write;

use crate::book::Asides;
use crate::report::unit::Unit;
use crate::report::{Asked, Report};
use crate::stats::Summary;

impl Report {
    /// The table for people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "\n{} of {} clients in {} rooms, {} edits a minute each, {} s\n{}\n\n",
            self.joined,
            self.clients,
            self.rooms,
            self.rate,
            self.duration_s,
            self.asked.shown(),
        );
        text += &head();
        for (name, summary) in self.timed() {
            let _ = writeln!(text, "{name:<24}{}", row(summary));
        }
        let _ = write!(text, "\n{}", self.outcome());
        text
    }

    fn outcome(&self) -> String {
        let errors: Vec<_> = self.errors.iter().map(|(error, count)| format!("{error} ×{count}")).collect();
        let errors = if errors.is_empty() { "none".to_owned() } else { errors.join(", ") };
        let mut text = format!(
            "sent {}, delivered {}, lost {}, duplicated {}, unsaved {}, pings lost {}, errors {errors}, replicas {}\n",
            self.sent,
            self.delivered,
            self.lost,
            self.duplicated,
            self.unsaved.map_or("–".to_owned(), |unsaved| unsaved.to_string()),
            self.pings_lost,
            if self.converged { "equal" } else { "DIFFER" },
        );
        let _ = writeln!(text, "{}", self.aside());
        if let Some(server) = &self.server {
            let _ = writeln!(
                text,
                "server: {:.2} cores while editing, {} (peak {}), {:.1} s of processor time in all",
                server.cpu_s / self.duration_s,
                Unit::Memory.show(server.rss_bytes as f64),
                Unit::Memory.show(server.peak_rss_bytes as f64),
                server.total_cpu_s,
            );
        }
        if let Some(reconnect) = &self.reconnect {
            let bars: Vec<_> = reconnect.back_per_100_ms.iter().map(u64::to_string).collect();
            let _ = writeln!(
                text,
                "server killed and away for {:.2} s; {} of {} live again {} after it listened, {:.2} s of its processor time\n\
                 live again in each tenth of a second: {}",
                reconnect.down_s,
                reconnect.back,
                self.joined,
                time(reconnect.live.max_us),
                reconnect.server_cpu_s,
                bars.join(" ")
            );
        }
        let _ = writeln!(
            text,
            "generator: {:.2} cores while editing{}; {}",
            self.generator.cpu_s / self.duration_s,
            self.busiest(),
            self.place()
        );
        for warning in self.warnings() {
            let _ = writeln!(text, "{warning}");
        }
        text
    }

    /// One thread plays the users of a process: near a whole core, what comes waits for it, and that is in the latencies.
    fn busiest(&self) -> String {
        self.series.generator_busiest().map_or_else(String::new, |cores| format!(", at most {cores:.2} in a second"))
    }

    /// What is told besides edits, where there is something to tell.
    fn aside(&self) -> String {
        let Asides { healed, cursors_sent, cursors_seen } = self.asides;
        let mut text = format!("all were in after {}", time((self.joining_s * 1e6) as u64));
        if healed > 0 {
            let _ = write!(text, ", {healed} times somebody was brought up to date at once");
        }
        if cursors_sent > 0 {
            let _ = write!(text, ", {cursors_sent} cursor moves, seen {cursors_seen} times");
        }
        let steps = self.saturation.iter().flatten().map(|step| format!("\n{step}"));
        text + &steps.collect::<String>()
    }

    fn place(&self) -> String {
        format!("{}, {}, seed {}", self.transport, self.machine, self.seed)
    }
}

impl Asked {
    /// In a line.
    fn shown(&self) -> String {
        let scenario = self.scenario.iter().map(|name| format!("scenario {name}, "));
        let writers = self.writers_per_room.iter().map(|writers| format!(", {writers} of each room write"));
        let server = match self.server_settings.as_str() {
            "" => "server with its own limits".to_owned(),
            settings => format!("server started with {settings}"),
        };
        let scenario: String = scenario.collect();
        let writers: String = writers.collect();
        let Self { arrival, replicas_per_room, .. } = self;
        format!("{scenario}{arrival} arrivals{writers}, {replicas_per_room} whole replicas a room, {server}")
    }
}

/// The line above the percentiles.
pub fn head() -> String {
    format!("{:<24}{:>10}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "", "count", "p50", "p90", "p99", "p99.9", "max")
}

/// The percentiles, to be put behind a name of 24 characters.
pub fn row(summary: &Summary) -> String {
    let values = [summary.p50_us, summary.p90_us, summary.p99_us, summary.p999_us, summary.max_us];
    let shown = values.iter().map(|us| if summary.count > 0 { time(*us) } else { "–".to_owned() });
    shown.fold(format!("{:>10}", Unit::Count.show(summary.count as f64)), |row, value| row + &format!("{value:>12}"))
}

fn time(us: u64) -> String {
    Unit::Time.show(us as f64)
}

#[cfg(test)]
mod tests {
    use crate::report::tests::good;

    #[test]
    fn the_table_says_what_was_measured_and_what_went_wrong() {
        let mut report = good();
        let table = report.table();
        assert!(table.contains("2 of 2 clients in 1 rooms") && table.contains("3.00 ms"), "{table}");
        assert!(table.contains("replicas equal") && table.contains("errors none"), "{table}");
        assert!(table.contains("disk, one sync"), "{table}");
        assert!(!table.contains("generator-bound"), "{table}");
        report.converged = false;
        report.generator.bound = true;
        report.errors.insert("4504 RateLimited".to_owned(), 3);
        let table = report.table();
        for words in ["DIFFER", "generator-bound", "4504 RateLimited ×3"] {
            assert!(table.contains(words), "{table}");
        }
    }
}
