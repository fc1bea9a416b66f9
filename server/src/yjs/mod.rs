//! Yjs clients as they are: the y-protocols messages of a stock `y-websocket` provider, read and written for one membership.
//!
//! The membership behind it is like any other, with the same limits, budget and log: the [`Interpreter`] says in frames what
//! the provider says in its messages, and the other way round. What the messages lack, it does for the client: it waits for its
//! turn when edits come faster than the budget allows, merging what waits, and never lets more wait than is bounded.
//!
//! Reading order: [`collab_proto::yjs`] (bytes), `edits` (what waits), `people` (cursors and names), `interpreter` (the whole). No clock
//! and no socket here: time is an argument.

mod edits;

mod people;

mod interpreter;

pub use interpreter::{Interpreter, Output, Wish};
