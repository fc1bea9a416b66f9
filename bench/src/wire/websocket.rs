//! The same frames over WebSocket. See [`collab_proto::websocket`].

use collab_client::trust::Trust;
use collab_proto::limits::MAX_WEBSOCKET_MESSAGE_BYTES;
use collab_proto::websocket::{DATAGRAM, STREAM};
use tokio_tungstenite::tungstenite::protocol::Message;

use super::socket::{Host, Receiver, Sender};
use super::stream::Frames;
use super::{Heard, Lost, Say, Spoken, Wire, heard_datagram};

/// Where sockets to a server are opened.
pub struct Door {
    url: String,
    host: Host,
}

impl Door {
    /// A door at a `ws:` or `wss:` address.
    pub fn new(url: &str, trust: &Trust) -> anyhow::Result<Self> {
        Ok(Self { url: url.to_owned(), host: Host::new(url, trust)? })
    }

    /// Opens a socket.
    pub async fn connect(&self) -> Result<Wire, Lost> {
        let (receiver, sender) = self.host.open(&self.url, MAX_WEBSOCKET_MESSAGE_BYTES).await?;
        let ear = super::Ear::WebSocket(Ear { receiver, frames: Frames::default() });
        Ok(Wire { ear, mouth: super::Mouth::WebSocket(Mouth { sender }) })
    }
}

/// Hears messages.
pub struct Ear {
    receiver: Receiver,
    frames: Frames,
}

impl Ear {
    /// As [`super::Ear::listen`].
    pub async fn listen(&mut self, mut hear: impl FnMut(Heard<'_>)) -> Result<(), Lost> {
        let Message::Binary(message) = self.receiver.next().await? else { return Ok(()) };
        match message.split_first() {
            Some((&STREAM, rest)) => self.frames.feed(rest, hear).map_err(Lost::new),
            Some((&DATAGRAM, rest)) => {
                hear(heard_datagram(rest));
                Ok(())
            }
            // A later version may know more kinds.
            _ => Ok(()),
        }
    }
}

/// Speaks in messages.
pub struct Mouth {
    sender: Sender,
}

impl Mouth {
    /// Everything goes in its order.
    pub fn say(&mut self, what: Say) {
        match Spoken::from(what) {
            Spoken::Stream(bytes) => {
                let pieces = bytes.chunks(MAX_WEBSOCKET_MESSAGE_BYTES - 1);
                pieces.for_each(|piece| self.sender.push(message(STREAM, piece)));
            }
            Spoken::Datagram(bytes) => self.sender.push(message(DATAGRAM, &bytes)),
        }
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

fn message(kind: u8, bytes: &[u8]) -> Message {
    Message::binary([&[kind], bytes].concat())
}
