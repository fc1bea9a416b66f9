//! A room: one owner, one task, one bounded mailbox around a pure core.
//!
//! An edit goes through [`admission`] (step 7) to the mailbox of the room's [`task`] (step 8), into the [`core`] which inspects,
//! applies and fans out (steps 9 and 10), and from the task to the store (step 11); when the store says that it is durable, the
//! author is told (step 12). What the task decides is in [`keeper`]; [`registry`] knows which rooms are in memory.

pub mod core;

pub mod admission;

pub mod outbox;

pub mod turn;

pub mod roster;

pub mod presence;

pub mod keeper;

pub mod task;

pub mod registry;

#[cfg(feature = "planted-bugs")]
pub mod planted;

#[cfg(any(test, feature = "testing"))]
pub mod fixtures;
