//! Hostile bytes, and what must hold whatever they are. Each target takes any bytes and panics when a promise is broken.
//!
//! The fuzzer (`make fuzz`) searches for such bytes by coverage; `tests/smoke.rs` drives the same functions with mutated
//! seeds on stable Rust. Inputs that once broke a promise are kept under `fuzz/findings`.

#![allow(clippy::unwrap_used)] // A target panics where a promise is broken: that is how it speaks.

mod codec;

mod document;

pub mod craft;

#[cfg(feature = "room")]
mod room;

#[cfg(feature = "room")]
mod person;

pub mod seeds;

pub use codec::codec;
pub use document::{state_vector, update};
#[cfg(feature = "room")]
pub use room::room;

/// A function that any bytes may be given.
pub type Target = fn(&[u8]);

/// Every target, by the name that the fuzzer knows it under.
pub const TARGETS: &[(&str, Target)] = &[
    ("codec", codec),
    ("update", update),
    ("state_vector", state_vector),
    #[cfg(feature = "room")]
    ("room", room),
];
