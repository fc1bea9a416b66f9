//! What a stock Yjs provider says to a server of its kind: y-protocols over WebSocket, one socket for one text.
//!
//! There is no acknowledgement in it: nobody hears [`Heard::Saved`]. Pings are those of WebSocket itself, which the server's library
//! answers.

mod framing;

mod presence;

use bytes::Bytes;
use clap::ValueEnum;
use collab_client::trust::Trust;
use collab_document::EMPTY_UPDATE;
use collab_proto::yjs::Message as Words;
use collab_proto::{Credential, Generation, Join, MemberId, Policy, Slot};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::protocol::Message;

use super::socket::{Host, Receiver, Sender};
use super::{Entered, Heard, Lost, Say, Wire};
use framing::{Framing, Told};
use presence::Presence;

/// Longest message that is taken, in bytes: a whole text, with everything that was ever removed from it.
const LONGEST: usize = 64 * 1024 * 1024;

/// These servers hold nobody to anything.
const FREE: Policy = Policy {
    throttle_ms: 0,
    edits_per_minute: u32::MAX,
    burst: u32::MAX,
    tokens: u32::MAX,
    max_update_bytes: u32::MAX,
    max_document_bytes: u32::MAX,
};

/// How a server wants messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Style {
    /// As y-protocols writes them.
    #[default]
    Bare,
    /// Behind the document's name, after a token, as Hocuspocus has it.
    Hocuspocus,
}

/// Where sockets to a Yjs server are opened.
pub struct Door {
    /// With `{room}` for a room's name, `{token}` for what opens it, and `{name}` for the user's.
    template: String,
    host: Host,
    style: Style,
}

impl Door {
    /// A door at a `ws:` or `wss:` address.
    pub fn new(template: &str, trust: &Trust, style: Style) -> anyhow::Result<Self> {
        Ok(Self { template: template.to_owned(), host: Host::new(template, trust)?, style })
    }

    /// Opens a socket for whoever wants to join.
    pub async fn connect(&self, join: &Join) -> Result<Wire, Lost> {
        let name = join.name.replace(' ', "%20");
        let url = self.template.replace("{room}", &join.room).replace("{token}", token(join)).replace("{name}", &name);
        let (receiver, sender) = self.host.open(&url, LONGEST).await?;
        let framing = match self.style {
            Style::Bare => Framing::Bare,
            Style::Hocuspocus => Framing::Hocuspocus(join.room.clone()),
        };
        let ear = super::Ear::Yjs(Ear { receiver, framing: framing.clone(), token: token(join).to_owned() });
        let presence = Presence::new(join.client_id, &join.name);
        Ok(Wire { ear, mouth: super::Mouth::Yjs(Mouth { sender, framing, presence }) })
    }
}

fn token(join: &Join) -> &str {
    match &join.credential {
        Credential::Token(token) | Credential::Resume(token) => token,
        Credential::Password(_) => "",
    }
}

/// Hears messages.
pub struct Ear {
    receiver: Receiver,
    framing: Framing,
    token: String,
}

impl Ear {
    /// As [`super::Ear::listen`].
    pub async fn listen(&mut self, mut hear: impl FnMut(Heard<'_>)) -> Result<(), Lost> {
        match self.receiver.next().await? {
            Message::Binary(message) => match self.framing.read(&message).map_err(Lost::new)? {
                Told::Missing(update) => hear(Heard::Entered(Box::new(self.entered(update)))),
                Told::Edited(update) => hear(Heard::Edited(update)),
                Told::Awareness => hear(Heard::Cursor),
                Told::Denied(reason) => return Err(Lost(format!("the server refused: {reason}"))),
                Told::Other => hear(Heard::Other),
            },
            Message::Pong(sent_at) => match sent_at[..].try_into() {
                Ok(sent_at) => hear(Heard::Pong(u64::from_be_bytes(sent_at))),
                Err(_) => hear(Heard::Other),
            },
            _ => hear(Heard::Other),
        }
        Ok(())
    }

    /// The text is there. Of what else the project's own server tells, most does not exist here; a token serves again.
    fn entered(&self, missing: &[u8]) -> Entered {
        Entered {
            missing: Bytes::copy_from_slice(missing),
            member: MemberId(0),
            resume_token: self.token.clone(),
            generation: Generation(0),
            slot: Slot(0),
            policy: FREE,
        }
    }
}

/// Speaks in messages.
pub struct Mouth {
    sender: Sender,
    framing: Framing,
    presence: Presence,
}

impl Mouth {
    /// Everything goes in its order.
    pub fn say(&mut self, what: Say) {
        match what {
            Say::Join(join) => self.join(&join),
            Say::Edit { update, .. } => self.push(&Words::Update(&update)),
            Say::Ping { sent_at, .. } => {
                self.sender.push(Message::Ping(Bytes::copy_from_slice(&sent_at.to_be_bytes())));
            }
            Say::Cursor { cursor, .. } => {
                let state = self.presence.at(&cursor);
                self.push(&Words::Awareness(&state));
            }
        }
    }

    /// As a provider does when its socket opens. It answers the server's question for what that lacks too, which is nothing.
    fn join(&mut self, join: &Join) {
        if let Some(opening) = self.framing.opening(token(join)) {
            self.sender.push(Message::binary(opening));
        }
        self.push(&Words::SyncStep1(&join.state_vector));
        self.push(&Words::SyncStep2(&EMPTY_UPDATE));
        let state = self.presence.here();
        self.push(&Words::Awareness(&state));
    }

    fn push(&mut self, words: &Words<'_>) {
        self.sender.push(Message::binary(self.framing.write(words)));
    }

    /// Whether messages wait, or part of one does.
    pub fn has_more(&self) -> bool {
        self.sender.has_more()
    }

    /// Sends all that waits.
    pub async fn speak(&mut self) -> Result<(), Lost> {
        self.sender.speak().await
    }

    /// Closes the socket.
    pub async fn leave(self) {
        self.sender.leave().await;
    }
}
