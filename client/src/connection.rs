//! The state machine: how connections come and go.

use std::time::{Duration, Instant};

use collab_proto::{ClientFrame, Credential, Join, PROTOCOL};

use crate::Client;
use crate::backoff::Backoff;
use crate::event::{Event, State, Transmit};
use crate::roster::Roster;

impl Client {
    /// Longest time to a connection.
    const CONNECT_LIMIT: Duration = Duration::from_secs(30);
    /// Longest time from the connection to the answer to `Join`. A server that checks a thousand passwords needs it.
    const JOIN_LIMIT: Duration = Duration::from_secs(60);

    /// The connection and its stream are open.
    pub fn handle_connected(&mut self, now: Instant) {
        self.now = now;
        if self.state != State::Connecting {
            return;
        }
        self.deadline = Some(now + Self::JOIN_LIMIT);
        self.heartbeat.start(now);
        let join = self.join();
        self.transmits.push_back(Transmit::Frame(ClientFrame::Join(join)));
        self.rename = false;
        self.set_state(State::Joining);
    }

    fn join(&self) -> Join {
        Join {
            protocol: PROTOCOL,
            room: self.config.room.to_string(),
            credential: self.credential(),
            name: self.config.name.clone(),
            client_id: self.config.client_id,
            generation: self.generation,
            state_vector: self.document.state_vector().into(),
        }
    }

    pub(crate) fn credential(&self) -> Credential {
        let token = self.session.as_ref().and_then(|session| session.resume_token.clone());
        token.map_or_else(|| self.config.credential.clone(), Credential::Resume)
    }

    /// The connection broke or did not come about. Not to be called after [`Transmit::Disconnect`].
    pub fn handle_disconnected(&mut self, now: Instant) {
        self.now = now;
        if self.has_connection() {
            self.close();
            self.back_off(now, Duration::ZERO);
        }
    }

    /// As [`handle_disconnected`](Self::handle_disconnected), with a reason for people. With `permanent` the client gives up
    /// and is [`State::Offline`], for example because the server's key is not the one it had.
    pub fn handle_unreachable(&mut self, now: Instant, reason: String, permanent: bool) {
        self.now = now;
        if !self.has_connection() {
            return;
        }
        self.events.push(Event::Unreachable { reason, permanent });
        if permanent {
            self.close();
            self.set_state(State::Offline);
        } else {
            self.handle_disconnected(now);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        match self.state {
            State::Backoff { until } if until <= now => self.start_connecting(now),
            _ if self.deadline.is_some_and(|deadline| deadline <= now) => {
                self.give_up(now, "the server does not answer")
            }
            _ if self.heartbeat.is_dead(now) => self.give_up(now, "the connection is silent"),
            _ => {}
        }
    }

    fn give_up(&mut self, now: Instant, reason: &str) {
        self.events.push(Event::Unreachable { reason: reason.to_owned(), permanent: false });
        self.hang_up();
        self.back_off(now, Duration::ZERO);
    }

    pub(crate) fn has_connection(&self) -> bool {
        matches!(self.state, State::Connecting | State::Joining | State::Live | State::Draining)
    }

    pub(crate) fn start_connecting(&mut self, now: Instant) {
        self.deadline = Some(now + Self::CONNECT_LIMIT);
        self.transmits.push_back(Transmit::Connect);
        self.set_state(State::Connecting);
    }

    /// Waits before the next attempt: `floor`, and by chance longer, since the server names one time to everybody.
    pub(crate) fn back_off(&mut self, now: Instant, floor: Duration) {
        if self.may_rest() {
            return self.set_state(State::Offline);
        }
        let until = now + floor + self.backoff.next_delay();
        self.set_state(State::Backoff { until });
    }

    /// Whether leaving needs no further connection.
    pub(crate) fn may_rest(&self) -> bool {
        self.leaving && self.outbox.is_settled()
    }

    pub(crate) fn leave_if_done(&mut self) {
        let waits = matches!(self.state, State::Connecting | State::Joining) && !self.outbox.is_settled();
        if !self.may_rest() || waits || matches!(self.state, State::Offline | State::Refused(_)) {
            return;
        }
        self.hang_up();
        self.set_state(State::Offline);
    }

    /// Takes another connection in the place of the present one, at once. What is not saved goes again.
    pub fn reconnect(&mut self, now: Instant) {
        self.now = now;
        if self.has_connection() {
            self.hang_up();
            self.start_connecting(now);
        }
    }

    /// Ends the connection from this side.
    pub(crate) fn hang_up(&mut self) {
        let had = self.has_connection();
        self.close();
        if had {
            self.transmits.push_back(Transmit::Disconnect);
        }
    }

    /// Forgets everything that belonged to the connection.
    fn close(&mut self) {
        let lived = self.live_since.take().map(|since| self.now.duration_since(since));
        if lived.is_some_and(|lived| lived >= Backoff::FORGET_AFTER) {
            self.backoff.forget();
        }
        self.transmits.clear();
        self.deadline = None;
        self.catching_up = false;
        self.heartbeat.stop();
        self.outbox.lost();
        self.presence.clear_others();
        if self.roster != Roster::default() {
            self.roster = Roster::default();
            self.events.push(Event::RosterChanged);
        }
    }
}
