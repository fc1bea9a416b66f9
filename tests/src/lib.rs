//! Tests of the whole: the real programs, over the real network of this machine. Each test has a server of its own.
//!
//! [`server::TestServer`] is the built `collab-server` on free ports and a temporary folder; [`person::Person`] is somebody
//! who edits with the project's client; [`wire::Wire`] sends any bytes, [`socket::Socket`] over WebSocket; [`relay::Relay`] is a network that fails,
//! [`network::Network`] one of the kernel;
//! [`cli::Cli`] runs the built `collab-cli` in a home of its own. All of them wait for events, never for time, and give up
//! after [`PATIENCE`] with what they saw until then.

pub mod server;

pub mod person;

pub mod wire;

pub mod socket;

pub mod relay;

pub mod network;

pub mod cli;

pub mod vectors;

pub mod process;

pub mod sim;

use std::time::Duration;

/// How long anything may take. Far longer than it does: two cores may be busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The password of rooms made by tests.
pub const PASSWORD: &str = "correct horse";

/// Chance for a test: from `COLLAB_TEST_SEED`, or drawn. It is printed, so that a failure can be run again.
pub fn seed() -> u64 {
    let given = std::env::var("COLLAB_TEST_SEED").ok().map(|text| text.parse().expect("COLLAB_TEST_SEED is a number"));
    let seed = given.unwrap_or_else(rand::random);
    println!("COLLAB_TEST_SEED={seed}");
    seed
}
