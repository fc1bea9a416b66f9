//! Mistakes that a simulation and the load generator must find. Compiled for tests alone.

use std::env;

use super::keeper::Keeper;

/// A mistake that a room makes on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Some edits' authors are never told that the edit is durable.
    LostAck,
    /// A slow reader who has caught up is answered without what was dropped.
    SkippedResync,
    /// The first edit that does not fit into an outbox is not part of the cure.
    DroppedEdit,
    /// Authors are told before the edit is durable.
    UnsyncedAck,
    /// A copy of another generation is let in.
    IgnoredGeneration,
    /// Some edits do not reach the member who came last.
    LostDelivery,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::LostAck,
        Self::SkippedResync,
        Self::DroppedEdit,
        Self::UnsyncedAck,
        Self::IgnoredGeneration,
        Self::LostDelivery,
    ];

    /// The mistake that every room of this process makes: the one of the name in the environment variable `PLANTED_BUG`.
    pub fn of_this_process() -> Option<Self> {
        let name = env::var("PLANTED_BUG").ok()?;
        Self::ALL.into_iter().find(|planted| format!("{planted:?}") == name)
    }
}

/// Lets a room make the mistake of this process, if there is one.
pub fn plant(mut keeper: Keeper) -> Keeper {
    if let Some(planted) = Planted::of_this_process() {
        tracing::warn!(?planted, "this room makes a mistake on purpose");
        keeper.core_mut().plant(planted);
    }
    keeper
}
