//! What users tell while a run goes on.

use std::time::{Duration, Instant};

use super::{Packed, Row, Series, ServerUse};
use hdrhistogram::CreationError;

use crate::machine::Usage;
use crate::series::timeline::{StageMark, Timeline};
use crate::stats::{Kind, Latencies, Precision};

/// Everything that is timed and counted, over the whole run and in each second. Time is an argument, a sample allocates
/// nothing, and memory is bounded.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    totals: Latencies,
    second: Second,
    past: Past,
    stages: Vec<StageMark>,
    server: Option<Usage>,
    own: Option<Usage>,
}

/// What becomes of the seconds that are over.
#[derive(Debug)]
enum Past {
    /// They are kept.
    Kept(Series),
    /// Somebody else keeps them, who fetches them by their numbers.
    Fetched(Vec<(u64, Row)>),
}

/// The second that is not over yet.
#[derive(Debug)]
struct Second {
    number: u64,
    end: Instant,
    latencies: Latencies,
    sent: u64,
    errors: u64,
}

impl Recorder {
    /// The run begins.
    pub fn new(start: Instant) -> Result<Self, CreationError> {
        Self::with(Past::Kept(Series::new()), start)
    }

    /// The run begins; what its seconds were like is [fetched](Self::fetch) now and then.
    pub fn to_be_fetched(start: Instant) -> Result<Self, CreationError> {
        Self::with(Past::Fetched(Vec::new()), start)
    }

    fn with(past: Past, start: Instant) -> Result<Self, CreationError> {
        let latencies = Latencies::new(Precision::Fine)?;
        Ok(Self {
            start,
            totals: Latencies::new(Precision::Finest)?,
            second: Second { number: 0, end: start + Duration::from_secs(1), latencies, sent: 0, errors: 0 },
            past,
            stages: Vec::new(),
            server: None,
            own: None,
        })
    }

    /// Something took so long, and was over at `now`.
    pub fn time(&mut self, kind: Kind, latency: Duration, now: Instant) {
        self.tick(now);
        self.totals.record(kind, latency);
        self.second.latencies.record(kind, latency);
    }

    /// An edit was made.
    pub fn sent(&mut self, now: Instant) {
        self.tick(now);
        self.second.sent += 1;
    }

    /// Something went wrong.
    pub fn error(&mut self, now: Instant) {
        self.tick(now);
        self.second.errors += 1;
    }

    /// The run goes on with this.
    pub fn stage(&mut self, name: &str, now: Instant) {
        self.tick(now);
        let at_s = now.saturating_duration_since(self.start).as_secs_f64();
        self.stages.push(StageMark { name: name.to_owned(), at_s });
    }

    /// What the server has used until now. To be told once a second, or whenever; the difference belongs to the second that
    /// ended last. A server that was started anew begins at 0.
    pub fn server(&mut self, usage: Usage, now: Instant) {
        self.tick(now);
        let Some(before) = self.server.replace(usage) else { return };
        let used = usage.cpu.checked_sub(before.cpu).unwrap_or(usage.cpu);
        let server = Some(ServerUse { cpu_s: used.as_secs_f64(), rss_bytes: usage.rss_bytes });
        self.past.add(self.second.number.saturating_sub(1), Row { server, ..Row::default() });
    }

    /// What this program has used until now, told as [`Self::server`].
    pub fn own(&mut self, usage: Usage, now: Instant) {
        self.tick(now);
        let Some(before) = self.own.replace(usage) else { return };
        let generator_cpu_s = Some(usage.cpu.saturating_sub(before.cpu).as_secs_f64());
        self.past.add(self.second.number.saturating_sub(1), Row { generator_cpu_s, ..Row::default() });
    }

    /// Time passes. What is told for an earlier time than `now` from here on counts as of the second of `now`.
    pub fn tick(&mut self, now: Instant) {
        while now >= self.second.end {
            let row = self.second.close();
            self.past.add(self.second.number - 1, row);
        }
    }

    /// Adds what happened elsewhere in a second of this run. The percentiles of the whole are as fine as those of a second then.
    pub fn add(&mut self, second: u64, row: Row) {
        for kind in Kind::ALL {
            if let Some(latency) = row.latency(kind) {
                self.totals.add_to(kind, &latency);
            }
        }
        self.past.add(second, row);
    }

    /// What happened in seconds that nobody has fetched yet, by their numbers.
    pub fn fetch(&mut self) -> Vec<(u64, Row)> {
        match &mut self.past {
            Past::Fetched(rows) => std::mem::take(rows),
            Past::Kept(_) => Vec::new(),
        }
    }

    /// When the run began.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// The number of the second that is not over yet.
    pub fn second(&self) -> u64 {
        self.second.number
    }

    /// The distributions over the whole run.
    pub fn totals(&self) -> &Latencies {
        &self.totals
    }

    /// The seconds that are over and kept.
    pub fn series(&self) -> Option<&Series> {
        match &self.past {
            Past::Kept(series) => Some(series),
            Past::Fetched(_) => None,
        }
    }

    /// The run is over, within a second.
    pub fn end(&mut self) {
        let row = self.second.close();
        self.past.add(self.second.number - 1, row);
    }

    /// What was kept, after the [end](Self::end).
    pub fn timeline(&self) -> Timeline {
        self.series().map_or_else(Timeline::default, |series| Timeline::new(series, self.stages.clone()))
    }
}

impl Past {
    fn add(&mut self, second: u64, row: Row) {
        match self {
            Self::Kept(series) => series.add(second, row),
            Self::Fetched(rows) => rows.push((second, row)),
        }
    }
}

impl Second {
    /// What happened in it; the next one begins.
    fn close(&mut self) -> Row {
        let latencies = Kind::ALL.map(|kind| Packed::new(self.latencies.of(kind)));
        let row = Row { sent: self.sent, errors: self.errors, latencies, ..Row::default() };
        self.number += 1;
        self.end += Duration::from_secs(1);
        self.latencies.clear();
        (self.sent, self.errors) = (0, 0);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    fn used(cpu_ms: u64, rss_bytes: u64) -> Usage {
        Usage { cpu: Duration::from_millis(cpu_ms), rss_bytes, peak_rss_bytes: rss_bytes }
    }

    #[test]
    fn what_happens_counts_in_its_second_and_in_the_whole() {
        let start = Instant::now();
        let mut recorder = Recorder::new(start).unwrap();
        recorder.stage("editing", start);
        recorder.sent(at(start, 100));
        recorder.time(Kind::Edit, Duration::from_millis(3), at(start, 999));
        recorder.time(Kind::Edit, Duration::from_millis(5), at(start, 1000));
        recorder.error(at(start, 3500));
        recorder.end();
        let timeline = recorder.timeline();
        let delivered: Vec<_> = timeline.seconds.iter().map(|point| point.delivered).collect();
        assert_eq!(delivered, [1, 1, 0, 0]);
        assert_eq!((timeline.seconds[0].sent, timeline.seconds[3].errors), (1, 1));
        assert_eq!(timeline.seconds[2].edit_us, None, "nothing arrived");
        assert_eq!(recorder.totals().of(Kind::Edit).summary().count, 2);
    }

    #[test]
    fn the_servers_use_belongs_to_the_second_that_ended() {
        let start = Instant::now();
        let mut recorder = Recorder::new(start).unwrap();
        recorder.server(used(500, 10), start);
        recorder.server(used(700, 30), at(start, 1010));
        recorder.server(used(50, 5), at(start, 2010));
        recorder.end();
        let timeline = recorder.timeline();
        let cores: Vec<_> = timeline.seconds.iter().map(|point| point.server_cores).collect();
        assert_eq!(cores, [Some(0.2), Some(0.05), None], "the last one is another process");
        assert_eq!(timeline.seconds[0].server_rss_bytes, Some(30));
    }

    #[test]
    fn the_programs_own_use_belongs_to_the_second_that_ended() {
        let start = Instant::now();
        let mut recorder = Recorder::new(start).unwrap();
        recorder.own(used(500, 10), start);
        recorder.own(used(1450, 10), at(start, 1000));
        recorder.end();
        let cores: Vec<_> = recorder.timeline().seconds.iter().map(|point| point.generator_cores).collect();
        assert_eq!(cores, [Some(0.95), None]);
    }

    #[test]
    fn a_clock_that_was_read_earlier_does_not_go_back() {
        let start = Instant::now();
        let mut recorder = Recorder::new(start).unwrap();
        recorder.sent(at(start, 2000));
        recorder.sent(at(start, 1999));
        recorder.sent(start - Duration::from_secs(5));
        recorder.end();
        assert_eq!(recorder.timeline().seconds.iter().map(|point| point.sent).collect::<Vec<_>>(), [0, 0, 3]);
    }

    #[test]
    fn seconds_that_are_fetched_and_added_elsewhere_are_as_if_they_had_been_there() {
        let start = Instant::now();
        let tell = |recorder: &mut Recorder, user: u64| {
            for ms in [100, 900, 2500] {
                recorder.sent(at(start, ms));
                recorder.time(Kind::Edit, Duration::from_millis(user + ms % 7), at(start, ms));
            }
            recorder.end();
        };
        let mut whole = Recorder::new(start).unwrap();
        let mut sum = Recorder::new(start).unwrap();
        for user in [3, 50] {
            let mut part = Recorder::to_be_fetched(start).unwrap();
            tell(&mut part, user);
            assert!(part.series().is_none());
            part.fetch().into_iter().for_each(|(second, row)| sum.add(second, row));
            assert_eq!(part.fetch(), []);
        }
        for ms in [100, 900, 2500] {
            for user in [3, 50] {
                whole.sent(at(start, ms));
                whole.time(Kind::Edit, Duration::from_millis(user + ms % 7), at(start, ms));
            }
        }
        whole.end();
        assert_eq!(sum.timeline(), whole.timeline());
        assert_eq!(sum.totals().of(Kind::Edit).summary().count, 6);
    }
}
