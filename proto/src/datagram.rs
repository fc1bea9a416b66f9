//! What goes in datagrams: small, unreliable, newest wins.

use serde::{Deserialize, Serialize};

use crate::{ClientId, MemberId, Slot};

/// One datagram, in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Datagram {
    /// From a client: please echo.
    Ping {
        /// Rising with every ping of the session.
        seq: u64,
        /// The client's own clock in microseconds; the server only echoes it.
        sent_at: u64,
    },
    /// From the server: the echo.
    Pong {
        /// As in the ping.
        seq: u64,
        /// As in the ping.
        sent_at: u64,
    },
    /// Where somebody's cursor is. A client sends its own; the server passes it on.
    Presence {
        /// The receiver's (or, from a client, the sender's) membership in this session.
        slot: Slot,
        /// Whose cursor. The server puts the true one, whatever a client wrote.
        member: MemberId,
        /// Rising with every move of this member; an older one is dropped.
        seq: u64,
        /// Where; none when the member looks elsewhere.
        cursor: Option<Cursor>,
    },
}

/// A selection. With an empty selection both ends are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Where the selection began.
    pub anchor: Position,
    /// Where the cursor is.
    pub head: Position,
}

/// A place in the text that stays where it is meant to be while others edit: a Yjs relative position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// Before everything.
    Start,
    /// After everything.
    End,
    /// Just before the character with this id.
    Before {
        /// The replica that wrote the character.
        client: ClientId,
        /// Its clock there, in UTF-16 code units.
        clock: u32,
    },
    /// Just after the character with this id.
    After {
        /// The replica that wrote the character.
        client: ClientId,
        /// Its clock there, in UTF-16 code units.
        clock: u32,
    },
}
