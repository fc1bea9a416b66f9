//! The same histories on this project's text and on Yjs, honest and hostile: what is read must be the same.
//!
//! `differential OPERATIONS [SEED]` plays until so many operations were compared. Every room has a server's document, two
//! honest replicas here and two in Yjs, and a mirror of the server's document in Yjs, which is given every update that the
//! server took, byte for byte and in the same order. Hostile updates come to the server from a stranger. After every round
//! the mirror shows the server's text, live and reloaded; when a history ends all replicas do.

#![allow(clippy::unwrap_used)] // A program of tests: it ends where a promise is broken.

mod yjs;

mod history;

use history::History;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use yjs::Yjs;

/// Rooms that are played at once, so that one exchange with Yjs serves them all.
const ROOMS: u64 = 64;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let wanted = arguments.next().and_then(Result::ok).unwrap_or(100_000);
    let first = arguments.next().and_then(Result::ok).unwrap_or(1);
    let mut yjs = Yjs::start();
    let mut total = history::Count::default();
    let mut told = 0;
    for seed in first.. {
        total += play(seed, &mut yjs);
        if total.operations >= told + 1_000_000 {
            told = total.operations;
            println!("{total}; seed {seed}");
        }
        if total.operations >= wanted {
            break;
        }
    }
    println!("{total}: the same text everywhere");
}

/// Plays some rooms to their end, all drawn from one seed.
fn play(seed: u64, yjs: &mut Yjs) -> history::Count {
    let mut random = StdRng::seed_from_u64(seed);
    let mut rooms: Vec<History> = (0..ROOMS).map(|room| History::new(seed, room, yjs)).collect();
    for _ in 0..random.random_range(1..25) {
        rooms.iter_mut().for_each(|room| room.round(&mut random, yjs));
        let mut answers = yjs.exchange();
        rooms.iter_mut().for_each(|room| room.compare(&mut answers));
    }
    // What the replicas in Yjs wrote last, then everything to everybody.
    rooms.iter_mut().for_each(|room| room.collect(yjs));
    let mut answers = yjs.exchange();
    rooms.iter_mut().for_each(|room| room.compare(&mut answers));
    rooms.iter_mut().for_each(|room| room.settle(yjs));
    let mut answers = yjs.exchange();
    rooms.into_iter().map(|room| room.finish(&mut answers)).sum()
}
