//! The state machine: what the network does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_document::EMPTY_UPDATE;
use collab_proto::{
    ClientFrame, Code, Credential, Datagram, Join, MemberId, MemberInfo, PROTOCOL, Policy, Role, ServerFrame, Slot,
    Welcome,
};

use crate::Client;
use crate::backoff::Backoff;
use crate::event::{Event, State, Transmit};
use crate::roster::Roster;

/// The last membership that the server gave.
#[derive(Clone)]
pub struct Session {
    /// Who this member is.
    pub member: MemberId,
    /// What the member may do.
    pub role: Role,
    /// The limits in force.
    pub policy: Policy,
    /// The membership's number in datagrams.
    pub slot: Slot,
    /// Brings the same member back without the password; none after the server turned it down.
    pub resume_token: Option<String>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("member", &self.member).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Client {
    /// Longest time to a connection.
    const CONNECT_LIMIT: Duration = Duration::from_secs(30);
    /// Longest time from the connection to the answer to `Join`. A server that checks a thousand passwords needs it.
    const JOIN_LIMIT: Duration = Duration::from_secs(60);
    /// Longest time that a server may keep a client away.
    const MAX_AWAY: Duration = Duration::from_secs(600);

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

    fn credential(&self) -> Credential {
        let token = self.session.as_ref().and_then(|session| session.resume_token.clone());
        token.map_or_else(|| self.config.credential.clone(), Credential::Resume)
    }

    /// A frame came.
    pub fn handle_frame(&mut self, now: Instant, frame: ServerFrame) {
        self.now = now;
        if self.state != State::Joining && !self.state.is_live() {
            return;
        }
        self.heartbeat.heard(now);
        match frame {
            ServerFrame::Refused { code, message, retry_after_ms } => {
                self.on_refused(now, code, message, retry_after_ms.map(|ms| Duration::from_millis(ms.into())));
            }
            ServerFrame::GoAway { reconnect_after_ms, reason } => {
                self.on_go_away(now, Duration::from_millis(reconnect_after_ms.into()), reason);
            }
            ServerFrame::Welcome(welcome) => self.on_welcome(now, *welcome),
            frame if self.state.is_live() => self.on_live_frame(now, frame),
            _ => {}
        }
    }

    fn on_live_frame(&mut self, now: Instant, frame: ServerFrame) {
        match frame {
            ServerFrame::Edited { member, update } => self.on_edited(member, update),
            ServerFrame::Saved { id, durability } => {
                if self.outbox.saved(id) {
                    self.events.push(Event::Saved { id, durability });
                }
                self.leave_if_done();
            }
            ServerFrame::Rejected { id, code, message, retry_after_ms } => {
                let wanted = retry_after_ms.map(|ms| Duration::from_millis(ms.into()));
                if let Some(retry_after) = self.outbox.rejected(now, id, code, wanted) {
                    self.events.push(Event::Rejected { id, code, message, retry_after });
                }
                self.leave_if_done();
            }
            ServerFrame::Resync { update, state_vector } => self.on_resync(update, &state_vector),
            ServerFrame::Members { count, joined, left } => self.on_members(now, count, joined, &left),
            ServerFrame::RoleChanged { role } => self.on_role(role),
            ServerFrame::Welcome(_) | ServerFrame::Refused { .. } | ServerFrame::GoAway { .. } => {}
        }
    }

    fn on_welcome(&mut self, now: Instant, welcome: Welcome) {
        if self.state != State::Joining {
            return;
        }
        if !self.apply_whole(welcome.missing.clone()) {
            return;
        }
        self.budget.adopt(&welcome.policy, now);
        self.generation = Some(welcome.generation);
        self.deadline = None;
        self.live_since = Some(now);
        self.catching_up = false;
        self.adopt_name(&welcome.name);
        self.roster = Roster::new(welcome.count, welcome.members);
        self.events.push(Event::RosterChanged);
        let before = self.role();
        self.session = Some(Session {
            member: welcome.member,
            role: welcome.role,
            policy: welcome.policy,
            slot: welcome.slot,
            resume_token: Some(welcome.resume_token),
        });
        if before != Some(welcome.role) {
            self.on_role(welcome.role);
        }
        self.send_difference(&welcome.state_vector);
        self.presence.joined(now);
        self.set_state(if self.leaving { State::Draining } else { State::Live });
        self.leave_if_done();
    }

    /// A text from earlier, and edits that the server could not place, go as the difference to what the server has.
    fn send_difference(&mut self, state_vector: &[u8]) {
        if !self.unsynced && !self.outbox.wants_difference() {
            return;
        }
        let limit = self.policy().max_update_bytes as usize;
        match self.document.diff(state_vector) {
            Ok(difference) if difference == EMPTY_UPDATE => self.outbox.release(),
            // Larger than one edit may be: where the changes are still known one by one, they go as they are.
            Ok(difference) if difference.len() > limit && !self.unsynced => self.outbox.release(),
            Ok(difference) => self.outbox.replace(difference),
            Err(_) => self.outbox.release(),
        }
        self.unsynced = false;
    }

    fn adopt_name(&mut self, name: &str) {
        if self.config.name != name && !self.rename {
            self.config.name = name.to_owned();
            self.events.push(Event::NameChanged(name.to_owned()));
        }
    }

    fn on_edited(&mut self, member: MemberId, update: Bytes) {
        match self.document.load(&update) {
            Ok(_) => self.events.push(Event::TextChanged { member: Some(member), update }),
            // Something before it is missing, or it is damaged: either way the server's whole text is the cure.
            Err(_) => self.catch_up(),
        }
    }

    fn catch_up(&mut self) {
        if !self.catching_up {
            self.catching_up = true;
            let state_vector = self.document.state_vector().into();
            self.transmits.push_back(Transmit::Frame(ClientFrame::SyncRequest { state_vector }));
        }
    }

    fn on_resync(&mut self, update: Bytes, state_vector: &[u8]) {
        self.catching_up = false;
        if self.apply_whole(update) {
            self.send_difference(state_vector);
        }
    }

    /// Applies everything that the server has. A server whose text cannot be read is given up.
    fn apply_whole(&mut self, update: Bytes) -> bool {
        match self.document.load(&update) {
            Ok(applied) => {
                if applied.changed {
                    self.events.push(Event::TextChanged { member: None, update });
                }
                true
            }
            Err(error) => {
                let message = format!("the server's text cannot be read: {error}");
                self.events.push(Event::Refused { code: Code::InvalidUpdate, message, retry_after: None });
                self.refuse(Code::InvalidUpdate);
                false
            }
        }
    }

    fn on_members(&mut self, now: Instant, count: u32, joined: Vec<MemberInfo>, left: &[MemberId]) {
        let own = self.member();
        if let Some(info) = joined.iter().find(|info| Some(info.id) == own) {
            let name = info.name.clone();
            self.adopt_name(&name);
        }
        if joined.iter().any(|info| Some(info.id) != own) && self.presence.own().is_some() {
            self.presence.tell(now + crate::presence::Presence::TELL_NEWCOMERS);
        }
        self.roster.change(count, joined, left);
        self.presence.left(left);
        self.events.push(Event::RosterChanged);
    }

    fn on_role(&mut self, role: Role) {
        if let Some(session) = &mut self.session {
            session.role = role;
        }
        if role != Role::Viewer {
            self.outbox.unblock();
        }
        self.events.push(Event::RoleChanged(role));
    }

    fn on_refused(&mut self, now: Instant, code: Code, message: String, retry_after: Option<Duration>) {
        let resumed = matches!(self.credential(), Credential::Resume(_)) && self.session.is_some();
        if code == Code::BadToken && resumed {
            return self.join_with_credential(now);
        }
        self.events.push(Event::Refused { code, message, retry_after });
        if code == Code::GenerationChanged {
            self.events.push(Event::GenerationChanged);
        }
        if code.is_permanent() {
            self.refuse(code);
        } else {
            self.hang_up();
            self.back_off(now, retry_after.unwrap_or_default().min(Self::MAX_AWAY));
        }
    }

    /// The resume token has ended; the password still stands.
    fn join_with_credential(&mut self, now: Instant) {
        if let Some(session) = &mut self.session {
            session.resume_token = None;
        }
        self.hang_up();
        self.start_connecting(now);
    }

    fn on_go_away(&mut self, now: Instant, reconnect_after: Duration, reason: Code) {
        let reconnect_after = reconnect_after.min(Self::MAX_AWAY);
        self.events.push(Event::GoAway { reason, reconnect_after });
        self.hang_up();
        if self.may_rest() {
            self.set_state(State::Offline);
        } else {
            self.set_state(State::Backoff { until: now + reconnect_after });
        }
    }

    /// A datagram came.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Datagram) {
        self.now = now;
        self.heartbeat.heard(now);
        match datagram {
            Datagram::Pong { seq, .. } => {
                if self.heartbeat.pong(now, seq) {
                    self.events.push(Event::LatencyChanged);
                }
            }
            Datagram::Presence { slot, member, seq, cursor } => {
                let ours = self.session.as_ref().is_some_and(|own| own.slot == slot && own.member != member);
                if ours && self.state.is_live() && self.presence.seen(member, seq, cursor) {
                    self.events.push(Event::CursorsChanged);
                }
            }
            Datagram::Ping { .. } => {}
        }
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

    /// Waits before the next attempt, `floor` at least.
    fn back_off(&mut self, now: Instant, floor: Duration) {
        if self.may_rest() {
            return self.set_state(State::Offline);
        }
        let delay = self.backoff.next().max(floor);
        self.set_state(State::Backoff { until: now + delay });
    }

    /// Whether leaving needs no further connection.
    fn may_rest(&self) -> bool {
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
