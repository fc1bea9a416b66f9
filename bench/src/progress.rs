//! What the user sees while it runs: one moving line on a terminal, a plain line now and then elsewhere. On standard error.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::book::Book;
use crate::stats::Kind;

/// Between two plain lines of one phase.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Shows the phases of a run.
#[derive(Debug)]
pub struct Progress {
    shown: Shown,
    phase: Cell<&'static str>,
    last_line: Cell<Instant>,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// A moving line when standard error is a terminal.
    pub fn new(quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let shown = match (quiet, bar.is_hidden()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Lines,
            (false, false) => Shown::Bar(bar),
        };
        Self { shown, phase: Cell::new(""), last_line: Cell::new(Instant::now()) }
    }

    /// A new phase begins, with so many steps.
    pub fn phase(&self, name: &'static str, steps: u64) {
        self.phase.set(name);
        self.last_line.set(Instant::now());
        match &self.shown {
            Shown::Nothing => {}
            Shown::Lines => eprintln!("{name}"),
            Shown::Bar(bar) => {
                bar.reset();
                bar.set_style(style());
                bar.set_length(steps);
                bar.set_prefix(name);
                bar.set_message("");
            }
        }
    }

    /// So many steps are done; `detail` says more.
    pub fn step(&self, done: u64, detail: impl FnOnce() -> String) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_position(done);
                bar.set_message(detail());
            }
            Shown::Lines if self.last_line.get().elapsed() >= PLAIN_EVERY => {
                self.last_line.set(Instant::now());
                eprintln!("{}: {done}  {}", self.phase.get(), detail());
            }
            Shown::Lines => {}
        }
    }

    /// How it goes, while users edit.
    pub fn look(&self, book: &Book) {
        if self.phase.get() == "editing" {
            let seconds = book.recorder().second();
            self.step(seconds, || so_far(book));
        }
    }

    /// Leaves the terminal clean for the results.
    pub fn finish(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn so_far(book: &Book) -> String {
    let (totals, edit) = (book.totals(), book.recorder().totals().of(Kind::Edit).summary());
    let ms = |us: u64| us as f64 / 1000.0;
    let (p50, p99) = (ms(edit.p50_us), ms(edit.p99_us));
    format!("{} edits, {} delivered, p50 {p50:.1} ms, p99 {p99:.1} ms", totals.sent, totals.delivered)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:<16} {bar:30} {pos}/{len}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
