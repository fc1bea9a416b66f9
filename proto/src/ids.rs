//! Names and numbers that identify things.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_ROOM_NAME_CHARS;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A person's presence in a room, given by the server. It survives reconnecting with a resume token. At most 2^53 − 1.
    MemberId(u64)
}
number! {
    /// A replica's id in the CRDT, chosen by the client at random. At most 2^53 − 1.
    ClientId(u64)
}
number! {
    /// An edit as its author numbers it: rising within one membership, so that `Saved` and `Rejected` can name it.
    EditId(u64)
}
number! {
    /// One life of a room's text, drawn at random when it is created or restored. Texts of two generations are never merged:
    /// that would double them. At most 2^53 − 1.
    Generation(u64)
}
number! {
    /// A room membership within one session, so that a datagram can say which room it is about.
    Slot(u32)
}

/// The name of a room: 1 to 64 of `a`–`z`, `0`–`9`, `-` and `_`. It is safe in a URL, a file name and a message subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomName(String);

/// Why a string is not a room's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a room needs a name")]
    Empty,
    /// More than [`MAX_ROOM_NAME_CHARS`].
    #[error("a room's name has at most {MAX_ROOM_NAME_CHARS} characters")]
    TooLong,
    /// A character outside the alphabet.
    #[error("a room's name is made of a–z, 0–9, - and _; {0:?} is not among them")]
    Character(char),
}

impl RoomName {
    /// Checks a name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
        if let Some(c) = name.chars().find(|c| !allowed(*c)) {
            return Err(NameError::Character(c));
        }
        if name.len() > MAX_ROOM_NAME_CHARS {
            return Err(NameError::TooLong);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

impl TryFrom<String> for RoomName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::parse(&name)
    }
}

impl From<RoomName> for String {
    fn from(name: RoomName) -> Self {
        name.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_checked_at_its_edges() {
        assert!(RoomName::parse("a").is_ok());
        assert!(RoomName::parse(&"a".repeat(64)).is_ok());
        assert_eq!(RoomName::parse(&"a".repeat(65)), Err(NameError::TooLong));
        assert_eq!(RoomName::parse(""), Err(NameError::Empty));
        assert_eq!(RoomName::parse("Demo"), Err(NameError::Character('D')));
        assert_eq!(RoomName::parse("a.b"), Err(NameError::Character('.')));
        assert_eq!(RoomName::parse("été"), Err(NameError::Character('é')));
    }
}
