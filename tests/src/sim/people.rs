//! People: each has a client, which is driven as a program drives it, and does at random what people do.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use collab_client::{Client, Config, Event, State, Transmit, Unsent};
use collab_proto::{ClientFrame, Code, Credential, EditId, RoomName};
use rand::RngExt;

use super::network::LinkId;
use super::trace::digest;
use super::world::{Check, Happening, World, room_name};

/// More edits than this a client never has on the road.
const MOST_PENDING: usize = 32;

/// A person has this much text in front of them at most, in characters, before they rather remove some.
const LONG: usize = 3_000;

pub(super) struct Person {
    pub(super) name: String,
    pub(super) room: RoomName,
    pub(super) client: Client,
    pub(super) link: Option<LinkId>,
    pub(super) reads_slowly: bool,
    life: usize,
    /// What the edits on the road carry.
    sent: BTreeMap<EditId, Bytes>,
    /// What was written last and can be taken back.
    written: Vec<String>,
    /// When the client wants to be asked, as far as it is on the agenda.
    wake: Option<Duration>,
}

impl Person {
    /// Whether everything that this person did is saved.
    pub(super) fn is_settled(&self) -> Check {
        match (self.client.state(), self.client.pending_edits()) {
            (State::Live, 0) => Ok(()),
            (State::Live, pending) => Err(format!("{} waits for {pending} edits", self.name)),
            (State::Backoff { .. }, _) => Err(format!("{} backs off", self.name)),
            (state, _) => Err(format!("{} is {state:?}", self.name)),
        }
    }

    /// What this person's text lacks, and what it has beyond.
    pub(super) fn differs(&self, text: &str) -> String {
        let own = self.client.document().text();
        let beyond = |a: &str, b: &str| a.chars().filter(|c| !b.contains(*c)).take(20).collect::<String>();
        format!("it lacks {:?} and has {:?}", beyond(text, &own), beyond(&own, text))
    }
}

impl World {
    pub(super) fn add_person(&mut self, person: usize) {
        let room = room_name(person % self.settings.rooms);
        let name = format!("person-{person}");
        let config = Config {
            room: room.clone(),
            name: name.clone(),
            credential: Credential::Password("password".into()),
            client_id: self.new_client_id(),
            seed: self.rng.random(),
        };
        let person_now = Person {
            client: Client::new(config, self.now()),
            life: self.truth.begin(&room),
            name,
            room,
            link: None,
            reads_slowly: false,
            sent: BTreeMap::new(),
            written: Vec::new(),
            wake: None,
        };
        self.people.push(person_now);
        let pause = self.up_to(self.settings.pace);
        self.after(pause, Happening::Act(person));
    }

    /// Does what the client wants, until it wants nothing.
    pub(super) fn drive(&mut self, person: usize) -> Check {
        let now = self.now();
        loop {
            if let Some(transmit) = self.people[person].client.poll_transmit(now) {
                self.transmit(person, transmit);
            } else if let Some(event) = self.people[person].client.poll_event() {
                self.event(person, event)?;
            } else {
                break;
            }
        }
        let Person { client, life, .. } = &self.people[person];
        let (life, generation, pending) = (*life, client.generation(), client.pending_edits());
        if pending > MOST_PENDING {
            return Err(format!("{pending} edits of one client are on the road"));
        }
        self.truth.belongs(life, generation)?;
        self.schedule_wake(person);
        Ok(())
    }

    fn schedule_wake(&mut self, person: usize) {
        let due = self.people[person].client.poll_timeout().map(|due| self.time_of(due).max(self.at));
        if due != self.people[person].wake
            && let Some(at) = due
        {
            self.at_time(at, Happening::Wake(person));
        }
        self.people[person].wake = due;
    }

    pub(super) fn wake(&mut self, person: usize) -> Check {
        let (now, at) = (self.now(), self.at);
        // Another has taken its place on the agenda.
        if self.people[person].wake.is_none_or(|due| due > at) {
            return Ok(());
        }
        self.people[person].wake = None;
        self.people[person].client.handle_timeout(now);
        self.drive(person)
    }

    fn transmit(&mut self, person: usize, transmit: Transmit) {
        match transmit {
            Transmit::Connect => {
                let link = self.connect(person);
                self.people[person].link = Some(link);
            }
            Transmit::Disconnect => {
                if let Some(link) = self.people[person].link.take() {
                    self.close_client_side(link);
                }
            }
            Transmit::Frame(frame) => {
                self.note_sent(person, &frame);
                if let Some(link) = self.people[person].link {
                    self.send_up(link, &frame);
                }
            }
            Transmit::Datagram(datagram) => {
                if let Some(link) = self.people[person].link {
                    self.datagram_up(link, &datagram);
                }
            }
        }
    }

    fn note_sent(&mut self, person: usize, frame: &ClientFrame) {
        match frame {
            ClientFrame::Edit { id, update } => self.note(format_args!("{person} > edit {id} {:x}", digest(update))),
            ClientFrame::Join(join) => self.note(format_args!("{person} > join {:?}", join.generation)),
            ClientFrame::SyncRequest { .. } => self.note(format_args!("{person} > sync")),
            ClientFrame::SetName { name } => self.note(format_args!("{person} > name {name}")),
        }
    }

    pub(super) fn connected(&mut self, person: usize, link: LinkId) -> Check {
        let now = self.now();
        if self.people[person].link == Some(link) {
            self.people[person].client.handle_connected(now);
            self.drive(person)?;
        }
        Ok(())
    }

    fn event(&mut self, person: usize, event: Event) -> Check {
        match event {
            Event::EditSent { id, update } => {
                self.people[person].sent.insert(id, update);
            }
            Event::Saved { id, .. } => {
                let update = self.people[person].sent.remove(&id).ok_or("an edit was saved that was not sent")?;
                let life = self.people[person].life;
                self.truth.life(life).saved.push(update);
                self.count("edit saved");
            }
            Event::StateChanged(state) => self.state_changed(person, state)?,
            Event::Unreachable { .. } => self.count("server not reached"),
            Event::GoAway { .. } => self.count("sent away"),
            Event::GenerationChanged => self.count("generation changed"),
            _ => {}
        }
        Ok(())
    }

    fn state_changed(&mut self, person: usize, state: State) -> Check {
        match state {
            State::Backoff { .. } => self.note(format_args!("{person} backs off")),
            state => self.note(format_args!("{person} is {state:?}")),
        }
        match state {
            State::Live => self.count("joined"),
            State::Refused(code) if !may_end(code) => {
                return Err(format!("an honest client was refused for good: {code:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Something that people do, and the next time for it.
    pub(super) fn act(&mut self, person: usize) -> Check {
        if self.is_healed() {
            return Ok(());
        }
        let pause = self.about(self.settings.pace);
        self.after(pause, Happening::Act(person));
        match self.people[person].client.state() {
            State::Refused(_) | State::Offline if self.chance(60) => return self.bring_back(person),
            _ => {}
        }
        match self.rng.random_range(0..100) {
            0..44 => self.type_some(person, 6)?,
            44..47 => self.type_some(person, 400)?,
            47..62 => self.remove_some(person)?,
            62..68 => self.undo(person)?,
            68..78 => self.move_cursor(person),
            78..80 => self.rename(person),
            80..82 => self.go_offline(person),
            82..84 => self.leave(person),
            84..85 => self.restart(person)?,
            85..92 => self.people[person].reads_slowly ^= true,
            92..94 => self.nag(person),
            94..98 => self.mishap(person),
            _ => {}
        }
        self.drive(person)
    }

    /// Connects again; a copy of another generation is kept aside and a new one begun.
    pub(super) fn bring_back(&mut self, person: usize) -> Check {
        let now = self.now();
        match self.people[person].client.state() {
            State::Refused(Code::GenerationChanged) => {
                self.people[person].life = self.truth.begin(&self.people[person].room.clone());
                self.people[person].sent.clear();
                self.people[person].written.clear();
                self.people[person].client.start_afresh(now);
                self.count("began afresh");
            }
            State::Offline | State::Refused(_) => self.people[person].client.connect(now),
            _ => return Ok(()),
        }
        self.drive(person)
    }

    fn text(&self, person: usize) -> Vec<char> {
        self.people[person].client.document().text().chars().collect()
    }

    fn type_some(&mut self, person: usize, most: usize) -> Check {
        let text = self.text(person);
        if text.len() > LONG {
            return self.remove_some(person);
        }
        let at = self.rng.random_range(0..=text.len());
        let replaced = if self.chance(15) { (text.len() - at).min(3) } else { 0 };
        let count = self.rng.random_range(1..=most);
        let new: String = (0..count).map(|_| self.truth.new_char()).collect();
        self.splice(person, &text, at, replaced, &new)?;
        self.people[person].written.push(new);
        Ok(())
    }

    fn remove_some(&mut self, person: usize) -> Check {
        let text = self.text(person);
        let at = self.rng.random_range(0..=text.len());
        let most = if text.len() > LONG || self.chance(5) { text.len() } else { 8 };
        let count = self.rng.random_range(0..=most.min(text.len() - at));
        self.splice(person, &text, at, count, "")
    }

    /// Takes back what was written last, where it still stands in one piece.
    fn undo(&mut self, person: usize) -> Check {
        let text = self.text(person);
        let Some(last) = self.people[person].written.pop() else { return Ok(()) };
        let last: Vec<char> = last.chars().collect();
        let at = text.windows(last.len()).position(|window| window == last);
        at.map_or(Ok(()), |at| self.splice(person, &text, at, last.len(), ""))
    }

    /// Changes the text in one of the two ways there are, and tells the truth of it.
    fn splice(&mut self, person: usize, text: &[char], at: usize, delete: usize, insert: &str) -> Check {
        let now = self.now();
        let units = |text: &[char]| text.iter().map(|c| c.len_utf16() as u32).sum::<u32>();
        let whole = self.chance(10);
        let client = &mut self.people[person].client;
        let done = if whole {
            let (front, back) = (&text[..at], &text[at + delete..]);
            let new: String = front.iter().copied().chain(insert.chars()).chain(back.iter().copied()).collect();
            client.set_text(now, &new)
        } else {
            client.splice(now, units(&text[..at]), units(&text[at..at + delete]), insert)
        };
        done.map_err(|error| format!("an edit was not made: {error}"))?;
        let life = self.truth.life(self.people[person].life);
        life.written.extend(insert.chars());
        life.removed.extend(&text[at..at + delete]);
        let gone: String = text[at..at + delete].iter().collect();
        self.note(format_args!("{person} writes {insert:?} and removes {gone:?} at {at}"));
        Ok(())
    }

    fn move_cursor(&mut self, person: usize) {
        let now = self.now();
        let len = self.people[person].client.document().len();
        let at = self.rng.random_range(0..=len);
        let cursor = if self.chance(90) { Some((at, at)) } else { None };
        self.people[person].client.set_cursor(now, cursor);
    }

    fn rename(&mut self, person: usize) {
        let now = self.now();
        let name = format!("{}-{}", self.people[person].name, self.rng.random_range(0..100));
        self.people[person].client.set_name(now, &name);
    }

    fn go_offline(&mut self, person: usize) {
        let now = self.now();
        self.count("went offline");
        self.people[person].client.abort(now);
    }

    fn leave(&mut self, person: usize) {
        let now = self.now();
        self.count("left");
        self.people[person].client.leave(now);
    }

    /// The program ends and starts again with the text that it kept, and with its resume token, if it had time to note it.
    fn restart(&mut self, person: usize) -> Check {
        let now = self.now();
        self.count("client restarted");
        let client_id = self.new_client_id();
        let document = self.copy_of(person, client_id)?;
        let noted = self.chance(50);
        if let Some(link) = self.people[person].link.take() {
            self.close_client_side(link);
        }
        let Person { client, .. } = &self.people[person];
        let (generation, changes) = (client.generation(), client.unsaved());
        let token = client.session().and_then(|session| session.resume_token.clone()).filter(|_| noted);
        let mut config = Config { client_id, ..client.config().clone() };
        config.seed = self.rng.random();
        config.credential = token.map_or(Credential::Password("password".into()), Credential::Resume);
        let person = &mut self.people[person];
        person.client = match generation {
            Some(generation) => Client::with_unsent(config, Unsent { document, generation, changes }, now),
            None => Client::with_document(config, document, None, now),
        };
        person.sent.clear();
        person.wake = None;
        person.client.connect(now);
        Ok(())
    }

    /// Asks for everything, though nothing is missing.
    fn nag(&mut self, person: usize) {
        let joined = self.people[person].client.state() == State::Live;
        if let Some(link) = self.people[person].link.filter(|_| joined) {
            self.send_up(link, &ClientFrame::SyncRequest { state_vector: Bytes::from_static(&[0]) });
        }
    }

    /// The network of one person goes wrong.
    fn mishap(&mut self, person: usize) {
        let Some(link) = self.people[person].link else { return };
        match self.rng.random_range(0..3) {
            0 => {
                self.count("connection cut");
                self.cut(link);
            }
            1 => {
                self.count("connection half open");
                self.half_open(link);
            }
            _ => {
                self.count("connection held up");
                self.hold_up(link);
            }
        }
    }
}

/// For which reasons an honest client may be told not to come back by itself.
fn may_end(code: Code) -> bool {
    matches!(code, Code::NoSuchRoom | Code::RoomDeleted | Code::GenerationChanged | Code::Replaced)
}
