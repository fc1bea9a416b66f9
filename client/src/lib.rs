//! A client of collab: a room's text on this side of the network.
//!
//! The core is a state machine without input and output: [`Client`] is told what happens (`handle_*`, and what the user
//! does) and is asked what it wants (`poll_transmit`, `poll_timeout`, `poll_event`). Time is an argument and chance comes
//! from a seed, so that a test or a simulation replays it exactly. The terminal client, the load generator and the
//! simulation all run this one.
//!
//! The road of an edit here: [`Client::splice`] changes the text at once → `outbox` keeps it until it is saved → `budget`
//! says when it may go → [`Client::poll_transmit`] hands out the frame → `Saved` comes back.
//!
//! With the feature `driver` there is also what moves the bytes: the module `driver` (WebTransport over one UDP socket), the
//! module `trust` (which certificates are believed) and the module `api` (HTTP).

pub mod config;

pub mod event;

mod client;
mod connection;
mod edit;
mod session;
mod view;

mod outbox;

mod budget;

mod backoff;

mod heartbeat;

mod roster;

mod presence;

#[cfg(feature = "driver")]
pub mod trust;

#[cfg(feature = "driver")]
mod known_servers;

#[cfg(feature = "driver")]
pub mod driver;

#[cfg(feature = "driver")]
pub mod api;

#[cfg(feature = "driver")]
mod seal;

#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use budget::Budget;
pub use client::{Client, Unsent};
pub use config::{Config, EditError};
pub use event::{Event, SaveState, State, Transmit};
pub use heartbeat::Latency;
pub use roster::Roster;
pub use session::Session;

pub use collab_document::Document;
