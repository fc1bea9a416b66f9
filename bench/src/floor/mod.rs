//! What is possible on this machine at this moment, with nothing of a server in it: round trips on loopback by UDP and by QUIC,
//! one at a time, and the disk's own sync. Figures of a server are read against these.

mod udp;

mod quic;

pub mod disk;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::options::parse::parse_duration;
use crate::report::files;
use crate::stats::{Latency, Precision, Summary};
use crate::table;

/// What is sent forth and back: as large as a ping.
const PAYLOAD: [u8; 16] = [7; 16];

/// The floors.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Floor {
    /// A UDP datagram to a thread that sends it back.
    pub udp: Summary,
    /// A QUIC datagram, encrypted, to a quinn endpoint that sends it back.
    pub quic_datagram: Summary,
    /// The same on one QUIC stream that stays open.
    pub quic_stream: Summary,
    /// A block of 4 KiB appended to a file and synced.
    pub fsync: Summary,
}

/// What the user asked of the floors.
#[derive(Debug, Clone, Args)]
pub struct FloorOptions {
    /// How long each kind of round trip is measured.
    #[arg(long, default_value = "1s", value_parser = parse_duration, value_name = "TIME")]
    pub duration: Duration,

    /// Writes the results as JSON; - for standard output, then the table goes to standard error.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Measures, shows and writes the floors. There is nothing that could fail to hold.
pub fn run(options: &FloorOptions) -> anyhow::Result<ExitCode> {
    let floor = Floor::measure(options.duration)?;
    match options.json.as_deref() {
        Some(path) if path == Path::new("-") => eprint!("{}", floor.table()),
        _ => print!("{}", floor.table()),
    }
    if let Some(path) = &options.json {
        files::write_json(&floor, path)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Floor {
    /// Measures each round trip for so long, and the disk under the folder for temporary files.
    pub fn measure(each: Duration) -> anyhow::Result<Self> {
        let quic = quic::measure(each)?;
        let folder = tempfile::tempdir()?;
        Ok(Self {
            udp: udp::measure(each)?,
            quic_datagram: quic.datagram,
            quic_stream: quic.stream,
            fsync: disk::sync(folder.path())?,
        })
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = table::head();
        for (name, summary) in [
            ("UDP echo", &self.udp),
            ("QUIC datagram echo", &self.quic_datagram),
            ("QUIC stream echo", &self.quic_stream),
            ("disk, one sync", &self.fsync),
        ] {
            let _ = writeln!(text, "{name:<24}{}", table::row(summary));
        }
        text
    }
}

/// Round trips that are timed, until there is no time left.
struct Stopwatch {
    until: Instant,
    latency: Latency,
}

impl Stopwatch {
    fn start(limit: Duration) -> anyhow::Result<Self> {
        Ok(Self { until: Instant::now() + limit, latency: Latency::new(Precision::Finest)? })
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    fn lap(&mut self, begun: Instant) {
        self.latency.record(begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_floor_is_measured_and_shown() {
        let floor = Floor::measure(Duration::from_millis(20)).unwrap();
        for summary in [floor.udp, floor.quic_datagram, floor.quic_stream, floor.fsync] {
            assert!(summary.count > 0, "{floor:?}");
        }
        let table = floor.table();
        for name in ["UDP echo", "QUIC datagram echo", "QUIC stream echo", "disk, one sync"] {
            assert!(table.contains(name), "{table}");
        }
    }
}
