//! Rooms, and who may do what in them.

use serde::{Deserialize, Serialize};

use super::{Pace, RoomPolicy};
use crate::{Generation, MemberId, Role, RoomName};

/// `POST /api/rooms`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// The name. Not a [`RoomName`] yet, so that a bad one gets its own answer.
    pub name: String,
    /// The password for editors.
    pub password: String,
    /// Where the room differs from the server.
    #[serde(default)]
    pub policy: RoomPolicy,
}

/// The answer to [`CreateRoom`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCreated {
    /// The name.
    pub name: RoomName,
    /// The room's first generation.
    pub generation: Generation,
    /// Joins as the owner, and rules the room over HTTP in the place of the admin token.
    pub owner_token: String,
}

/// `POST /api/rooms/{name}/owner-token`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MakeOwnerToken {
    /// Makes every earlier owner token of the room void; owners who came by one must go.
    pub revoke: bool,
}

/// The answer to [`MakeOwnerToken`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerToken {
    /// As [`RoomCreated::owner_token`].
    pub owner_token: String,
}

/// `PUT /api/rooms/{name}/password`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The new password.
    pub password: String,
}

/// `PUT /api/rooms/{name}/viewer-password`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeViewerPassword {
    /// The new password for viewers; none takes it away.
    #[serde(deserialize_with = "Option::deserialize")]
    pub password: Option<String>,
}

/// `GET /api/rooms/{name}/members`: a list of these, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEntry {
    /// Who.
    pub member: MemberId,
    /// The cleaned name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// For how long they have been connected, in milliseconds.
    pub connected_ms: u64,
    /// From where; only the admin is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// `PUT /api/rooms/{name}/members/{member}/role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// The new role: viewer or editor.
    pub role: Role,
}

/// The query string of `DELETE /api/rooms/{name}/members/{member}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KickQuery {
    /// For how long they may not come back, in milliseconds; at most 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ban_ms: Option<u64>,
}

/// `GET /api/rooms` (a list of these) and `GET /api/rooms/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInfo {
    /// The name.
    pub name: RoomName,
    /// When it was created, in milliseconds since 1970 (UTC).
    pub created_ms: u64,
    /// Which life of the text this is.
    pub generation: Generation,
    /// How many are in it now.
    pub members: u32,
    /// How often its users may change the text.
    pub pace: Pace,
    /// What of that the room decides for itself.
    pub policy: RoomPolicy,
}
