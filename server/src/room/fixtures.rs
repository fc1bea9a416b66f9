//! A room and people for it, as tests and fuzz targets make them.

use collab_proto::{ClientId, Generation, MemberId, Role, RoomName, Slot};

use super::core::Entrant;
use crate::auth::tokens::Identity;
use crate::store::{Entrance, RoomRecord};

/// The record of a room that has no password.
pub fn record() -> RoomRecord {
    let name = RoomName::parse("demo").expect("a room's name");
    RoomRecord::new(name, Generation(7), 0, String::new())
}

/// An editor who comes with an empty text. User, member, name and replica are called by a number.
pub fn entrant(number: u64) -> Entrant {
    Entrant {
        identity: Identity {
            user: format!("user-{number}"),
            member: MemberId(number),
            name: format!("m{number}"),
            role: Role::Editor,
            entrance: Entrance::Editors,
            resumed: false,
        },
        address: [192, 0, 2, 1].into(),
        client_id: ClientId(number),
        generation: None,
        state_vector: vec![0].into(),
        slot: Slot(0),
        resume_token: String::new(),
        revision: 0,
    }
}
