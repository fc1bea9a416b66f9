//! How often people may change the text of a room, where the room differs from its server.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::limits::{MAX_ROOM_BURST, MAX_ROOM_EDITS_PER_MINUTE, MAX_ROOM_THROTTLE_MS};

/// How often each user may change a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Edits per minute that a user's budget refills.
    pub edits_per_minute: u32,
    /// Edits that a full budget holds.
    pub burst: u32,
    /// Shortest time between two edits, in milliseconds.
    pub throttle_ms: u32,
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { edits_per_minute, burst, throttle_ms } = self;
        write!(f, "{edits_per_minute} edits a minute, {burst} at once, {throttle_ms} ms between two")
    }
}

/// What a room decides for itself; none goes by the server. The order of the fields is part of the store's format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoomPolicy {
    /// From 1 to [`MAX_ROOM_EDITS_PER_MINUTE`].
    pub edits_per_minute: Option<u32>,
    /// From 1 to [`MAX_ROOM_BURST`]. None is as many as the room's own number a minute, if it has one.
    pub burst: Option<u32>,
    /// At most [`MAX_ROOM_THROTTLE_MS`].
    pub throttle_ms: Option<u32>,
}

impl RoomPolicy {
    /// Whether a room may decide that.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], for the first number out of its bounds.
    pub fn check(&self) -> Result<(), PolicyError> {
        let bounds = [
            ("edits_per_minute", self.edits_per_minute, 1, MAX_ROOM_EDITS_PER_MINUTE),
            ("burst", self.burst, 1, MAX_ROOM_BURST),
            ("throttle_ms", self.throttle_ms, 0, MAX_ROOM_THROTTLE_MS),
        ];
        let outside =
            bounds.into_iter().find(|(_, value, least, most)| value.is_some_and(|it| it < *least || it > *most));
        outside.map_or(Ok(()), |(name, _, least, most)| Err(PolicyError { name, least, most }))
    }

    /// What holds in the room, on a server where `server` holds elsewhere.
    pub fn over(&self, server: Pace) -> Pace {
        Pace {
            edits_per_minute: self.edits_per_minute.unwrap_or(server.edits_per_minute),
            burst: self.burst.or(self.edits_per_minute).unwrap_or(server.burst),
            throttle_ms: self.throttle_ms.unwrap_or(server.throttle_ms),
        }
    }
}

/// A number in a [`RoomPolicy`] that a room may not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a room's {name} is between {least} and {most}")]
pub struct PolicyError {
    name: &'static str,
    least: u32,
    most: u32,
}

/// `PATCH /api/rooms/{name}/policy`: what is named changes, null goes by the server again, what is not named stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChangePolicy {
    /// See [`RoomPolicy::edits_per_minute`].
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    pub edits_per_minute: Option<Option<u32>>,
    /// See [`RoomPolicy::burst`].
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    pub burst: Option<Option<u32>>,
    /// See [`RoomPolicy::throttle_ms`].
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    pub throttle_ms: Option<Option<u32>>,
}

impl ChangePolicy {
    /// The policy after the change.
    pub fn of(self, before: RoomPolicy) -> RoomPolicy {
        RoomPolicy {
            edits_per_minute: self.edits_per_minute.unwrap_or(before.edits_per_minute),
            burst: self.burst.unwrap_or(before.burst),
            throttle_ms: self.throttle_ms.unwrap_or(before.throttle_ms),
        }
    }
}

/// Tells a null from a field that is not there.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Pace = Pace { edits_per_minute: 30, burst: 20, throttle_ms: 500 };

    #[test]
    fn what_a_room_does_not_decide_goes_by_the_server() {
        assert_eq!(RoomPolicy::default().over(SERVER), SERVER);
        let slow = RoomPolicy { edits_per_minute: Some(6), ..RoomPolicy::default() };
        assert_eq!(slow.over(SERVER), Pace { edits_per_minute: 6, burst: 6, throttle_ms: 500 });
        let all = RoomPolicy { burst: Some(2), throttle_ms: Some(0), ..slow };
        assert_eq!(all.over(SERVER), Pace { edits_per_minute: 6, burst: 2, throttle_ms: 0 });
    }

    #[test]
    fn bounds_hold_at_their_edges() {
        let policy = |edits_per_minute, burst, throttle_ms| {
            let (edits_per_minute, burst, throttle_ms) = (Some(edits_per_minute), Some(burst), Some(throttle_ms));
            RoomPolicy { edits_per_minute, burst, throttle_ms }.check()
        };
        assert_eq!(policy(MAX_ROOM_EDITS_PER_MINUTE, MAX_ROOM_BURST, MAX_ROOM_THROTTLE_MS), Ok(()));
        assert_eq!(policy(1, 1, 0), Ok(()));
        assert!(policy(0, 1, 0).is_err());
        assert!(policy(MAX_ROOM_EDITS_PER_MINUTE + 1, 1, 0).is_err());
        assert!(policy(1, 0, 0).is_err());
        assert!(policy(1, MAX_ROOM_BURST + 1, 0).is_err());
        let why = policy(1, 1, MAX_ROOM_THROTTLE_MS + 1).unwrap_err().to_string();
        assert_eq!(why, "a room's throttle_ms is between 0 and 60000");
    }

    #[test]
    fn a_change_tells_null_from_what_is_not_there() {
        let change: ChangePolicy = serde_json::from_str(r#"{"burst": null, "throttle_ms": 9}"#).unwrap();
        let before = RoomPolicy { edits_per_minute: Some(1), burst: Some(2), throttle_ms: Some(3) };
        assert_eq!(change.of(before), RoomPolicy { edits_per_minute: Some(1), burst: None, throttle_ms: Some(9) });
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"burst":null,"throttle_ms":9}"#);
        assert!(serde_json::from_str::<ChangePolicy>(r#"{"tokens": 1}"#).is_err());
    }
}
