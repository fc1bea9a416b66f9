//! Why something was refused, as a number that never changes its meaning.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why a join, an edit or a session was refused.
        ///
        /// Numbers 4400 to 4499 are *permanent*: the same request will be refused again, so a client never repeats it by
        /// itself. Numbers 4500 to 4599 are for *retry*: the same request may pass later. A number that this version does not
        /// know keeps its band's meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// A number that a later version added.
            Other(u16),
        }

        impl Code {
            /// Every code that this version knows.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The number on the wire.
            pub const fn number(self) -> u16 {
                match self {
                    $(Code::$name => $number,)*
                    Code::Other(number) => number,
                }
            }

            /// The code for a number. Total: an unknown number becomes [`Code::Other`].
            pub const fn from_number(number: u16) -> Self {
                match number {
                    $($number => Code::$name,)*
                    other => Code::Other(other),
                }
            }

            /// What happened and what to do, as a sentence for people.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                    Code::Other(4400..=4499) => "The server refused this; a newer client may know why.",
                    Code::Other(_) => "The server cannot do this now; try again later.",
                }
            }
        }
    };
}

codes! {
    /// The bytes are not a frame.
    Malformed = 4400, "These bytes are not a message of this protocol.";
    /// The password does not open the room.
    WrongPassword = 4401, "Wrong password for this room.";
    /// The token is not ours, has ended, or was made for another room or an older password.
    BadToken = 4402, "This token is not valid any more; join with the password.";
    /// No room has this name.
    NoSuchRoom = 4404, "There is no room of this name; create it first.";
    /// The protocol version is not spoken here.
    UnsupportedProtocol = 4405, "This server does not speak that version of the protocol; update the older side.";
    /// The room's or the person's name is not allowed.
    BadName = 4406, "This name is not allowed: rooms use a–z, 0–9, - and _ (64 at most), people 1 to 40 characters.";
    /// Another frame was expected, such as an edit before joining.
    UnexpectedFrame = 4407, "This message is not allowed at this point.";
    /// An owner removed the member.
    Removed = 4408, "You were removed from this room.";
    /// An owner banned the member.
    Banned = 4409, "You may not join this room.";
    /// The room was deleted while the member was in it.
    RoomDeleted = 4410, "This room was deleted.";
    /// The room's text began a new life; the client's copy must not be merged into it.
    GenerationChanged = 4411, "This room was restored or made anew; keep a copy of your text, then join afresh.";
    /// The same member joined from elsewhere.
    Replaced = 4412, "You joined this room again from another place; this connection ends.";
    /// The frame is longer than allowed.
    FrameTooLarge = 4413, "This message is too large.";
    /// The update is longer than allowed.
    UpdateTooLarge = 4414, "This edit is too large; make it in smaller parts.";
    /// The update breaks a rule of the shared text.
    InvalidUpdate = 4415, "This edit is not a valid change of a text.";
    /// The update adds operations under somebody else's client id.
    ForeignAuthor = 4416, "This edit claims to come from another person who is here.";
    /// The document has reached its largest size.
    DocumentFull = 4417, "This text has reached its largest size; remove something first.";
    /// The member may only read.
    ReadOnly = 4418, "You may read this room but not change it.";
    /// The room's password was changed.
    PasswordChanged = 4419, "The password of this room was changed; join with the new one.";
    /// The state vector breaks a rule.
    InvalidStateVector = 4420, "This state vector is not valid.";
    /// A room of this name exists.
    RoomExists = 4421, "A room of this name exists already.";
    /// The password is too short or too long.
    BadPassword = 4422, "A password has 6 characters at least and 256 bytes at most.";
    /// The request lacks the admin token, or it is wrong.
    Unauthorized = 4423, "This needs the server's admin token.";
    /// The HTTP request is not understood.
    BadRequest = 4424, "The request is not understood.";

    /// Something went wrong in the server.
    Internal = 4500, "Something went wrong in the server; it was logged. Try again.";
    /// Too many are joining just now.
    Busy = 4501, "The server is busy; try again in a moment.";
    /// The room has as many members as it may have.
    RoomFull = 4502, "This room is full; try again later.";
    /// The server is shutting down.
    Draining = 4503, "The server is restarting; come back in a moment.";
    /// Too many edits, or too many wrong passwords.
    RateLimited = 4504, "Too fast; wait a moment.";
    /// The update builds on something that the server does not have.
    ResyncNeeded = 4505, "This edit builds on changes that the server does not have; synchronise first.";
    /// The store could not write or read.
    Storage = 4506, "The server could not store this; it stays with you and is sent again.";
    /// The reader made no progress for too long.
    Stalled = 4507, "The connection did not keep up.";
    /// The session has as many memberships as it may have, or the server as many sessions.
    TooMany = 4508, "Too many connections or rooms at once.";
}

impl Code {
    /// Whether the same request would be refused again. A client never repeats it by itself.
    pub const fn is_permanent(self) -> bool {
        matches!(self.number(), 4400..=4499)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.sentence(), self.number())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.number())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u16::deserialize(deserializer).map(Self::from_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_to_its_code_and_back() {
        for number in 0..=u16::MAX {
            assert_eq!(Code::from_number(number).number(), number);
        }
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), *code);
            assert!((4400..4600).contains(&code.number()));
        }
    }

    #[test]
    fn bands_say_whether_to_try_again() {
        assert!(Code::WrongPassword.is_permanent());
        assert!(!Code::Busy.is_permanent());
        assert!(Code::Other(4499).is_permanent());
        assert!(!Code::Other(4599).is_permanent());
        assert!(!Code::Other(7).is_permanent());
    }
}
