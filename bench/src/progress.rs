//! What the user sees while a run goes on: a live view on a terminal, a plain line now and then elsewhere. On standard error.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::ledger::Totals;
use crate::live::{Amount, Live, MOST_MOMENTS, Moment, Scene};
use crate::report::unit::Unit;
use crate::series::Row;
use crate::series::recorder::Recorder;
use crate::stats::Kind;

/// Between two plain lines of one phase.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Shows the phases of a run.
#[derive(Debug)]
pub struct Progress {
    shown: Shown,
    now: RefCell<Now>,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Lines,
    Live(Live),
}

/// Where the run stands.
#[derive(Debug)]
struct Now {
    scene: Scene,
    since: Instant,
    last_line: Instant,
}

impl Progress {
    /// Of a run that has this title.
    pub fn new(quiet: bool, title: String) -> Self {
        let shown = match quiet {
            true => Shown::Nothing,
            false => Live::open().map_or(Shown::Lines, Shown::Live),
        };
        let now = Instant::now();
        Self {
            shown,
            now: RefCell::new(Now { scene: Scene { title, ..Scene::default() }, since: now, last_line: now }),
        }
    }

    /// A new phase begins, with so many steps; 0 when that is not known.
    pub fn phase(&self, name: &'static str, steps: u64) {
        self.begin(name, (steps > 0).then_some((Amount::Steps(0), Amount::Steps(steps))));
    }

    /// A new phase begins that lasts so long.
    pub fn timed_phase(&self, name: &'static str, length: Duration) {
        self.begin(name, Some((Amount::Time(Duration::ZERO), Amount::Time(length))));
    }

    fn begin(&self, name: &'static str, progress: Option<(Amount, Amount)>) {
        let mut now = self.now.borrow_mut();
        (now.since, now.last_line) = (Instant::now(), Instant::now());
        (now.scene.stage, now.scene.progress) = (name, progress);
        now.scene.detail.clear();
        match &self.shown {
            Shown::Nothing => {}
            Shown::Lines => eprintln!("{name}"),
            Shown::Live(live) => live.show(now.scene.clone()),
        }
    }

    /// So many steps of the phase are done; `detail` says more.
    pub fn step(&self, done: u64, detail: impl FnOnce() -> String) {
        if matches!(self.shown, Shown::Nothing) {
            return;
        }
        let mut now = self.now.borrow_mut();
        if let Some((Amount::Steps(at), _)) = &mut now.scene.progress {
            *at = done;
        }
        now.scene.detail = detail();
        self.show(&mut now);
    }

    /// How it goes.
    pub fn look(&self, recorder: &Recorder, totals: Totals, errors: BTreeMap<String, u64>) {
        if matches!(self.shown, Shown::Nothing) {
            return;
        }
        let mut now = self.now.borrow_mut();
        let elapsed = now.since.elapsed();
        if let Some((Amount::Time(at), Amount::Time(of))) = &mut now.scene.progress {
            *at = elapsed.min(*of);
        }
        now.scene.observe(recorder, totals);
        now.scene.errors = errors.into_iter().collect();
        self.show(&mut now);
    }

    fn show(&self, now: &mut Now) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Live(live) => live.show(now.scene.clone()),
            Shown::Lines if now.last_line.elapsed() >= PLAIN_EVERY => {
                now.last_line = Instant::now();
                eprintln!("{}", now.scene.line());
            }
            Shown::Lines => {}
        }
    }
}

impl Scene {
    fn observe(&mut self, recorder: &Recorder, totals: Totals) {
        (self.sent, self.delivered, self.under_way) = (totals.sent, totals.delivered, totals.lost());
        self.latencies = Kind::ALL.map(|kind| recorder.totals().of(kind).summary());
        let Some(series) = recorder.series() else { return };
        let first = series.rows().len().saturating_sub(MOST_MOMENTS);
        self.moments.clear();
        self.moments.extend(series.rows()[first..].iter().map(|row| Moment::new(row, series.step_s())));
    }

    /// All of it in a line.
    fn line(&self) -> String {
        let mut line = self.stage.to_owned();
        match self.progress {
            Some((Amount::Steps(done), Amount::Steps(of))) => line += &format!(": {done} of {of}"),
            Some((Amount::Time(done), Amount::Time(of))) => {
                line += &format!(": {} of {} s", done.as_secs(), of.as_secs_f64());
            }
            _ => {}
        }
        if self.sent > 0 {
            let edit = self.latencies[Kind::Edit as usize];
            let [p50, p99] = [edit.p50_us, edit.p99_us].map(|us| Unit::Time.show(us as f64));
            line += &format!("  {} edits, {} delivered, p50 {p50}, p99 {p99}", self.sent, self.delivered);
        }
        if !self.detail.is_empty() {
            line += &format!("  {}", self.detail);
        }
        let errors: u64 = self.errors.iter().map(|(_, count)| count).sum();
        if errors > 0 { line + &format!("  {errors} errors") } else { line }
    }
}

impl Moment {
    fn new(row: &Row, step_s: u64) -> Self {
        let edit = row.summary(Kind::Edit);
        let per_second = |count: u64| count as f64 / step_s as f64;
        Self {
            sent: per_second(row.sent),
            delivered: per_second(edit.count),
            edit_us: (edit.count > 0).then_some((edit.p50_us, edit.p99_us)),
            server_cores: row.server.map(|server| server.cpu_s / step_s as f64),
            server_rss_bytes: row.server.map(|server| server.rss_bytes),
        }
    }
}
