//! What a client is started with, and why it may refuse an edit.

use collab_proto::{ClientId, Credential, RoomName};

/// What a client is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The room.
    pub room: RoomName,
    /// The name that others see. The server cleans it, see [`crate::Event::NameChanged`].
    pub name: String,
    /// What opens the room the first time. Later joins use the resume token that the server gave.
    pub credential: Credential,
    /// Under which id this replica writes. Draw a new one for every new [`crate::Document`]: two replicas under one id
    /// corrupt the text. From 1 to 2^53 − 1.
    pub client_id: ClientId,
    /// Where chance starts: the same seed gives the same reconnect delays.
    pub seed: u64,
}

/// Why an edit was not made. The text is as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The member is a viewer.
    #[error("you may read this room but not change it")]
    ReadOnly,
    /// The range lies outside the text, or cuts a character in two.
    #[error("no such place in the text: {at} + {delete} of {len} UTF-16 units")]
    OutOfRange {
        /// Where the edit began, in UTF-16 units.
        at: u32,
        /// How much it would have removed, in UTF-16 units.
        delete: u32,
        /// How long the text is, in UTF-16 units.
        len: u32,
    },
    /// The document refused it, for example because it would grow too large.
    #[error("{0}")]
    Document(String),
}
