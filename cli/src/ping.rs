//! `collab-cli ping`: how long a message takes to the server and back.

use std::time::Duration;

use collab_client::Config;
use collab_client::driver::{Address, Endpoint, Probe, ProbeError, Way};
use collab_proto::RoomName;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::args::Global;
use crate::failure::{Failure, refusal};
use crate::{connect, door, output};

/// A datagram that is not back within this time is lost.
const LOST_AFTER: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  collab-cli ping
  collab-cli ping demo --count 20 --interval 0.2
  collab-cli ping --json

Without a room, only datagrams are measured. With one, each round also asks a question on the room's stream, over which
edits go; that needs the password, and counts as a visit. Nothing is written.";

/// What to measure.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    /// The room for the stream; without it, only datagrams are measured
    room: Option<RoomName>,
    /// How many rounds
    #[arg(long, short, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Seconds from one round to the next
    #[arg(long, short, default_value = "1", value_name = "SECONDS", value_parser = seconds)]
    interval: Duration,
}

/// Measures, until the rounds are over or Ctrl-C.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    let server = connect::anonymous(global)?;
    let (address, endpoint) = (server.find().await?, server.guide.endpoint()?);
    let config = match &command.room {
        Some(room) => Some(door::config(global, room)?),
        None => None,
    };
    let opened = tokio::time::timeout(door::PATIENCE, open(endpoint, &address, config.as_ref())).await;
    server.tell_new_servers();
    let mut probe = opened.map_err(|_| connect::unreachable(&format!("{address} does not answer")))??;
    let way = probe.way();
    if !global.json {
        output::print(&format!("over {way}\n"))?;
    }
    let mut results = Results::default();
    tokio::select! {
        result = measure(&mut probe, command, global.json, &mut results) => result?,
        _ = tokio::signal::ctrl_c() => {}
    }
    probe.close().await;
    results.print(way, global.json)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let fits = |time: &Duration| (Duration::from_millis(10)..=Duration::from_secs(3600)).contains(time);
    seconds.filter(fits).ok_or_else(|| "between 0.01 and 3600".to_owned())
}

async fn open(endpoint: Endpoint, address: &Address, config: Option<&Config>) -> anyhow::Result<Probe> {
    let room = config.map_or("", |config| config.room.as_str());
    let mut probe = Probe::open(endpoint, address.clone()).await.map_err(|error| failed(error, room))?;
    if let Some(config) = config {
        probe.enter(config).await.map_err(|error| failed(error, room))?;
    }
    Ok(probe)
}

async fn measure(probe: &mut Probe, command: &Command, json: bool, results: &mut Results) -> anyhow::Result<()> {
    let room = command.room.as_ref().map_or("", RoomName::as_str);
    let mut next = Instant::now();
    for round in 1..=command.count {
        sleep_until(next).await;
        next += command.interval;
        let datagram = probe.datagram(LOST_AFTER).await.map_err(|error| failed(error, room))?;
        results.datagram.add(datagram);
        let mut line = format!("{round:>4}  datagram {}", datagram.map_or_else(|| "lost".into(), shown));
        if command.room.is_some() {
            let stream = probe.stream().await.map_err(|error| failed(error, room))?;
            results.stream.add(Some(stream));
            line += &format!("  stream {}", shown(stream));
        }
        if !json {
            output::print(&(line + "\n"))?;
        }
    }
    Ok(())
}

fn failed(error: ProbeError, room: &str) -> anyhow::Error {
    match error {
        ProbeError::Refused { code, message } => refusal(code, &message, room).into(),
        ProbeError::Lost(reason) => connect::unreachable(&reason),
    }
}

fn shown(time: Duration) -> String {
    format!("{:8.3} ms", time.as_secs_f64() * 1000.0)
}

#[derive(Debug, Default)]
struct Results {
    datagram: Series,
    stream: Series,
}

/// Round trips of one kind.
#[derive(Debug, Default)]
struct Series {
    times: Vec<Duration>,
    lost: u32,
}

impl Series {
    fn add(&mut self, time: Option<Duration>) {
        match time {
            Some(time) => self.times.push(time),
            None => self.lost += 1,
        }
    }

    /// The time that this share of the round trips did not exceed (nearest rank); none without any.
    fn quantile(&self, share: f64) -> Option<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        let rank = (share * times.len() as f64).ceil() as usize;
        times.get(rank.max(1) - 1).copied()
    }

    fn sent(&self) -> usize {
        self.times.len() + self.lost as usize
    }

    fn json(&self) -> Value {
        let us = |share| self.quantile(share).map(|time| time.as_micros() as u64);
        json!({ "sent": self.sent(), "lost": self.lost, "p50_us": us(0.5), "p90_us": us(0.9), "max_us": us(1.0) })
    }

    fn line(&self, name: &str) -> String {
        let cell = |share| self.quantile(share).map_or_else(|| format!("{:>11}", "-"), shown);
        let lost = 100.0 * f64::from(self.lost) / self.sent().max(1) as f64;
        format!(
            "{name:<9} p50 {}  p90 {}  max {}  lost {} of {} ({lost:.0} %)\n",
            cell(0.5),
            cell(0.9),
            cell(1.0),
            self.lost,
            self.sent()
        )
    }
}

impl Results {
    fn print(&self, way: Way, json: bool) -> anyhow::Result<()> {
        let with_stream = self.stream.sent() > 0;
        if json {
            let stream = if with_stream { self.stream.json() } else { Value::Null };
            output::print_json(
                &json!({ "transport": way.name(), "datagram": self.datagram.json(), "stream": stream }),
            )?;
        } else {
            let stream = if with_stream { self.stream.line("stream") } else { String::new() };
            output::print(&(self.datagram.line("datagram") + &stream))?;
        }
        if self.datagram.times.is_empty() {
            return Err(
                Failure::new("No answer came.", "A firewall may drop UDP on the way, or the server has gone.").into()
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_round_trips_that_happened() {
        let mut series = Series::default();
        assert_eq!(series.quantile(0.5), None);
        (1..=10).rev().for_each(|ms| series.add(Some(Duration::from_millis(ms))));
        let at = |share| series.quantile(share).map(|time| time.as_millis());
        assert_eq!((at(0.5), at(0.9), at(1.0), at(0.0)), (Some(5), Some(9), Some(10), Some(1)));
    }

    #[test]
    fn what_is_lost_is_counted_and_shown() {
        let mut series = Series::default();
        series.add(None);
        series.add(Some(Duration::from_micros(250)));
        assert_eq!(series.json(), json!({ "sent": 2, "lost": 1, "p50_us": 250, "p90_us": 250, "max_us": 250 }));
        assert!(series.line("datagram").ends_with("lost 1 of 2 (50 %)\n"));
    }

    #[test]
    fn an_interval_is_a_number_of_seconds_within_reason() {
        assert_eq!(seconds("0.2"), Ok(Duration::from_millis(200)));
        for bad in ["0", "-1", "x", "NaN", "1e9"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
