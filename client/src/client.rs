//! The state machine: what the user does, and what the client wants from the network.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_document::Document;
use collab_proto::{ClientFrame, Code, Credential, Generation};

use crate::backoff::Backoff;
use crate::budget::{Budget, DEFAULT_POLICY};
use crate::config::Config;
use crate::event::{Event, EventQueue, State, Transmit};
use crate::heartbeat::Heartbeat;
use crate::outbox::Outbox;
use crate::presence::{self, Presence};
use crate::roster::Roster;
use crate::session::Session;

/// What a client leaves that ends before everything is saved, for [`Client::with_unsent`].
#[derive(Debug)]
pub struct Unsent {
    /// The whole text, as a replica under the id of the client that goes on.
    pub document: Document,
    /// Which life of the text it belongs to.
    pub generation: Generation,
    /// What of it is not saved: [`Client::unsaved`], in its order.
    pub changes: Vec<Bytes>,
}

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
    /// A client with an empty text, [`State::Offline`] until [`connect`](Self::connect).
    pub fn new(config: Config, now: Instant) -> Self {
        let document = Document::new(config.client_id.0);
        Self::build(config, document, None, now)
    }

    /// A client that goes on with a text from earlier. What the server lacks of it is sent after joining. `generation` is the
    /// one that the text belonged to; none for a text that never was on a server. `document` writes under
    /// `config.client_id`. What the server has in memory counts as known there, also if it is lost in a crash a moment later:
    /// changes that were sent and not saved are better taken up by [`with_unsent`](Self::with_unsent).
    pub fn with_document(config: Config, document: Document, generation: Option<Generation>, now: Instant) -> Self {
        let mut client = Self::build(config, document, generation, now);
        client.unsynced = true;
        client
    }

    /// A client that goes on with what an earlier one left, after it is gone. Each change is forgotten only when the server says
    /// that it is saved, even if the server has it in memory already.
    pub fn with_unsent(config: Config, unsent: Unsent, now: Instant) -> Self {
        let mut client = Self::build(config, unsent.document, Some(unsent.generation), now);
        client.outbox.restore(unsent.changes);
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
        if self.outbox.is_in_flight(id) {
            self.events.push(Event::EditSent { id, update: update.clone() });
        }
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
