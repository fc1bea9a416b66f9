//! Any messages to a server, over a WebSocket directly.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use collab_proto::limits::MAX_SERVER_FRAME_BYTES;
use collab_proto::websocket::{DATAGRAM, STREAM};
use collab_proto::{ClientFrame, Datagram, Join, ServerFrame, Welcome, decode_datagram, decode_server, encode_frame};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::PATIENCE;
use crate::server::TestServer;

/// A WebSocket, which may become a membership.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    buffer: BytesMut,
    datagrams: Vec<Datagram>,
    closed: Option<u16>,
}

impl Socket {
    /// Opens one, in clear.
    pub async fn connect(server: &TestServer) -> Self {
        Self::connect_to(server, "/ws").await
    }

    /// Opens one at a path, in clear.
    pub async fn connect_to(server: &TestServer, path: &str) -> Self {
        Self::open(server, TcpSocket::new_v4().expect("a socket"), path).await
    }

    /// Opens one of somebody whose system takes this many bytes ahead of what they read, or a little more.
    pub async fn connect_slow(server: &TestServer, window: u32) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(window).expect("a small buffer");
        Self::open(server, socket, "/ws").await
    }

    async fn open(server: &TestServer, socket: TcpSocket, path: &str) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], server.http_port));
        let stream =
            timeout(PATIENCE, socket.connect(address)).await.expect("a connection in time").expect("a connection");
        let opening = timeout(PATIENCE, client_async(format!("ws://{address}{path}"), stream));
        let (stream, _) = opening.await.expect("a WebSocket in time").expect("a WebSocket");
        Self { stream, buffer: BytesMut::new(), datagrams: Vec::new(), closed: None }
    }

    /// Enters a room.
    pub async fn enter(&mut self, join: Join) -> Welcome {
        self.frame(&ClientFrame::Join(join)).await;
        match self.next().await {
            Some(ServerFrame::Welcome(welcome)) => *welcome,
            other => panic!("not let in: {other:?}"),
        }
    }

    /// Sends a message; a server that has closed does not matter.
    pub async fn send(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.stream.send(message)).await.expect("the server reads or closes");
    }

    /// Sends bytes of the stream.
    pub async fn bytes(&mut self, bytes: &[u8]) {
        self.send(Message::binary([&[STREAM], bytes].concat())).await;
    }

    /// Sends a frame.
    pub async fn frame(&mut self, frame: &ClientFrame) {
        self.bytes(&encode_frame(frame)).await;
    }

    /// The next frame; none when the server has closed.
    pub async fn next(&mut self) -> Option<ServerFrame> {
        loop {
            let body = collab_proto::split_frame(&mut self.buffer, MAX_SERVER_FRAME_BYTES).expect("a server's frame");
            if let Some(body) = body {
                return Some(decode_server(&body).expect("a server's frame"));
            }
            if !self.receive().await {
                return None;
            }
        }
    }

    /// The next frame that is not about who comes and goes; none when the server has closed.
    pub async fn word(&mut self) -> Option<ServerFrame> {
        loop {
            match self.next().await {
                Some(ServerFrame::Members { .. }) => {}
                other => return other,
            }
        }
    }

    /// The next datagram.
    pub async fn datagram(&mut self) -> Datagram {
        while self.datagrams.is_empty() {
            assert!(self.receive().await, "closed instead of a datagram: {:?}", self.closed);
        }
        self.datagrams.remove(0)
    }

    /// Reads to the end: the code with which the server closes.
    pub async fn close_code(&mut self) -> Option<u16> {
        while self.message().await.is_some() {}
        self.closed
    }

    /// The next binary message, whatever it is; none when the server has closed.
    pub async fn message(&mut self) -> Option<Bytes> {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.expect("a message or the end in time") {
                Some(Ok(Message::Binary(message))) => return Some(message),
                Some(Ok(Message::Close(frame))) => self.closed = frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Takes a message; false when the server has closed or is gone.
    async fn receive(&mut self) -> bool {
        match timeout(PATIENCE, self.stream.next()).await.expect("a message or the end in time") {
            Some(Ok(Message::Binary(message))) if message.first() == Some(&STREAM) => {
                self.buffer.extend_from_slice(&message[1..]);
            }
            Some(Ok(Message::Binary(message))) if message.first() == Some(&DATAGRAM) => {
                self.datagrams.push(decode_datagram(&message[1..]).expect("a datagram"));
            }
            Some(Ok(Message::Close(frame))) => self.closed = frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(Error::ConnectionClosed | Error::Io(_) | Error::Protocol(_))) | None => return false,
            Some(Err(error)) => panic!("the server breaks the rules: {error}"),
        }
        true
    }
}
