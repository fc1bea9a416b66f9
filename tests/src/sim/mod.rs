//! The whole in one thread, on a virtual clock, driven by one seed: the real client core and the real room, with a network, a
//! disk and people that are played.
//!
//! [`run`] plays one seed. People write, paste, undo, go away and come back while the network loses, delays and cuts, the disk
//! fails, fills up and is slow, and the server crashes, restarts, unloads, compacts, deletes and creates rooms anew. Then
//! everything heals, and [`truth`] says what must hold. The same seed gives the same trace.
//!
//! Every character that anybody writes is written once in a run, so that the text alone shows what is lost and what is there
//! twice.

mod settings;

mod world;

mod people;

mod network;

mod server;

mod session;

mod fast;

mod disk;

mod chaos;

pub mod truth;

mod trace;

pub use settings::Settings;
pub use trace::Stats;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use collab_server::room::planted::Planted;

/// How a run went that found nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// A number for everything that happened, in its order.
    pub trace: u64,
    /// How often what happened.
    pub stats: Stats,
}

/// What a run found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// What must not be.
    pub what: String,
    /// A number for everything that happened until then, in its order.
    pub trace: u64,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "seed {}: {}\nreplay: make sim FIRST={} SEEDS=1 SIM_ARGS=--trace", self.seed, self.what, self.seed)
    }
}

impl std::error::Error for Failure {}

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Play {
    /// From where all chance comes.
    pub seed: u64,
    /// A mistake that the rooms make on purpose.
    pub planted: Option<Planted>,
    /// Whether everything that happens is printed.
    pub print: bool,
}

/// Plays one seed to its end.
///
/// # Errors
///
/// The first thing found wrong.
pub fn run(play: Play) -> Result<Summary, Failure> {
    let mut world = world::World::new(play);
    match world.play() {
        Ok(()) => Ok(Summary { trace: world.trace.number(), stats: world.trace.stats }),
        Err(what) => Err(Failure { seed: play.seed, what, trace: world.trace.number() }),
    }
}

/// Plays these seeds, on as many threads as there are processors, until `most` of them have failed.
pub fn run_all(seeds: Range<u64>, planted: Option<Planted>, most: usize) -> (Stats, Vec<Failure>) {
    let next = AtomicU64::new(seeds.start);
    let outcome = Mutex::new((Stats::default(), Vec::new()));
    let worker = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end {
            break;
        }
        let result = run(Play { seed, planted, print: false });
        let (stats, failures) = &mut *outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(summary) => stats.add(&summary.stats),
            Err(failure) => failures.push(failure),
        }
        if failures.len() >= most {
            break;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(worker))));
    let (stats, mut failures) = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort_by_key(|failure| failure.seed);
    (stats, failures)
}
