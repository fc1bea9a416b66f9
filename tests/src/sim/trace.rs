//! What happened, as one number, as counts, and as lines for whoever replays a seed.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

/// How often what happened, over one run or many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats(BTreeMap<&'static str, u64>);

impl Stats {
    pub(super) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// How often this happened.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    /// Takes in another run's.
    pub fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>12}  {what}"))
    }
}

pub(super) struct Trace {
    hash: Hash,
    print: bool,
    pub(super) stats: Stats,
}

struct Hash(DefaultHasher);

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Trace {
    pub(super) fn new(print: bool) -> Self {
        Self { hash: Hash(DefaultHasher::new()), print, stats: Stats::default() }
    }

    pub(super) fn note(&mut self, at: Duration, what: fmt::Arguments<'_>) {
        self.hash.0.write_u128(at.as_nanos());
        // A hash takes everything.
        let _ = self.hash.write_fmt(what);
        if self.print {
            println!("{:>12.6} {what}", at.as_secs_f64());
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.hash.0.finish()
    }
}

/// A number for bytes, for the trace.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let mut hash = DefaultHasher::new();
    hash.write(bytes);
    hash.finish()
}
