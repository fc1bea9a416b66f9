//! What is kept about a room besides its text: its passwords, and what its owner decided about people.

use std::collections::BTreeMap;
use std::net::IpAddr;

use collab_proto::api::RoomPolicy;
use collab_proto::{Generation, Role, RoomName};
use serde::{Deserialize, Serialize};

pub use older::{FirstRecord, SecondRecord};

mod older;

/// How many users of a room may have a role given by its owner. A change of the password that they came by forgets them.
pub const MAX_GIVEN_ROLES: usize = 256;

/// How many bans a room may have at once.
pub const MAX_BANS: usize = 256;

/// Longest ban, in milliseconds: 30 days.
pub const MAX_BAN_MS: u64 = 30 * 24 * 3600 * 1000;

/// A room's record. The order of the fields is part of the store's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRecord {
    /// The name.
    pub name: RoomName,
    /// Which life of the text this is.
    pub generation: Generation,
    /// When it was created, in milliseconds since 1970 (UTC).
    pub created_ms: u64,
    /// The editors' password as an argon2id PHC string.
    pub password_hash: String,
    /// Rises by one with every change of the password; tokens made for an older one are void.
    pub password_version: u32,
    /// The viewers' password, if there is one, with the salt and the parameters of the editors': one hash answers for both.
    pub viewer_hash: Option<String>,
    /// Rises by one with every change of the viewers' password.
    pub viewer_version: u32,
    /// The roles that the owner gave, by user; at most [`MAX_GIVEN_ROLES`].
    pub roles: BTreeMap<String, GivenRole>,
    /// Who may not join for a while; at most [`MAX_BANS`].
    pub bans: Vec<Ban>,
    /// Rises by one with every change of the record: whoever was judged by an older one is judged again.
    pub revision: u32,
    /// How often people may change the text, where that differs from the server.
    pub policy: RoomPolicy,
    /// Rises by one when the owner tokens there are become void.
    pub owner_version: u32,
}

/// By which of a room's passwords somebody came, by themselves or by a token made for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entrance {
    /// The editors'.
    #[default]
    Editors,
    /// The viewers'.
    Viewers,
}

/// A role that the owner gave to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenRole {
    /// Which.
    pub role: Role,
    /// How the user had come. A change of that password ends the gift.
    pub entrance: Entrance,
}

/// Somebody who may not join until some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The user, whose tokens do not help.
    pub user: String,
    /// The network they came from ([`network`](crate::auth::network)): nobody new may come from there by password.
    pub network: IpAddr,
    /// When it ends, in milliseconds since 1970 (UTC).
    pub until_ms: u64,
}

impl RoomRecord {
    /// A new room with the editors' password alone.
    pub fn new(name: RoomName, generation: Generation, created_ms: u64, password_hash: String) -> Self {
        Self {
            name,
            generation,
            created_ms,
            password_hash,
            password_version: 1,
            viewer_hash: None,
            viewer_version: 0,
            roles: BTreeMap::new(),
            bans: Vec::new(),
            revision: 0,
            policy: RoomPolicy::default(),
            owner_version: 1,
        }
    }

    /// The version of the password of an entrance.
    pub fn version(&self, entrance: Entrance) -> u32 {
        match entrance {
            Entrance::Editors => self.password_version,
            Entrance::Viewers => self.viewer_version,
        }
    }

    /// The version that a token must be of: an owner's outlives a change of the passwords.
    pub fn token_version(&self, role: Role, entrance: Entrance) -> u32 {
        if role == Role::Owner { self.owner_version } else { self.version(entrance) }
    }

    /// What the owner made of a user, if anything.
    pub fn given_role(&self, user: &str) -> Option<Role> {
        self.roles.get(user).map(|given| given.role)
    }

    /// When the ban ends that keeps this user out, or newcomers from this network: `user` is none for somebody who comes by
    /// password.
    pub fn banned_until(&self, now_ms: u64, user: Option<&str>, network: IpAddr) -> Option<u64> {
        let meant = |ban: &&Ban| match user {
            Some(user) => ban.user == user,
            None => ban.network == network,
        };
        self.bans.iter().filter(meant).map(|ban| ban.until_ms).filter(|until| *until > now_ms).max()
    }

    /// Another password for an entrance, or none for viewers. What was given to those who came by the old one ends with it.
    pub fn set_password(&mut self, entrance: Entrance, hash: Option<String>) {
        match (entrance, hash) {
            (Entrance::Editors, Some(hash)) => {
                self.password_hash = hash;
                self.password_version += 1;
            }
            (Entrance::Editors, None) => return,
            (Entrance::Viewers, hash) => {
                self.viewer_hash = hash;
                self.viewer_version += 1;
            }
        }
        self.roles.retain(|_, given| given.entrance != entrance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RoomRecord {
        RoomRecord::new(RoomName::parse("demo").unwrap(), Generation(7), 0, "hash".into())
    }

    #[test]
    fn a_ban_keeps_out_the_user_and_newcomers_from_their_network_until_it_ends() {
        let home = IpAddr::from([192, 0, 2, 1]);
        let bans = vec![Ban { user: "eve".into(), network: home, until_ms: 1000 }];
        let record = RoomRecord { bans, ..record() };
        assert_eq!(record.banned_until(999, Some("eve"), IpAddr::from([192, 0, 2, 2])), Some(1000));
        assert_eq!(record.banned_until(999, None, home), Some(1000));
        assert_eq!(record.banned_until(999, Some("bob"), home), None, "a known neighbour comes back");
        assert_eq!(record.banned_until(1000, Some("eve"), home), None);
    }

    #[test]
    fn a_new_password_ends_the_roles_of_those_who_came_by_the_old_one() {
        let mut record = record();
        let given = |role, entrance| GivenRole { role, entrance };
        record.roles.insert("ada".into(), given(Role::Viewer, Entrance::Editors));
        record.roles.insert("bob".into(), given(Role::Editor, Entrance::Viewers));
        record.set_password(Entrance::Viewers, None);
        assert_eq!((record.given_role("ada"), record.given_role("bob")), (Some(Role::Viewer), None));
        record.set_password(Entrance::Editors, Some("other".into()));
        assert_eq!((record.roles.len(), record.version(Entrance::Editors)), (0, 2));
        assert_eq!((record.password_hash.as_str(), record.version(Entrance::Viewers)), ("other", 1));
    }
}
