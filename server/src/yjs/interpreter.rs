//! Between a provider's messages and a membership's frames. No clock, no socket; time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_document::{EMPTY_UPDATE, split, without_deletions_of};
use collab_proto::yjs::{Message, denied};
use collab_proto::{
    ClientFrame, ClientId, Code, Credential, Datagram, Join, MemberId, MemberInfo, PROTOCOL, Policy, Role, ServerFrame,
    Slot, Welcome,
};

use super::edits::{Edits, Overflow};
use super::people::{MAX_AWARENESS_BYTES, Own, People};
use crate::bucket::Bucket;

/// A text goes to a provider in messages of about this many bytes, so that a slow one is seen to make progress.
const PART_BYTES: usize = 64 * 1024;

/// How often everybody is shown again: providers forget people after 30 seconds, and take a server for dead after as many.
const REFRESH: Duration = Duration::from_secs(10);

/// Awareness messages that are looked at, at once and then a second. Providers repeat what they are sent.
const AWARENESS_BURST: f64 = 100.0;
const AWARENESS_PER_SECOND: f64 = 50.0;

/// Names that a provider may take, at once and then a second.
const NAMES_BURST: f64 = 3.0;
const NAMES_PER_SECOND: f64 = 0.2;

/// What a provider asked for when it came.
pub struct Wish {
    /// Which room.
    pub room: String,
    /// An owner's, an application's or a resume token.
    pub token: String,
    /// The name that others see; the token's when it is empty.
    pub name: String,
    /// The replica id of the membership. A provider's own is not known when it comes.
    pub client_id: ClientId,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Give this to the membership.
    Frame(ClientFrame),
    /// Give this to the session.
    Datagram(Datagram),
    /// Send this to the provider.
    Message(Bytes),
    /// Close the socket with this code. The last of all.
    Close(Code),
}

/// A provider that is in a room.
struct Seated {
    slot: Slot,
    member: MemberId,
    role: Role,
    policy: Policy,
}

/// Speaks for one provider.
pub struct Interpreter {
    wish: Option<Wish>,
    seated: Option<Seated>,
    /// What the provider was told at the beginning: its answer repeats the deletions in it.
    told: Bytes,
    edits: Edits,
    people: People,
    /// The provider's awareness as it came before the room let it in.
    early: Vec<u8>,
    /// Under which id the provider speaks of itself.
    own: Option<u64>,
    name: String,
    moves: u64,
    hearing: Bucket,
    naming: Bucket,
    refresh_at: Option<Instant>,
    outputs: VecDeque<Output>,
    closed: bool,
}

impl Interpreter {
    /// A provider that has just connected. `wall_ms` is the time of day in milliseconds.
    pub fn new(now: Instant, wall_ms: u64, wish: Wish) -> Self {
        Self {
            wish: Some(wish),
            seated: None,
            told: Bytes::new(),
            edits: Edits::default(),
            people: People::new(wall_ms),
            early: Vec::new(),
            own: None,
            name: String::new(),
            moves: 0,
            hearing: Bucket::full(AWARENESS_BURST, AWARENESS_PER_SECOND, now),
            naming: Bucket::full(NAMES_BURST, NAMES_PER_SECOND, now),
            refresh_at: None,
            outputs: VecDeque::new(),
            closed: false,
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self, now: Instant) -> Option<Output> {
        if self.outputs.is_empty()
            && !self.closed
            && let Some(seated) = &self.seated
        {
            match self.edits.poll(now, &seated.policy) {
                Ok(edit) => self.outputs.extend(edit.map(Output::Frame)),
                Err(_) => self.close(Code::InvalidUpdate),
            }
        }
        self.outputs.pop_front()
    }

    /// When [`Interpreter::handle_timeout`] and [`Interpreter::poll_output`] want to be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.seated.as_ref().and_then(|_| self.edits.due());
        [self.refresh_at, due].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.refresh_at.is_some_and(|at| at <= now) {
            let everybody = self.people.all();
            self.say(everybody);
            self.refresh_at = Some(now + REFRESH);
        }
    }

    /// A message came from the provider.
    pub fn handle_message(&mut self, now: Instant, message: &[u8]) {
        match Message::read(message) {
            Some(Message::SyncStep1(state_vector)) => self.on_state_vector(state_vector),
            Some(Message::SyncStep2(update)) => self.on_difference(update),
            Some(Message::Update(update)) => self.on_update(update),
            Some(Message::Awareness(update)) => self.on_awareness(now, update),
            Some(Message::QueryAwareness) => {
                if self.hearing.take(now) {
                    let everybody = self.people.all();
                    self.say(everybody);
                }
            }
            None => self.close(Code::Malformed),
        }
    }

    /// The first one asks to enter, since only it tells what the provider has.
    fn on_state_vector(&mut self, state_vector: &[u8]) {
        let state_vector = Bytes::copy_from_slice(state_vector);
        if let Some(wish) = self.wish.take() {
            self.outputs.push_back(Output::Frame(ClientFrame::Join(Join {
                protocol: PROTOCOL,
                room: wish.room,
                credential: Credential::Token(wish.token),
                name: wish.name,
                client_id: wish.client_id,
                generation: None,
                state_vector,
            })));
        } else if self.seated.is_some() {
            self.outputs.push_back(Output::Frame(ClientFrame::SyncRequest { state_vector }));
        }
    }

    fn on_difference(&mut self, update: &[u8]) {
        let told = std::mem::take(&mut self.told);
        let told = if told.is_empty() { Bytes::from_static(&EMPTY_UPDATE) } else { told };
        match without_deletions_of(update, &told) {
            Ok(lacking) => self.on_update(&lacking),
            Err(_) => self.close(Code::InvalidUpdate),
        }
    }

    /// What a viewer writes stays with the viewer, who goes on reading.
    fn on_update(&mut self, update: &[u8]) {
        let may_write = self.seated.as_ref().is_none_or(|seated| seated.role != Role::Viewer);
        if may_write && self.edits.add(update) == Err(Overflow) {
            self.close(Code::RateLimited);
        }
    }

    fn on_awareness(&mut self, now: Instant, update: &[u8]) {
        if update.len() > MAX_AWARENESS_BYTES {
            return self.close(Code::FrameTooLarge);
        }
        if !self.hearing.take(now) {
            return;
        }
        if self.seated.is_none() {
            self.early = update.to_vec();
            return;
        }
        if let Some((id, own)) = self.people.own(update, self.own) {
            self.own = Some(id);
            self.on_own(now, own);
        }
    }

    fn on_own(&mut self, now: Instant, own: Own) {
        let Some(seated) = &self.seated else { return };
        self.moves += 1;
        let (slot, member, seq) = (seated.slot, seated.member, self.moves);
        self.outputs.push_back(Output::Datagram(Datagram::Presence { slot, member, seq, cursor: own.cursor }));
        if let Some(name) = own.name.filter(|name| *name != self.name)
            && self.naming.take(now)
        {
            self.name.clone_from(&name);
            self.outputs.push_back(Output::Frame(ClientFrame::SetName { name }));
        }
    }

    /// A frame came from the membership.
    pub fn handle_frame(&mut self, now: Instant, frame: ServerFrame) {
        match frame {
            ServerFrame::Welcome(welcome) => self.on_welcome(now, *welcome),
            ServerFrame::Edited { update, .. } => self.say(Message::Update(&update).to_bytes()),
            ServerFrame::Resync { update, .. } => self.say_whole(&update),
            ServerFrame::Saved { id, .. } => self.edits.saved(id),
            ServerFrame::Rejected { id, code: Code::RateLimited, retry_after_ms, .. } => {
                let wait = Duration::from_millis(retry_after_ms.unwrap_or(1000).into());
                self.edits.too_early(now, id, wait);
            }
            // The role changed while it was on its way.
            ServerFrame::Rejected { code: Code::ReadOnly, .. } => self.edits = Edits::default(),
            ServerFrame::Rejected { code, .. } => self.on_rejected(code),
            ServerFrame::Members { joined, left, .. } => self.on_members(joined, &left),
            ServerFrame::RoleChanged { role } => self.on_role(role),
            ServerFrame::PolicyChanged { policy } => {
                if let Some(seated) = &mut self.seated {
                    seated.policy = policy;
                }
            }
            ServerFrame::Refused { code, message, .. } => {
                if code.is_permanent() {
                    self.say(denied(&message));
                }
                self.close(code);
            }
            ServerFrame::GoAway { reason, .. } => self.close(reason),
        }
    }

    fn on_welcome(&mut self, now: Instant, welcome: Welcome) {
        let Welcome { member, role, slot, policy, missing, state_vector, members, name, .. } = welcome;
        self.seated = Some(Seated { slot, member, role, policy });
        self.name = name;
        self.people.enter(member);
        if role == Role::Viewer {
            self.edits = Edits::default();
        }
        self.edits.start(now);
        self.say_whole(&missing);
        self.told = missing;
        self.say(Message::SyncStep1(&state_vector).to_bytes());
        self.on_members(members, &[]);
        self.refresh_at = Some(now + REFRESH);
        let early = std::mem::take(&mut self.early);
        if let Some((id, own)) = self.people.own(&early, None) {
            self.own = Some(id);
            self.on_own(now, own);
        }
    }

    /// The provider cannot take a change back. One that fits nowhere yet comes again when it connects anew.
    fn on_rejected(&mut self, code: Code) {
        self.close(match code {
            Code::ForeignAuthor => Code::ResyncNeeded,
            code => code,
        });
    }

    fn on_members(&mut self, joined: Vec<MemberInfo>, left: &[MemberId]) {
        if let Some(message) = self.people.changed(joined, left) {
            self.say(message);
        }
    }

    /// A viewer who may write now is asked to come again, with what was written meanwhile.
    fn on_role(&mut self, role: Role) {
        let Some(seated) = &mut self.seated else { return };
        let before = std::mem::replace(&mut seated.role, role);
        if role == Role::Viewer {
            self.edits = Edits::default();
        } else if before == Role::Viewer {
            self.close(Code::ResyncNeeded);
        }
    }

    /// A datagram came from the session.
    pub fn handle_datagram(&mut self, datagram: &Datagram) {
        if let Datagram::Presence { member, cursor, .. } = datagram
            && let Some(message) = self.people.moved(*member, *cursor)
        {
            self.say(message);
        }
    }

    /// Everything that the provider lacks, the last part as the answer to its question.
    fn say_whole(&mut self, update: &[u8]) {
        let mut parts = split(update, PART_BYTES).unwrap_or_else(|_| vec![update.to_vec()]);
        let last = parts.pop().unwrap_or_else(|| EMPTY_UPDATE.to_vec());
        for part in parts {
            self.say(Message::Update(&part).to_bytes());
        }
        self.say(Message::SyncStep2(&last).to_bytes());
    }

    fn say(&mut self, message: Vec<u8>) {
        if !self.closed {
            self.outputs.push_back(Output::Message(message.into()));
        }
    }

    fn close(&mut self, code: Code) {
        if !std::mem::replace(&mut self.closed, true) {
            self.outputs.push_back(Output::Close(code));
        }
    }
}

#[cfg(test)]
#[path = "interpreter_tests.rs"]
mod tests;
