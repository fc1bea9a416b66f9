//! The state machine: what the user does, and what the client wants from the network.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use collab_document::{Document, EMPTY_UPDATE, SpliceError};
use collab_proto::{ClientFrame, Code, Credential, Cursor, Generation, MemberId, Policy, Role};

use crate::backoff::Backoff;
use crate::budget::{Budget, DEFAULT_POLICY};
use crate::config::{Config, EditError};
use crate::event::{Event, EventQueue, SaveState, State, Transmit};
use crate::heartbeat::{Heartbeat, Latency};
use crate::outbox::Outbox;
use crate::presence::{self, Presence};
use crate::roster::Roster;
use crate::session::Session;

/// One room, as one client sees it. See the crate's documentation for how to drive it.
#[derive(Debug)]
pub struct Client {
    pub(crate) config: Config,
    pub(crate) document: Document,
    pub(crate) generation: Option<Generation>,
    pub(crate) state: State,
    /// When connecting or joining has taken too long.
    pub(crate) deadline: Option<Instant>,
    pub(crate) live_since: Option<Instant>,
    pub(crate) leaving: bool,
    /// The text holds changes that were made before this client existed.
    pub(crate) unsynced: bool,
    /// The server was asked what this side lacks, and has not answered.
    pub(crate) catching_up: bool,
    pub(crate) rename: bool,
    pub(crate) session: Option<Session>,
    pub(crate) outbox: Outbox,
    pub(crate) budget: Budget,
    pub(crate) backoff: Backoff,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) roster: Roster,
    pub(crate) presence: Presence,
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) events: EventQueue,
    /// The newest moment that this client was told of.
    pub(crate) now: Instant,
}

impl Client {
    /// A text is written in pieces of at most this many UTF-16 units, so that a large paste fits into several edits.
    const PIECE_UNITS: u32 = 16 * 1024;
    /// What one UTF-16 unit takes at most in an update, in bytes, with the piece's share of structure.
    const BYTES_PER_UNIT: u32 = 4;

    /// A client with an empty text, [`State::Offline`] until [`connect`](Self::connect).
    pub fn new(config: Config, now: Instant) -> Self {
        let document = Document::new(config.client_id.0);
        Self::build(config, document, None, now)
    }

    /// A client that goes on with a text from earlier. What the server lacks of it is sent after joining. `generation` is the
    /// one that the text belonged to; none for a text that never was on a server. `document` writes under
    /// `config.client_id`.
    pub fn with_document(config: Config, document: Document, generation: Option<Generation>, now: Instant) -> Self {
        let mut client = Self::build(config, document, generation, now);
        client.unsynced = true;
        client
    }

    fn build(config: Config, document: Document, generation: Option<Generation>, now: Instant) -> Self {
        Self {
            backoff: Backoff::new(config.seed),
            config,
            document,
            generation,
            state: State::Offline,
            deadline: None,
            live_since: None,
            leaving: false,
            unsynced: false,
            catching_up: false,
            rename: false,
            session: None,
            outbox: Outbox::default(),
            budget: Budget::new(&DEFAULT_POLICY, now),
            heartbeat: Heartbeat::new(now),
            roster: Roster::default(),
            presence: Presence::default(),
            transmits: VecDeque::new(),
            events: EventQueue::default(),
            now,
        }
    }

    /// Time between two pings; 2 s by default, 10 ms at least.
    pub fn set_ping_interval(&mut self, every: Duration) {
        self.heartbeat.set_interval(every);
    }

    /// Enters the room, and stays in it across lost connections. Also ends a wait or a refusal at once.
    pub fn connect(&mut self, now: Instant) {
        self.now = now;
        self.leaving = false;
        match self.state {
            State::Offline | State::Backoff { .. } | State::Refused(_) => self.start_connecting(now),
            State::Draining => self.set_state(State::Live),
            State::Connecting | State::Joining | State::Live => {}
        }
    }

    /// Leaves the room once what is pending is saved. A blocked edit is not waited for; it stays in [`Self::document`].
    pub fn leave(&mut self, now: Instant) {
        self.now = now;
        self.leaving = true;
        if self.state == State::Live {
            self.set_state(State::Draining);
        }
        self.leave_if_done();
    }

    /// Gives up the network at once, whatever is pending. Nothing is forgotten: [`connect`](Self::connect) goes on.
    pub fn abort(&mut self, now: Instant) {
        self.now = now;
        self.leaving = false;
        self.hang_up();
        self.set_state(State::Offline);
    }

    /// Replaces `delete` UTF-16 units at `at` by `insert`. The text changes at once, also offline.
    ///
    /// # Errors
    ///
    /// [`EditError`]; the text is as before.
    pub fn splice(&mut self, now: Instant, at: u32, delete: u32, insert: &str) -> Result<(), EditError> {
        self.now = now;
        self.check_may_edit()?;
        if delete == 0 && insert.is_empty() {
            return Ok(());
        }
        let len = self.document.len();
        if at.checked_add(delete).is_none_or(|end| end > len) {
            return Err(EditError::OutOfRange { at, delete, len });
        }
        self.splice_pieces(at, delete, insert).map_err(|error| match error {
            SpliceError::Poisoned => EditError::Document(error.to_string()),
            _ => EditError::OutOfRange { at, delete, len },
        })
    }

    /// Makes the text equal to `text` by a small edit, so that others keep their cursors and their own changes.
    ///
    /// # Errors
    ///
    /// As [`splice`](Self::splice).
    pub fn set_text(&mut self, now: Instant, text: &str) -> Result<(), EditError> {
        self.now = now;
        self.check_may_edit()?;
        let old = self.document.text();
        if old == text {
            return Ok(());
        }
        match self.small_difference(text) {
            Some(update) => {
                self.document.load(&update).map_err(|error| EditError::Document(error.to_string()))?;
                self.outbox.push(update);
                Ok(())
            }
            None => self.replace_middle(now, &old, text),
        }
    }

    /// The fine difference to `text`, found on a copy; none when it does not fit into one edit.
    fn small_difference(&self, text: &str) -> Option<Vec<u8>> {
        let mut copy = Document::new(self.document.client_id());
        copy.load(&self.document.state().ok()?).ok()?;
        let update = copy.set_text(text);
        (update.len() <= self.policy().max_update_bytes as usize && update != EMPTY_UPDATE).then_some(update)
    }

    /// Replaces everything between what both have in front and behind.
    fn replace_middle(&mut self, now: Instant, old: &str, text: &str) -> Result<(), EditError> {
        let front = common_front(old, text);
        let back = common_back(&old[front..], &text[front..]);
        let units = |text: &str| text.encode_utf16().count() as u32;
        let delete = units(&old[front..old.len() - back]);
        self.splice(now, units(&old[..front]), delete, &text[front..text.len() - back])
    }

    fn check_may_edit(&self) -> Result<(), EditError> {
        match self.role() {
            Some(Role::Viewer) => Err(EditError::ReadOnly),
            Some(Role::Editor | Role::Owner) | None => Ok(()),
        }
    }

    /// A small edit is one piece. The first piece of a large one shows whether its place is valid.
    fn splice_pieces(&mut self, at: u32, delete: u32, insert: &str) -> Result<(), SpliceError> {
        let piece = (self.policy().max_update_bytes / Self::BYTES_PER_UNIT).clamp(16, Self::PIECE_UNITS);
        let mut insert = insert;
        let mut at = at;
        if delete <= piece {
            let (first, rest) = split_units(insert, piece);
            self.splice_piece(at, delete, first)?;
            at += first.encode_utf16().count() as u32;
            insert = rest;
        } else {
            self.delete_pieces(at, delete, piece)?;
        }
        while !insert.is_empty() {
            let (first, rest) = split_units(insert, piece);
            self.splice_piece(at, 0, first)?;
            at += first.encode_utf16().count() as u32;
            insert = rest;
        }
        Ok(())
    }

    /// Removes from the back, so that a cut through a character at either end is found before anything is gone.
    fn delete_pieces(&mut self, at: u32, delete: u32, piece: u32) -> Result<(), SpliceError> {
        let removed: Vec<u16> = self.document.text().encode_utf16().skip(at as usize).take(delete as usize).collect();
        if is_low(removed.first()) || is_high(removed.last()) {
            return Err(SpliceError::SplitCharacter);
        }
        let mut end = removed.len();
        while end > 0 {
            let mut start = end.saturating_sub(piece as usize);
            start -= usize::from(start > 0 && is_low(removed.get(start)));
            self.splice_piece(at + start as u32, (end - start) as u32, "")?;
            end = start;
        }
        Ok(())
    }

    fn splice_piece(&mut self, at: u32, delete: u32, insert: &str) -> Result<(), SpliceError> {
        let update = self.document.splice(at, delete, insert)?;
        self.outbox.push(update);
        Ok(())
    }

    /// Changes the name that others see.
    pub fn set_name(&mut self, now: Instant, name: &str) {
        self.now = now;
        if self.config.name != name {
            self.config.name = name.to_owned();
            self.rename = true;
        }
    }

    /// Moves this member's cursor: where the selection began and where the cursor is, in UTF-16 units; none when the member
    /// looks elsewhere. Others are told at most ten times a second.
    pub fn set_cursor(&mut self, now: Instant, cursor: Option<(u32, u32)>) {
        self.now = now;
        let cursor = cursor.map(|(anchor, head)| presence::cursor_at(&self.document, anchor, head));
        self.presence.set_own(now, cursor);
    }

    /// Takes another password or token, for the next time that joining needs one. Call [`connect`](Self::connect) after it.
    pub fn set_credential(&mut self, now: Instant, credential: Credential) {
        self.now = now;
        self.config.credential = credential;
        if let Some(session) = &mut self.session {
            session.resume_token = None;
        }
    }

    /// Gives up this copy of the text, after [`Event::GenerationChanged`], and begins anew with what the server has.
    pub fn start_afresh(&mut self, now: Instant) {
        self.abort(now);
        self.document = Document::new(self.backoff.draw_client_id());
        self.config.client_id = collab_proto::ClientId(self.document.client_id());
        self.generation = None;
        self.unsynced = false;
        self.outbox.clear();
        self.presence = Presence::default();
        self.connect(now);
    }

    /// The next thing for the network to do.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        self.now = now;
        if let Some(transmit) = self.transmits.pop_front() {
            return Some(transmit);
        }
        if let Some(ping) = self.heartbeat.poll_ping(now) {
            return Some(Transmit::Datagram(ping));
        }
        if !self.state.is_live() {
            return None;
        }
        self.poll_frame(now).map(Transmit::Frame).or_else(|| self.poll_presence(now))
    }

    fn poll_frame(&mut self, now: Instant) -> Option<ClientFrame> {
        if std::mem::take(&mut self.rename) {
            return Some(ClientFrame::SetName { name: self.config.name.clone() });
        }
        if self.outbox.sync_at().is_some_and(|at| at <= now) {
            self.outbox.sync_asked();
            return Some(ClientFrame::SyncRequest { state_vector: self.document.state_vector().into() });
        }
        self.next_edit_at().filter(|at| *at <= now)?;
        let (id, update) = self.outbox.take(self.policy().max_update_bytes as usize)?;
        self.budget.spend(now);
        self.events.push(Event::EditSent { id, update: update.clone() });
        Some(ClientFrame::Edit { id, update })
    }

    fn poll_presence(&mut self, now: Instant) -> Option<Transmit> {
        let session = self.session.as_ref()?;
        self.presence.poll(now, session.slot, session.member).map(Transmit::Datagram)
    }

    /// When [`handle_timeout`](Self::handle_timeout) and [`poll_transmit`](Self::poll_transmit) want to be called at the
    /// latest; none while only the network or the user can change anything.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let backoff = match self.state {
            State::Backoff { until } => Some(until),
            _ => None,
        };
        let live = self.state.is_live();
        let outbox = if live { self.outbox.sync_at() } else { None };
        let presence = if live { self.presence.due() } else { None };
        [backoff, self.deadline, self.heartbeat.poll_timeout(), self.next_edit_at(), outbox, presence]
            .into_iter()
            .flatten()
            .min()
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// Where the client stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The text as it is here.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// How safe this side's changes are.
    pub fn save_state(&self) -> SaveState {
        if self.unsynced { SaveState::OnDevice } else { self.outbox.save_state() }
    }

    /// How many edits the server has not confirmed; changes that wait to be merged count as one.
    pub fn pending_edits(&self) -> usize {
        self.outbox.pending()
    }

    /// When the next edit goes, as far as only time keeps it; none when nothing waits or something else keeps it.
    pub fn next_edit_at(&self) -> Option<Instant> {
        let live = self.state.is_live();
        let outbox = if live { self.outbox.ready_at(self.now) } else { None };
        outbox.map(|at| at.max(self.budget.ready_at(self.now)))
    }

    /// What the last pings say.
    pub fn latency(&self) -> Latency {
        self.heartbeat.latency(self.now)
    }

    /// Who is in the room; empty while not in it.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Where the listed members' cursors are, in UTF-16 units: where the selection began, where the cursor is. This member's
    /// own is not among them.
    pub fn cursors(&self) -> BTreeMap<MemberId, (u32, u32)> {
        self.presence.cursors(&self.roster, &self.document)
    }

    /// Where this member's cursor is now, after what others wrote around it.
    pub fn cursor(&self) -> Option<(u32, u32)> {
        self.presence.own().as_ref().and_then(|cursor: &Cursor| presence::offsets(&self.document, cursor))
    }

    /// Who this member is; none before the first join.
    pub fn member(&self) -> Option<MemberId> {
        self.session.as_ref().map(|session| session.member)
    }

    /// The name that others see, or will see.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What this member may do; none before the first join.
    pub fn role(&self) -> Option<Role> {
        self.session.as_ref().map(|session| session.role)
    }

    /// The limits in force; the defaults before the first join.
    pub fn policy(&self) -> Policy {
        self.session.as_ref().map_or(DEFAULT_POLICY, |session| session.policy)
    }

    /// Which life of the text this copy belongs to; none before the first join.
    pub fn generation(&self) -> Option<Generation> {
        self.generation
    }

    /// The last membership that the server gave, the resume token with it; none before the first join.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// With what this client was started, and what was changed since.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.events.push(Event::StateChanged(state));
        }
    }

    pub(crate) fn refuse(&mut self, code: Code) {
        self.hang_up();
        self.leaving = false;
        self.set_state(State::Refused(code));
    }
}

/// The first `units` UTF-16 units of `text` or less, so that no character is cut, and the rest.
fn split_units(text: &str, units: u32) -> (&str, &str) {
    let mut left = units as usize;
    let fits = |(at, c): (usize, char)| match left.checked_sub(c.len_utf16()) {
        Some(rest) => {
            left = rest;
            None
        }
        None => Some(at),
    };
    let at = text.char_indices().find_map(fits).unwrap_or(text.len());
    text.split_at(at)
}

fn common_front(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum()
}

fn common_back(a: &str, b: &str) -> usize {
    a.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum()
}

fn is_low(unit: Option<&u16>) -> bool {
    unit.is_some_and(|unit| (0xdc00..0xe000).contains(unit))
}

fn is_high(unit: Option<&u16>) -> bool {
    unit.is_some_and(|unit| (0xd800..0xdc00).contains(unit))
}
