//! Any bytes to a server, over WebTransport directly: what the project's client would never send.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use collab_document::Document;
use collab_proto::limits::{MAX_SAFE_INTEGER, MAX_SERVER_FRAME_BYTES};
use collab_proto::{
    ClientFrame, ClientId, Code, Credential, EditId, Join, PROTOCOL, ServerFrame, Welcome, decode_server, encode_frame,
    split_frame,
};
use tokio::time::timeout;
use wtransport::error::StreamReadError;
use wtransport::quinn::TransportConfig;
use wtransport::tls::Sha256Digest;
use wtransport::{ClientConfig, Connection, Endpoint, RecvStream, SendStream};

use crate::server::TestServer;
use crate::{PASSWORD, PATIENCE};

/// A session with nothing on it.
#[derive(Debug)]
pub struct Wire {
    connection: Connection,
}

/// A stream, which may become a membership.
#[derive(Debug)]
pub struct Stream {
    sender: SendStream,
    receiver: RecvStream,
    buffer: BytesMut,
}

/// The last word of a server on a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub code: Code,
    /// The reason as a sentence.
    pub message: String,
    /// When to try again at the earliest, in milliseconds.
    pub retry_after_ms: Option<u32>,
}

/// What became of an edit: nothing else when it was saved; otherwise why not, and when it may come again.
pub type Outcome = Result<(), (Code, Option<u32>)>;

/// Asks to enter a room with the tests' password, as a newcomer with a replica id of its own.
pub fn join(room: &str, name: &str) -> Join {
    join_with(room, name, Credential::Password(PASSWORD.to_owned()))
}

/// As [`join`], with another credential.
pub fn join_with(room: &str, name: &str, credential: Credential) -> Join {
    Join {
        protocol: PROTOCOL,
        room: room.to_owned(),
        credential,
        name: name.to_owned(),
        client_id: ClientId(rand::random_range(1..=MAX_SAFE_INTEGER)),
        generation: None,
        state_vector: Bytes::from_static(&[0]),
    }
}

impl Wire {
    /// Opens a session.
    pub async fn connect(server: &TestServer) -> Self {
        Self::connect_with(server, TransportConfig::default()).await
    }

    /// Opens a session of somebody who lets the server be this many bytes ahead of what they read, and no more.
    pub async fn connect_slow(server: &TestServer, window: u32) -> Self {
        let mut transport = TransportConfig::default();
        transport.stream_receive_window(window.into());
        Self::connect_with(server, transport).await
    }

    async fn connect_with(server: &TestServer, transport: TransportConfig) -> Self {
        let hash = Sha256Digest::new(server.certificate_hash);
        let mut config = ClientConfig::builder().with_bind_default().with_server_certificate_hashes([hash]).build();
        config.quic_config_mut().transport_config(Arc::new(transport));
        let endpoint = Endpoint::client(config).expect("a socket");
        let connecting = timeout(PATIENCE, endpoint.connect(server.webtransport_url()));
        Self { connection: connecting.await.expect("a session in time").expect("a session") }
    }

    /// Opens a stream.
    pub async fn stream(&self) -> Stream {
        let open = async { self.connection.open_bi().await.expect("a session").await.expect("a stream") };
        let (sender, receiver) = timeout(PATIENCE, open).await.expect("a stream in time");
        Stream { sender, receiver, buffer: BytesMut::new() }
    }

    /// Enters a room.
    pub async fn enter(&self, join: Join) -> (Stream, Welcome) {
        let mut stream = self.ask(join).await;
        match stream.next().await {
            Some(ServerFrame::Welcome(welcome)) => (stream, *welcome),
            other => panic!("not let in: {other:?}"),
        }
    }

    /// Asks to enter a room.
    pub async fn ask(&self, join: Join) -> Stream {
        let mut stream = self.stream().await;
        stream.frame(&ClientFrame::Join(join)).await;
        stream
    }

    /// Asks to enter a room, and expects a refusal.
    pub async fn is_refused(&self, join: Join) -> Refused {
        self.ask(join).await.refusal().await
    }

    /// Sends bytes as the whole of a stream, and expects a refusal.
    pub async fn bytes_are_refused(&self, bytes: &[u8]) -> Refused {
        let mut stream = self.stream().await;
        stream.send(bytes).await;
        stream.refusal().await
    }

    /// Sends a datagram.
    pub fn datagram(&self, bytes: &[u8]) {
        // One that is too large for the path is not sent, which is what a network does.
        let _ = self.connection.send_datagram(bytes);
    }
}

impl Stream {
    /// Sends bytes; a server that has stopped listening does not matter.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = timeout(PATIENCE, self.sender.write_all(bytes)).await.expect("the server reads or ends the stream");
    }

    /// Sends a frame.
    pub async fn frame(&mut self, frame: &ClientFrame) {
        self.send(&encode_frame(frame)).await;
    }

    /// Sends an edit.
    pub async fn edit(&mut self, id: u64, update: impl Into<Bytes>) {
        self.frame(&ClientFrame::Edit { id: EditId(id), update: update.into() }).await;
    }

    /// Says that nothing more will come.
    pub async fn finish(&mut self) {
        // A server that ended the stream already needs no end.
        let _ = self.sender.finish().await;
    }

    /// The next frame; none when the stream has ended, however it has.
    pub async fn next(&mut self) -> Option<ServerFrame> {
        timeout(PATIENCE, self.read()).await.expect("a frame or the end in time")
    }

    async fn read(&mut self) -> Option<ServerFrame> {
        let mut piece = [0; 16 * 1024];
        loop {
            let body = split_frame(&mut self.buffer, MAX_SERVER_FRAME_BYTES).expect("a server's frame");
            if let Some(body) = body {
                return Some(decode_server(&body).expect("a server's frame"));
            }
            match self.receiver.read(&mut piece).await {
                Ok(Some(read)) => self.buffer.extend_from_slice(&piece[..read]),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Reads one byte off the network; false when the stream has ended, however it has.
    pub async fn read_byte(&mut self) -> bool {
        let mut byte = [0; 1];
        let read = timeout(PATIENCE, self.receiver.read(&mut byte)).await.expect("a byte or the end in time");
        let came = matches!(read, Ok(Some(1)));
        self.buffer.extend_from_slice(&byte[..usize::from(came)]);
        came
    }

    /// Reads until the server cuts the stream: the code that it gives.
    pub async fn cut(&mut self) -> Option<Code> {
        let mut piece = [0; 16 * 1024];
        loop {
            match timeout(PATIENCE, self.receiver.read(&mut piece)).await.expect("bytes or the end in time") {
                Ok(Some(_)) => {}
                Err(StreamReadError::Reset(why)) => return u16::try_from(why.into_inner()).ok().map(Code::from_number),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// What becomes of an edit. Frames on the way are passed over; an error when the stream ends first.
    pub async fn outcome(&mut self, edit: u64) -> Result<Outcome, Option<Refused>> {
        let edit = EditId(edit);
        let mut refused = None;
        while let Some(frame) = self.next().await {
            match frame {
                ServerFrame::Saved { id, .. } if id == edit => return Ok(Ok(())),
                ServerFrame::Rejected { id, code, retry_after_ms, .. } if id == edit => {
                    return Ok(Err((code, retry_after_ms)));
                }
                ServerFrame::Refused { code, message, retry_after_ms } => {
                    refused = Some(Refused { code, message, retry_after_ms });
                }
                _ => {}
            }
        }
        Err(refused)
    }

    /// Waits until an edit is saved.
    pub async fn saved(&mut self, edit: u64) {
        assert_eq!(self.outcome(edit).await, Ok(Ok(())), "edit {edit}");
    }

    /// Reads until a refusal, which must be the end of the stream and speak to people.
    pub async fn refusal(&mut self) -> Refused {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                Some(ServerFrame::Refused { code, message, retry_after_ms }) => {
                    assert_eq!(self.next().await, None, "a refusal is the last frame");
                    assert!(message.len() > 10 && message.ends_with(['.', ')']), "{message:?} is no sentence");
                    return Refused { code, message, retry_after_ms };
                }
                Some(frame) => before.push(frame),
                None => panic!("the stream ended without a refusal, after {before:?}"),
            }
        }
    }
}

/// The text that a newcomer was given, as a replica that edits under the newcomer's id.
pub fn replica(join: &Join, welcome: &Welcome) -> Document {
    let mut document = Document::new(join.client_id.0);
    document.load(&welcome.missing).expect("a server's text");
    document
}
