//! Every target on its seeds, and on seeds that a seeded random spoils, for a few seconds.

#![allow(clippy::unwrap_used)] // Helpers outside test functions, where the lint has no exception.

use std::panic::catch_unwind;

use collab_fuzz_targets::{TARGETS, Target, seeds::seeds};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// How many spoilt inputs each target gets; `HOSTILE_INPUTS` says another number.
const INPUTS: u64 = 3000;

#[test]
fn codec_keeps_its_promises() {
    check("codec");
}

#[test]
fn update_keeps_its_promises() {
    check("update");
}

#[test]
fn state_vector_keeps_its_promises() {
    check("state_vector");
}

#[cfg(feature = "room")]
#[test]
fn room_keeps_its_promises() {
    check("room");
}

fn check(name: &str) {
    let &(_, target) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let seeds = seeds(name);
    assert!(seeds.len() > 20, "{} seeds", seeds.len());
    seeds.iter().for_each(|seed| run(target, seed, "a seed"));
    let inputs = std::env::var("HOSTILE_INPUTS").map_or(INPUTS, |inputs| inputs.parse().unwrap());
    for number in 0..inputs {
        let mut random = StdRng::seed_from_u64(number);
        run(target, &spoilt(&mut random, &seeds), &format!("input {number}"));
    }
}

fn run(target: Target, input: &[u8], what: &str) {
    if catch_unwind(|| target(input)).is_err() {
        panic!("{what}: {}", input.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
}

/// A seed with bytes changed, lost, doubled or taken from another; one in four is noise behind a first byte.
fn spoilt(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds.choose(random).unwrap().clone();
    if random.random_ratio(1, 4) {
        input = (0..random.random_range(2..400)).map(|_| random.random()).collect();
    }
    for _ in 0..random.random_range(0..6) {
        if input.is_empty() {
            break;
        }
        let at = random.random_range(0..input.len());
        match random.random_range(0..5) {
            0 => input[at] = random.random(),
            1 => input[at] = input[at].wrapping_add(random.random_range(0..5)).wrapping_sub(2),
            2 => input.insert(at, random.random()),
            3 => drop(input.remove(at)),
            _ => {
                let other = seeds.choose(random).unwrap();
                input.truncate(at);
                input.extend_from_slice(&other[random.random_range(0..=other.len())..]);
            }
        }
    }
    input
}
