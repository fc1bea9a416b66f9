//! What a light user hears and says, over whichever transport: frames and datagrams, no text.
//!
//! A [`Wire`] has two halves, so that one can be waited for while the other is used. Another protocol is another variant of
//! both that hears and says the same.

mod glance;

mod stream;

pub mod webtransport;

mod socket;

mod websocket;

pub mod yjs;

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use collab_client::driver::Address;
use collab_client::trust::Trust;
use collab_proto::{Code, Cursor, Datagram, EditId, Generation, Join, MemberId, Policy, Slot};

/// What the server said.
#[derive(Debug)]
pub enum Heard<'a> {
    /// The user is in the room.
    Entered(Box<Entered>),
    /// Somebody else's edit, as it happened: a Yjs update.
    Edited(&'a [u8]),
    /// What the user may lack: a Yjs update. May repeat what came before.
    CaughtUp(&'a [u8]),
    /// An edit of this user is safe.
    Saved(EditId),
    /// An edit of this user was not taken.
    Rejected(EditId, Refusal),
    /// The membership ends, or never began.
    Ended(Refusal),
    /// A ping is back; in it stood this.
    Pong(u64),
    /// Somebody's cursor moved.
    Cursor,
    /// Anything else.
    Other,
}

/// What a user learns on entering.
#[derive(Debug)]
pub struct Entered {
    /// What the user lacked: a Yjs update.
    pub missing: Bytes,
    /// Who the user is.
    pub member: MemberId,
    /// Brings the same member back.
    pub resume_token: String,
    /// Which life of the text this is.
    pub generation: Generation,
    /// Names the membership in datagrams.
    pub slot: Slot,
    /// What the user is held to.
    pub policy: Policy,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// When to try again, at the earliest.
    pub after: Duration,
}

/// What a user says.
#[derive(Debug)]
pub enum Say {
    /// Asks to enter.
    Join(Box<Join>),
    /// Changes the text.
    Edit {
        /// The author's number for it.
        id: EditId,
        /// A Yjs update.
        update: Bytes,
    },
    /// Asks for an echo of `sent_at`.
    Ping {
        /// Rising.
        seq: u64,
        /// Comes back as it is.
        sent_at: u64,
    },
    /// Moves the user's cursor.
    Cursor {
        /// As in [`Entered`].
        slot: Slot,
        /// Who.
        member: MemberId,
        /// Rising.
        seq: u64,
        /// Where to.
        cursor: Cursor,
    },
}

/// Why a connection ended or did not come about.
#[derive(Debug)]
pub struct Lost(pub String);

impl Lost {
    fn new(reason: impl ToString) -> Self {
        Self(reason.to_string())
    }
}

/// An open connection.
pub struct Wire {
    /// Where the server is heard.
    pub ear: Ear,
    /// How it is spoken to.
    pub mouth: Mouth,
}

/// The receiving half.
pub enum Ear {
    /// A stream and datagrams over QUIC.
    WebTransport(webtransport::Ear),
    /// Messages over TCP.
    WebSocket(websocket::Ear),
    /// Messages of another protocol over TCP.
    Yjs(yjs::Ear),
}

/// The sending half.
pub enum Mouth {
    /// A stream and datagrams over QUIC.
    WebTransport(webtransport::Mouth),
    /// Messages over TCP.
    WebSocket(websocket::Mouth),
    /// Messages of another protocol over TCP.
    Yjs(yjs::Mouth),
}

impl Ear {
    /// Waits for what comes next and gives it to `hear`, which may be called any number of times. Cancel safe.
    pub async fn listen(&mut self, hear: impl FnMut(Heard<'_>)) -> Result<(), Lost> {
        match self {
            Self::WebTransport(ear) => ear.listen(hear).await,
            Self::WebSocket(ear) => ear.listen(hear).await,
            Self::Yjs(ear) => ear.listen(hear).await,
        }
    }
}

impl Mouth {
    /// Notes what is to be said; [`speak`](Self::speak) says it.
    pub fn say(&mut self, what: Say) {
        match self {
            Self::WebTransport(mouth) => mouth.say(what),
            Self::WebSocket(mouth) => mouth.say(what),
            Self::Yjs(mouth) => mouth.say(what),
        }
    }

    /// Whether anything is left to be said.
    pub fn has_more(&self) -> bool {
        match self {
            Self::WebTransport(mouth) => mouth.has_more(),
            Self::WebSocket(mouth) => mouth.has_more(),
            Self::Yjs(mouth) => mouth.has_more(),
        }
    }

    /// Says what was noted, as far as the network takes it. Cancel safe.
    pub async fn speak(&mut self) -> Result<(), Lost> {
        match self {
            Self::WebTransport(mouth) => mouth.speak().await,
            Self::WebSocket(mouth) => mouth.speak().await,
            Self::Yjs(mouth) => mouth.speak().await,
        }
    }

    /// Leaves the room in order.
    pub async fn leave(self) {
        match self {
            Self::WebTransport(mouth) => mouth.leave().await,
            Self::WebSocket(mouth) => mouth.leave().await,
            Self::Yjs(mouth) => mouth.leave().await,
        }
    }
}

/// Where the connections of all light users come from.
pub enum Network {
    /// UDP sockets that the users share.
    WebTransport(webtransport::Sockets),
    /// A TCP socket for each user.
    WebSocket(websocket::Door),
    /// The same, to a Yjs server.
    Yjs(yjs::Door),
}

impl Network {
    /// Makes ready for so many users of a server.
    pub async fn new(address: &Address, trust: &Trust, users: usize) -> anyhow::Result<Self> {
        Ok(match address {
            Address::WebTransport(url) | Address::Either { webtransport: url, .. } => {
                let sockets = webtransport::Sockets::open(url, trust, users).await;
                Self::WebTransport(sockets.with_context(|| format!("cannot make connections to {url}"))?)
            }
            Address::WebSocket(url, _) => Self::WebSocket(websocket::Door::new(url, trust)?),
        })
    }

    /// Opens a connection for the user of this number, who is going to say this on it.
    pub async fn connect(&self, user: usize, join: &Join) -> Result<Wire, Lost> {
        match self {
            Self::WebTransport(sockets) => sockets.connect(user).await,
            Self::WebSocket(door) => door.connect().await,
            Self::Yjs(door) => door.connect(join).await,
        }
    }

    /// Whether the server is spoken to as Yjs providers speak: then it acknowledges no edit, and sends an author its own edits
    /// as well.
    pub fn is_yjs(&self) -> bool {
        matches!(self, Self::Yjs(_))
    }

    /// Ends what is left of the connections.
    pub async fn close(&self) {
        if let Self::WebTransport(sockets) = self {
            sockets.close().await;
        }
    }
}

/// A datagram as it was heard; one that is not understood is dropped, as the network might have dropped it.
fn heard_datagram(bytes: &[u8]) -> Heard<'static> {
    match collab_proto::decode_datagram(bytes) {
        Ok(Datagram::Pong { sent_at, .. }) => Heard::Pong(sent_at),
        Ok(Datagram::Presence { .. }) => Heard::Cursor,
        Ok(Datagram::Ping { .. }) | Err(_) => Heard::Other,
    }
}

/// Bytes for the stream, or for a datagram.
enum Spoken {
    Stream(Bytes),
    Datagram(Bytes),
}

impl From<Say> for Spoken {
    fn from(what: Say) -> Self {
        use collab_proto::{ClientFrame, encode_datagram, encode_frame};
        match what {
            Say::Join(join) => Self::Stream(encode_frame(&ClientFrame::Join(*join))),
            Say::Edit { id, update } => Self::Stream(encode_frame(&ClientFrame::Edit { id, update })),
            Say::Ping { seq, sent_at } => Self::Datagram(encode_datagram(&Datagram::Ping { seq, sent_at })),
            Say::Cursor { slot, member, seq, cursor } => {
                Self::Datagram(encode_datagram(&Datagram::Presence { slot, member, seq, cursor: Some(cursor) }))
            }
        }
    }
}
