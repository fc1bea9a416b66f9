//! What a client wants and tells: states, things to transmit, events.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_proto::{ClientFrame, Code, Datagram, Durability, EditId, MemberId, Policy, Role};

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not connected, and not about to be.
    Offline,
    /// Opening a connection.
    Connecting,
    /// Connected; the server has not let us in yet.
    Joining,
    /// In the room.
    Live,
    /// In the room until what is pending is saved, then away.
    Draining,
    /// The connection failed; the next attempt comes by itself.
    Backoff {
        /// When.
        until: Instant,
    },
    /// The server refused for good. Only [`crate::Client::connect`] tries again.
    Refused(Code),
}

impl State {
    /// Whether the room's text arrives here as it changes.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Draining)
    }
}

/// How safe this side's changes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveState {
    /// Something is on this device alone.
    OnDevice,
    /// Everything was sent; the server has not confirmed all of it.
    Sent,
    /// The server has everything, on disk.
    Saved,
}

/// What the network is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transmit {
    /// Open a connection and a stream, then call `handle_connected`, or `handle_disconnected` if it fails.
    Connect,
    /// Send on the stream, in order.
    Frame(ClientFrame),
    /// Send once, best effort.
    Datagram(Datagram),
    /// Finish the stream and close the connection. Nothing more of that connection may be handed in.
    Disconnect,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The client stands elsewhere now.
    StateChanged(State),
    /// The text was changed from outside.
    TextChanged {
        /// By whom; none when it was brought up to date as a whole.
        member: Option<MemberId>,
        /// The Yjs update that did it.
        update: Bytes,
    },
    /// Local changes went out as one edit.
    EditSent {
        /// Its number.
        id: EditId,
        /// The Yjs update that it is.
        update: Bytes,
    },
    /// The server has an edit, and it is safe.
    Saved {
        /// Which.
        id: EditId,
        /// How safe.
        durability: Durability,
    },
    /// The server did not take an edit. It stays in the outbox: sent again by itself after a retry code, together with the
    /// next local change after a permanent one.
    Rejected {
        /// Which.
        id: EditId,
        /// Why.
        code: Code,
        /// The reason as a sentence.
        message: String,
        /// When it is sent again at the earliest; none after a permanent code.
        retry_after: Option<Duration>,
    },
    /// Somebody came or went, or changed name or role.
    RosterChanged,
    /// A cursor of another member moved.
    CursorsChanged,
    /// A ping was answered, or lost.
    LatencyChanged,
    /// The server refused the membership.
    Refused {
        /// Why.
        code: Code,
        /// The reason as a sentence.
        message: String,
        /// When the server wants to be asked again at the earliest.
        retry_after: Option<Duration>,
    },
    /// The room's text began a new life, so that this copy must not be merged into it. Keep a copy of the text, then call
    /// [`crate::Client::start_afresh`].
    GenerationChanged,
    /// The member may do more or less than before.
    RoleChanged(Role),
    /// The room takes edits more or less often than before.
    PolicyChanged(Policy),
    /// The server gave the member another name than the one asked for.
    NameChanged(String),
    /// The server asked to leave and to come back, which happens by itself.
    GoAway {
        /// Why.
        reason: Code,
        /// When the client comes back.
        reconnect_after: Duration,
    },
    /// No connection came about, or it broke.
    Unreachable {
        /// Why, for people.
        reason: String,
        /// Whether trying again is pointless, so that the client does not.
        permanent: bool,
    },
}

/// Events in order, at most [`EventQueue::LIMIT`] of them: a caller that does not look loses the oldest.
#[derive(Debug, Default)]
pub(crate) struct EventQueue(VecDeque<Event>);

impl EventQueue {
    /// Far more than happens between two looks of a caller that looks at all.
    const LIMIT: usize = 4096;

    pub(crate) fn push(&mut self, event: Event) {
        let repeats = matches!(event, Event::RosterChanged | Event::CursorsChanged | Event::LatencyChanged);
        if repeats && self.0.contains(&event) {
            return;
        }
        if self.0.len() == Self::LIMIT {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.0.pop_front()
    }
}
