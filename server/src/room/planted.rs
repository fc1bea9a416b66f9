//! Mistakes that a simulation must find. Compiled for tests alone.

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
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::LostAck, Self::SkippedResync, Self::DroppedEdit, Self::UnsyncedAck, Self::IgnoredGeneration];
}
