//! What a seed is played with: limits small enough to be reached, and how bad the world is.

use std::time::Duration;

use collab_proto::api::Pace;
use collab_server::room::admission::Limits;
use collab_server::room::keeper::{Compaction, Housekeeping};
use rand::RngExt;
use rand::rngs::StdRng;

/// How one run is set up, drawn from its seed.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) people: usize,
    pub(super) rooms: usize,
    pub(super) limits: Limits,
    pub(super) housekeeping: Housekeeping,
    /// How long the trouble lasts.
    pub(super) trouble: Duration,
    /// Mean time between two actions of a person.
    pub(super) pace: Duration,
    /// Mean time between two misfortunes of all.
    pub(super) misfortune: Duration,
    /// Shortest way through the network.
    pub(super) delay: Duration,
    /// What comes on top of it at most.
    pub(super) jitter: Duration,
    /// How many datagrams of a hundred are lost.
    pub(super) loss: u32,
    /// Bytes on their way to a client that has not read them, at most.
    pub(super) window: usize,
    /// Bytes that may wait for the disk.
    pub(super) disk_bytes: usize,
}

impl Settings {
    pub(super) fn draw(rng: &mut StdRng) -> Self {
        let ms = |rng: &mut StdRng, range: std::ops::Range<u64>| Duration::from_millis(rng.random_range(range));
        let burst = rng.random_range(3..40);
        Self {
            people: rng.random_range(2..6),
            rooms: if rng.random_ratio(1, 4) { 2 } else { 1 },
            limits: Limits {
                pace: Pace {
                    throttle_ms: rng.random_range(20..400_u64) as u32,
                    edits_per_minute: rng.random_range(30..900),
                    burst,
                },
                max_update_bytes: 256 * 1024,
                max_document_bytes: 4 * 1024 * 1024,
                max_members: 16,
                outbox_bytes: rng.random_range(100..1_500),
            },
            housekeeping: Housekeeping {
                compaction: Compaction { updates: rng.random_range(3..60), bytes: rng.random_range(500..20_000) },
                idle: ms(rng, 100..3_000),
            },
            trouble: ms(rng, 10_000..45_000),
            pace: ms(rng, 100..1_500),
            misfortune: ms(rng, 2_000..25_000),
            delay: ms(rng, 1..80),
            jitter: ms(rng, 1..80),
            loss: rng.random_range(0..30),
            window: rng.random_range(50..1_500),
            disk_bytes: rng.random_range(200..8_000),
        }
    }
}
