//! The state machine: what the network does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_document::EMPTY_UPDATE;
use collab_proto::{
    ClientFrame, Code, Credential, Datagram, MemberId, MemberInfo, Policy, Role, ServerFrame, Slot, Welcome,
};

use crate::Client;
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
    /// Longest time that a server may keep a client away.
    const MAX_AWAY: Duration = Duration::from_secs(600);

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
            ServerFrame::PolicyChanged { policy } => self.on_policy(now, policy),
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
        self.send_difference(&welcome.state_vector, &welcome.missing);
        self.presence.joined(now);
        self.set_state(if self.leaving { State::Draining } else { State::Live });
        self.leave_if_done();
    }

    /// A text from earlier, and edits that the server could not place, go as the difference to what the server has: its state
    /// vector, and its update, which names its deletions.
    fn send_difference(&mut self, state_vector: &[u8], theirs: &[u8]) {
        if !self.unsynced && !self.outbox.wants_difference() {
            return;
        }
        let difference = self.document.diff(state_vector).ok();
        let lacking = difference.and_then(|all| collab_document::without_deletions_of(&all, theirs).ok());
        match lacking {
            Some(difference) if difference != EMPTY_UPDATE => self.outbox.complete(difference),
            _ => self.outbox.release(),
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
        if self.apply_whole(update.clone()) {
            self.send_difference(state_vector, &update);
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

    fn on_policy(&mut self, now: Instant, policy: Policy) {
        self.budget.adopt(&policy, now);
        if let Some(session) = &mut self.session {
            session.policy = policy;
        }
        self.events.push(Event::PolicyChanged(policy));
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
        self.back_off(now, reconnect_after);
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
}
