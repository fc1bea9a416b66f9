//! Cursors and names, between the room's presence and the awareness of Yjs editors.
//!
//! Everybody else in the room is shown to a provider as an awareness state in the manner of y-codemirror: `user` with name and
//! colours, `cursor` with two relative positions. Of the provider's own state the same fields are read. Other fields stay
//! between those who can read them, that is nowhere: the room knows cursors and names alone.

use std::collections::BTreeMap;

use collab_document::ROOT;
use collab_proto::yjs::{Message, Reader, Writer};
use collab_proto::{ClientId, Cursor, MemberId, MemberInfo, Position};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest awareness message, in bytes: many states of others, which providers repeat, and one of its own.
pub const MAX_AWARENESS_BYTES: usize = 64 * 1024;

/// Most states in one awareness message.
const MAX_STATES: u64 = 1024;

const COLOURS: [&str; 8] = ["#1a7f64", "#b4491f", "#5b4bc4", "#b0256b", "#2a6fc9", "#8a6d00", "#3d7a1d", "#9c3fa8"];

/// Everybody else, as the provider knows them.
#[derive(Debug)]
pub struct People {
    states: BTreeMap<MemberId, State>,
    /// Above every clock so far. Providers remember clocks across connections, so that it begins with the time of day.
    clock: u64,
}

#[derive(Debug)]
struct State {
    name: String,
    cursor: Option<Cursor>,
}

/// What a provider's own state says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The name, if there is one.
    pub name: Option<String>,
    /// The cursor, if it can be read.
    pub cursor: Option<Cursor>,
}

impl People {
    /// Nobody yet. `clock` is the time of day in milliseconds.
    pub fn new(clock: u64) -> Self {
        Self { states: BTreeMap::new(), clock }
    }

    /// Some came, or changed their names.
    pub fn came(&mut self, infos: impl IntoIterator<Item = MemberInfo>) -> Vec<u8> {
        let ids: Vec<_> = infos.into_iter().map(|info| self.named(info)).collect();
        self.message(&ids)
    }

    fn named(&mut self, info: MemberInfo) -> MemberId {
        let cursor = self.states.get(&info.id).and_then(|state| state.cursor);
        self.states.insert(info.id, State { name: info.name, cursor });
        info.id
    }

    /// Some went.
    pub fn went(&mut self, ids: &[MemberId]) -> Vec<u8> {
        ids.iter().for_each(|id| drop(self.states.remove(id)));
        self.message(ids)
    }

    /// A cursor moved; none when it is nobody's who is known by name.
    pub fn moved(&mut self, id: MemberId, cursor: Option<Cursor>) -> Option<Vec<u8>> {
        self.states.get_mut(&id)?.cursor = cursor;
        Some(self.message(&[id]))
    }

    /// Everybody, as news: providers forget whom they do not hear of for half a minute.
    pub fn all(&mut self) -> Vec<u8> {
        let ids: Vec<_> = self.states.keys().copied().collect();
        self.message(&ids)
    }

    /// Whether this awareness id is one of ours, which providers repeat to us.
    fn has(&self, id: u64) -> bool {
        self.states.contains_key(&MemberId(id))
    }

    fn message(&mut self, ids: &[MemberId]) -> Vec<u8> {
        self.clock += 1;
        let mut writer = Writer::default();
        writer.uint(ids.len() as u64);
        for id in ids {
            writer.uint(id.0);
            writer.uint(self.clock);
            let state = self.states.get(id).map_or(Value::Null, |state| state.json(*id));
            writer.bytes(state.to_string().as_bytes());
        }
        Message::Awareness(&writer.0).to_bytes()
    }

    /// The provider's own state in an awareness update, and under which id it is. The first id that is nobody else's is its
    /// own: providers begin with it.
    pub fn own(&self, update: &[u8], known: Option<u64>) -> Option<(u64, Own)> {
        let mut reader = Reader(update);
        let states = reader.uint().filter(|states| *states <= MAX_STATES)?;
        for _ in 0..states {
            let (id, _clock, state) = (reader.uint()?, reader.uint()?, reader.bytes()?);
            if known.map_or_else(|| !self.has(id), |own| own == id) {
                return Some((id, Own::read(state)));
            }
        }
        None
    }
}

impl State {
    fn json(&self, id: MemberId) -> Value {
        let colour = COLOURS[(id.0 % COLOURS.len() as u64) as usize];
        let cursor =
            self.cursor.map(|cursor| json!({ "anchor": relative(cursor.anchor), "head": relative(cursor.head) }));
        json!({ "user": { "name": self.name, "color": colour, "colorLight": format!("{colour}33") }, "cursor": cursor })
    }
}

/// A relative position of Yjs, as its JSON.
fn relative(position: Position) -> Value {
    let item = |client: ClientId, clock: u32| json!({ "client": client.0, "clock": clock });
    let (item, assoc) = match position {
        Position::Start => (Value::Null, -1),
        Position::End => (Value::Null, 0),
        Position::Before { client, clock } => (item(client, clock), 0),
        Position::After { client, clock } => (item(client, clock), -1),
    };
    json!({ "type": null, "tname": ROOT, "item": item, "assoc": assoc })
}

#[derive(Deserialize)]
struct OwnState {
    #[serde(default)]
    user: Value,
    #[serde(default)]
    cursor: Value,
}

#[derive(Deserialize)]
struct OwnCursor {
    anchor: Relative,
    head: Relative,
}

#[derive(Deserialize)]
struct Relative {
    #[serde(default)]
    tname: Option<String>,
    #[serde(default)]
    item: Option<Item>,
    #[serde(default)]
    assoc: i32,
}

#[derive(Deserialize)]
struct Item {
    client: u64,
    clock: u32,
}

impl Own {
    fn read(state: &[u8]) -> Self {
        let Ok(OwnState { user, cursor }) = serde_json::from_slice(state) else { return Self::default() };
        let name = user.get("name").and_then(Value::as_str).map(str::to_owned);
        let cursor = serde_json::from_value::<OwnCursor>(cursor)
            .ok()
            .and_then(|cursor| Some(Cursor { anchor: cursor.anchor.position()?, head: cursor.head.position()? }));
        Self { name, cursor }
    }
}

impl Relative {
    /// None for a place in another text than the room's.
    fn position(self) -> Option<Position> {
        let client = |item: &Item| ClientId(item.client);
        match self {
            Self { item: Some(item), assoc: 0.., .. } => {
                Some(Position::Before { client: client(&item), clock: item.clock })
            }
            Self { item: Some(item), .. } => Some(Position::After { client: client(&item), clock: item.clock }),
            Self { tname: Some(root), assoc, .. } if root == ROOT => {
                Some(if assoc >= 0 { Position::End } else { Position::Start })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use collab_proto::Role;

    use super::*;

    fn ada() -> MemberInfo {
        MemberInfo { id: MemberId(5), name: "Ada".to_owned(), role: Role::Editor }
    }

    fn states(message: &[u8]) -> Vec<(u64, u64, Value)> {
        let Some(Message::Awareness(update)) = Message::read(message) else { panic!("no awareness") };
        let mut reader = Reader(update);
        let count = reader.uint().unwrap();
        let mut state = || (reader.uint().unwrap(), reader.uint().unwrap(), reader.bytes().unwrap());
        (0..count)
            .map(|_| state())
            .map(|(id, clock, json)| (id, clock, serde_json::from_slice(json).unwrap()))
            .collect()
    }

    #[test]
    fn members_are_shown_with_rising_clocks_and_cursors_come_back_as_they_were() {
        let mut people = People::new(1000);
        let (_, first, state) = states(&people.came([ada()])).remove(0);
        assert_eq!((state["user"]["name"].as_str(), &state["cursor"]), (Some("Ada"), &Value::Null));
        let places = [
            Position::Start,
            Position::End,
            Position::Before { client: ClientId(7), clock: 3 },
            Position::After { client: ClientId(7), clock: 3 },
        ];
        for place in places {
            let cursor = Cursor { anchor: place, head: Position::End };
            let (_, clock, state) = states(&people.moved(MemberId(5), Some(cursor)).unwrap()).remove(0);
            assert!(clock > first);
            assert_eq!(
                Own::read(state.to_string().as_bytes()),
                Own { name: Some("Ada".to_owned()), cursor: Some(cursor) }
            );
        }
        assert_eq!(states(&people.went(&[MemberId(5)]))[0].2, Value::Null);
        assert_eq!(people.moved(MemberId(5), None), None);
        assert_eq!(states(&people.all()), []);
    }

    #[test]
    fn a_provider_is_told_apart_from_those_whom_it_repeats() {
        let mut people = People::new(0);
        let echo = people.came([ada()]);
        let Some(Message::Awareness(echo)) = Message::read(&echo) else { panic!("no awareness") };
        assert_eq!(people.own(echo, None), None);
        let mut writer = Writer::default();
        writer.uint(1);
        writer.uint(77);
        writer.uint(1);
        writer.bytes(br#"{"user":{"name":"Bob"}}"#);
        let own = Own { name: Some("Bob".to_owned()), cursor: None };
        assert_eq!(people.own(&writer.0, None), Some((77, own)));
        assert_eq!(people.own(&writer.0, Some(78)), None);
    }

    #[test]
    fn states_that_nobody_can_read_are_empty() {
        for state in ["", "null", "[]", "7", r#"{"user":7,"cursor":[]}"#, r#"{"cursor":{"anchor":{},"head":{}}}"#] {
            assert_eq!(Own::read(state.as_bytes()), Own::default(), "{state}");
        }
        let elsewhere = r#"{"cursor":{"anchor":{"tname":"title"},"head":{"tname":"text"}}}"#;
        assert_eq!(Own::read(elsewhere.as_bytes()), Own::default());
    }
}
