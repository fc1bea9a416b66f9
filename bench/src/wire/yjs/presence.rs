//! A user's awareness state, in the manner of y-codemirror: a name, and a cursor as two relative positions.

use collab_document::ROOT;
use collab_proto::yjs::Writer;
use collab_proto::{ClientId, Cursor, Position};
use serde_json::{Value, json};

/// Who the others see.
#[derive(Debug)]
pub struct Presence {
    client: ClientId,
    name: String,
    /// Rises with every state; providers drop what is not newer.
    clock: u64,
}

impl Presence {
    /// Of a replica.
    pub fn new(client: ClientId, name: &str) -> Self {
        Self { client, name: name.to_owned(), clock: 0 }
    }

    /// The update that shows the user, without a cursor.
    pub fn here(&mut self) -> Vec<u8> {
        self.update(&json!({ "user": { "name": self.name } }))
    }

    /// The update that shows where the user is.
    pub fn at(&mut self, cursor: &Cursor) -> Vec<u8> {
        let Cursor { anchor, head } = cursor;
        let cursor = json!({ "anchor": relative(anchor), "head": relative(head) });
        self.update(&json!({ "user": { "name": self.name }, "cursor": cursor }))
    }

    /// One client: its id, the clock, and its state in JSON.
    fn update(&mut self, state: &Value) -> Vec<u8> {
        self.clock += 1;
        let mut writer = Writer::default();
        [1, self.client.0, self.clock].into_iter().for_each(|number| writer.uint(number));
        writer.bytes(state.to_string().as_bytes());
        writer.0
    }
}

/// A place as Yjs writes a relative position.
fn relative(place: &Position) -> Value {
    let item = |client: &ClientId, clock: &u32, assoc: i32| json!({ "type": null, "tname": null, "item": { "client": client.0, "clock": clock }, "assoc": assoc });
    match place {
        Position::Start => json!({ "type": null, "tname": ROOT, "item": null, "assoc": -1 }),
        Position::End => json!({ "type": null, "tname": ROOT, "item": null, "assoc": 0 }),
        Position::Before { client, clock } => item(client, clock, 0),
        Position::After { client, clock } => item(client, clock, -1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_newer_than_the_last_and_says_where_the_user_is() {
        let mut presence = Presence::new(ClientId(7), "Ada");
        let here = presence.here();
        assert_eq!(here[..3], [1, 7, 1]);
        assert_eq!(&here[4..], br#"{"user":{"name":"Ada"}}"#);
        let cursor = Cursor { anchor: Position::Before { client: ClientId(7), clock: 3 }, head: Position::End };
        let there = presence.at(&cursor);
        assert_eq!(there[..3], [1, 7, 2]);
        let state: Value = serde_json::from_slice(&there[5..]).unwrap();
        assert_eq!(state["cursor"]["anchor"]["item"], json!({ "client": 7, "clock": 3 }));
        assert_eq!(state["cursor"]["head"]["tname"], ROOT);
    }
}
