//! Cursors and names, between the room's presence and the awareness of Yjs editors.
//!
//! Everybody else in the room is shown to a provider as an awareness state in the manner of y-codemirror: `user` with name and
//! colours, `cursor` with two relative positions. Of the provider's own state the same fields are read. Other fields stay
//! between those who can read them, that is nowhere: the room knows cursors and names alone.

use std::collections::{BTreeMap, BTreeSet};

use collab_document::ROOT;
use collab_proto::colour::{self, Colour};
use collab_proto::yjs::{Message, Reader, Writer};
use collab_proto::{ClientId, Cursor, MemberId, MemberInfo, Position};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest awareness message, in bytes: many states of others, which providers repeat, and one of its own.
pub const MAX_AWARENESS_BYTES: usize = 64 * 1024;

/// Most states in one awareness message.
const MAX_STATES: u64 = 1024;

/// The opacity of a selection, as CSS has it behind a colour.
const LIGHT: &str = "38";

/// Everybody else, as the provider knows them.
#[derive(Debug)]
pub struct People {
    /// The provider's own member, who has a colour as well; none before it is in the room.
    member: Option<MemberId>,
    states: BTreeMap<MemberId, State>,
    colours: BTreeMap<MemberId, Colour>,
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
        Self { member: None, states: BTreeMap::new(), colours: BTreeMap::new(), clock }
    }

    /// The provider is in the room as this member.
    pub fn enter(&mut self, member: MemberId) {
        self.member = Some(member);
    }

    /// Some came or changed their names, and some went; none when that changes nothing for the provider. Those who have another
    /// colour for it are told as well.
    pub fn changed(&mut self, joined: Vec<MemberInfo>, left: &[MemberId]) -> Option<Vec<u8>> {
        let mut ids: BTreeSet<_> = left.iter().copied().chain(joined.iter().map(|info| info.id)).collect();
        left.iter().for_each(|id| drop(self.states.remove(id)));
        joined.into_iter().for_each(|info| self.named(info));
        let before = std::mem::take(&mut self.colours);
        self.colours = colour::of_members(self.states.keys().copied().chain(self.member));
        ids.extend(self.colours.iter().filter(|(id, colour)| before.get(id) != Some(colour)).map(|(id, _)| *id));
        ids.retain(|id| Some(*id) != self.member);
        let ids: Vec<_> = ids.into_iter().collect();
        (!ids.is_empty()).then(|| self.message(&ids))
    }

    fn named(&mut self, info: MemberInfo) {
        if Some(info.id) != self.member {
            let cursor = self.states.get(&info.id).and_then(|state| state.cursor);
            self.states.insert(info.id, State { name: info.name, cursor });
        }
    }

    /// A cursor moved; none when it is where it was, or nobody's who is known by name.
    pub fn moved(&mut self, id: MemberId, cursor: Option<Cursor>) -> Option<Vec<u8>> {
        let before = std::mem::replace(&mut self.states.get_mut(&id)?.cursor, cursor);
        (before != cursor).then(|| self.message(&[id]))
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
            let state = self.states.get(id).zip(self.colours.get(id)).map(|(state, colour)| state.json(*colour));
            writer.bytes(state.unwrap_or_default().to_string().as_bytes());
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
    fn json(&self, colour: Colour) -> Value {
        let cursor =
            self.cursor.map(|cursor| json!({ "anchor": relative(cursor.anchor), "head": relative(cursor.head) }));
        let user = json!({ "name": self.name, "color": colour.to_string(), "colorLight": format!("{colour}{LIGHT}") });
        json!({ "user": user, "cursor": cursor })
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
        let (_, first, state) = states(&people.changed(vec![ada()], &[]).unwrap()).remove(0);
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
            assert_eq!(people.moved(MemberId(5), Some(cursor)), None, "it stays there");
            assert_eq!(
                Own::read(state.to_string().as_bytes()),
                Own { name: Some("Ada".to_owned()), cursor: Some(cursor) }
            );
        }
        assert_eq!(states(&people.changed(vec![], &[MemberId(5)]).unwrap())[0].2, Value::Null);
        assert_eq!(people.moved(MemberId(5), None), None);
        assert_eq!(states(&people.all()), []);
    }

    #[test]
    fn a_newcomer_changes_the_colours_of_those_alone_whose_place_they_have() {
        let info = |id| MemberInfo { id: MemberId(id), name: "Ada".to_owned(), role: Role::Editor };
        let coloured = |told: Option<Vec<u8>>| -> Vec<(u64, String)> {
            let told = states(&told.unwrap()).into_iter();
            told.map(|(id, _, state)| (id, state["user"]["color"].as_str().unwrap_or("gone").to_owned())).collect()
        };
        let colour = |place: usize| colour::PALETTE[place].to_string();
        let mut people = People::new(0);
        people.enter(MemberId(3));
        let told = people.changed(vec![info(3), info(18), info(7)], &[]);
        assert_eq!(coloured(told), [(7, colour(7)), (18, colour(5))]);
        assert_eq!(coloured(people.changed(vec![info(5)], &[])), [(5, colour(5)), (18, colour(6))]);
        // The provider's own member has a place too: it is counted, and told to nobody.
        assert_eq!(coloured(people.changed(vec![info(16)], &[])), [(16, colour(4))]);
        assert_eq!(coloured(people.changed(vec![], &[MemberId(5)])), [(5, "gone".to_owned()), (18, colour(5))]);
        assert_eq!(people.changed(vec![info(3)], &[]), None);
    }

    #[test]
    fn a_provider_is_told_apart_from_those_whom_it_repeats() {
        let mut people = People::new(0);
        let echo = people.changed(vec![ada()], &[]).unwrap();
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
