//! Records as earlier versions wrote them. They are read, and written anew when they change.

use std::collections::BTreeMap;

use collab_proto::{Generation, RoomName};
use serde::{Deserialize, Serialize};

use super::{Ban, GivenRole, RoomRecord};

/// A record as the first version wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstRecord {
    /// As in [`RoomRecord`], like the other fields.
    pub name: RoomName,
    /// Which life of the text this is.
    pub generation: Generation,
    /// When it was created.
    pub created_ms: u64,
    /// The password.
    pub password_hash: String,
    /// Its version.
    pub password_version: u32,
}

impl From<FirstRecord> for RoomRecord {
    fn from(first: FirstRecord) -> Self {
        let FirstRecord { name, generation, created_ms, password_hash, password_version } = first;
        Self { password_version, ..Self::new(name, generation, created_ms, password_hash) }
    }
}

/// A record as the second version wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondRecord {
    /// As in [`RoomRecord`], like the other fields.
    pub name: RoomName,
    /// Which life of the text this is.
    pub generation: Generation,
    /// When it was created.
    pub created_ms: u64,
    /// The editors' password.
    pub password_hash: String,
    /// Its version.
    pub password_version: u32,
    /// The viewers' password.
    pub viewer_hash: Option<String>,
    /// Its version.
    pub viewer_version: u32,
    /// The roles that the owner gave.
    pub roles: BTreeMap<String, GivenRole>,
    /// Who may not join for a while.
    pub bans: Vec<Ban>,
    /// The revision.
    pub revision: u32,
}

impl From<SecondRecord> for RoomRecord {
    fn from(second: SecondRecord) -> Self {
        let SecondRecord { name, generation, created_ms, password_hash, .. } = second;
        Self {
            password_version: second.password_version,
            viewer_hash: second.viewer_hash,
            viewer_version: second.viewer_version,
            roles: second.roles,
            bans: second.bans,
            revision: second.revision,
            ..Self::new(name, generation, created_ms, password_hash)
        }
    }
}
