//! The rooms of a run: made for it, under names that no other run has.

pub mod text;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use collab_proto::{Credential, RoomName};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::options::JoinBy;
use crate::target::Target;

/// How many are made at once: the server hashes a password for each.
const AT_ONCE: usize = 8;

/// Fresh rooms with one password.
#[derive(Clone, Serialize, Deserialize)]
pub struct Rooms {
    password: String,
    rooms: Vec<Room>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Room {
    name: RoomName,
    owner_token: String,
}

/// Says how many, and not what opens them.
impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rooms", self.rooms.len())
    }
}

impl Rooms {
    /// Makes so many. `progress` is told how many there are. Elsewhere than in this project a room is there when somebody comes.
    pub async fn create(target: &Target, count: usize, progress: impl Fn(usize)) -> anyhow::Result<Self> {
        let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let names = (0..count).map(|number| format!("bench-{run:x}-{number}"));
        let password = format!("{:032x}", rand::random::<u128>());
        let mut rooms = Vec::new();
        if target.info().is_none() {
            for name in names {
                rooms.push(Room { name: name.parse()?, owner_token: String::new() });
            }
            return Ok(Self { password, rooms });
        }
        let api = target.api(None)?;
        let creating = stream::iter(names).map(|name| {
            let (api, password) = (&api, &password);
            async move {
                let created = api.create_room(&name, password).await;
                created.with_context(|| format!("cannot make the room {name}"))
            }
        });
        let mut creating = creating.buffered(AT_ONCE);
        while let Some(room) = creating.try_next().await? {
            rooms.push(Room { name: room.name, owner_token: room.owner_token });
            progress(rooms.len());
        }
        drop(creating);
        Ok(Self { password, rooms })
    }

    /// None.
    #[cfg(test)]
    pub fn none() -> Self {
        Self { password: String::new(), rooms: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// The name of a room by its number.
    pub fn name(&self, number: usize) -> &RoomName {
        &self.rooms[number].name
    }

    /// What opens a room.
    pub fn credential(&self, number: usize, by: JoinBy) -> Credential {
        match by {
            JoinBy::Password => Credential::Password(self.password.clone()),
            JoinBy::Token => Credential::Token(self.rooms[number].owner_token.clone()),
        }
    }

    /// Leaves the server without them.
    pub async fn delete(&self, target: &Target) -> anyhow::Result<()> {
        for room in self.rooms.iter().filter(|_| target.info().is_some()) {
            let deleted = target.api(Some(room.owner_token.clone()))?.delete_room(&room.name).await;
            deleted.with_context(|| format!("cannot delete the room {}", room.name))?;
        }
        Ok(())
    }
}
