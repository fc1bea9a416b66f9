//! The same frames over WebSocket, a TCP connection for each user, in clear or over TLS. See [`collab_proto::websocket`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use anyhow::Context;
use collab_client::trust::Trust;
use collab_proto::limits::MAX_WEBSOCKET_MESSAGE_BYTES;
use collab_proto::websocket::{DATAGRAM, STREAM};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, StreamExt, future};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::stream::Frames;
use super::{Heard, Lost, Say, Spoken, Wire, heard_datagram};

/// Longest time to an open socket: TCP, TLS and HTTP together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a farewell may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// What carries a socket: TCP or TLS.
pub trait Carrier: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Carrier for T {}

type Socket = WebSocketStream<Box<dyn Carrier>>;

/// A server's address, and how it is believed.
pub struct Door {
    url: String,
    host: String,
    authority: String,
    tls: Option<TlsConnector>,
}

impl Door {
    /// A door at a `ws:` or `wss:` address.
    pub fn new(url: &str, trust: &Trust) -> anyhow::Result<Self> {
        let (scheme, rest) = url.split_once("://").context("the address has no scheme")?;
        let (secure, port) = match scheme {
            "ws" => (false, 80),
            "wss" => (true, 443),
            other => anyhow::bail!("{url} begins with {other}, not with ws or wss"),
        };
        let host = rest.split('/').next().unwrap_or_default();
        let has_port = host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
        let authority = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        let bare = authority.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
        let tls = if secure { Some(connector(&authority, trust)?) } else { None };
        Ok(Self { url: url.to_owned(), host: bare.to_owned(), authority, tls })
    }

    /// Opens a socket.
    pub async fn connect(&self) -> Result<Wire, Lost> {
        let opening = async {
            let carrier = self.carrier().await?;
            let config = WebSocketConfig::default()
                .max_message_size(Some(MAX_WEBSOCKET_MESSAGE_BYTES))
                .max_frame_size(Some(MAX_WEBSOCKET_MESSAGE_BYTES))
                .read_buffer_size(4 * 1024)
                .write_buffer_size(0);
            client_async_with_config(&self.url, carrier, Some(config)).await.map_err(Lost::new)
        };
        let opened = timeout(CONNECT_LIMIT, opening).await.unwrap_or_else(|_| Err(Lost::new("no answer")));
        let (sink, stream) = opened?.0.split();
        let ear = super::Ear::WebSocket(Ear { stream, frames: Frames::default() });
        Ok(Wire { ear, mouth: super::Mouth::WebSocket(Mouth { sink, waiting: VecDeque::new(), unflushed: false }) })
    }

    async fn carrier(&self) -> Result<Box<dyn Carrier>, Lost> {
        let tcp = TcpStream::connect(&self.authority).await.map_err(Lost::new)?;
        // Every edit is worth a packet of its own; where the system does not do it, it is only slower.
        let _ = tcp.set_nodelay(true);
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(self.host.clone()).map_err(Lost::new)?;
        Ok(Box::new(tls.connect(name, tcp).await.map_err(Lost::new)?))
    }
}

fn connector(authority: &str, trust: &Trust) -> anyhow::Result<TlsConnector> {
    let mut tls = trust.tls_config(authority, &[b"http/1.1"])?;
    tls.resumption = Resumption::disabled();
    Ok(Arc::new(tls).into())
}

/// Hears messages.
pub struct Ear {
    stream: SplitStream<Socket>,
    frames: Frames,
}

impl Ear {
    /// As [`super::Ear::listen`].
    pub async fn listen(&mut self, mut hear: impl FnMut(Heard<'_>)) -> Result<(), Lost> {
        let message = match self.stream.next().await {
            Some(Ok(Message::Binary(message))) => message,
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(0, |frame| frame.code.into());
                return Err(Lost(format!("the server closed the socket ({code})")));
            }
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => return Err(Lost::new(error)),
            None => return Err(Lost::new("the server ended the connection")),
        };
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
    sink: SplitSink<Socket, Message>,
    waiting: VecDeque<Message>,
    /// Whether the socket may hold something that it has not written yet.
    unflushed: bool,
}

impl Mouth {
    /// Everything goes in its order.
    pub fn say(&mut self, what: Say) {
        match Spoken::from(what) {
            Spoken::Stream(bytes) => {
                let pieces = bytes.chunks(MAX_WEBSOCKET_MESSAGE_BYTES - 1);
                self.waiting.extend(pieces.map(|piece| message(STREAM, piece)));
            }
            Spoken::Datagram(bytes) => self.waiting.push_back(message(DATAGRAM, &bytes)),
        }
    }

    /// Whether messages wait, or part of one does.
    pub fn has_more(&self) -> bool {
        self.unflushed || !self.waiting.is_empty()
    }

    /// Sends all that waits. A message leaves the queue only when the socket has taken it.
    pub async fn speak(&mut self) -> Result<(), Lost> {
        future::poll_fn(|cx| {
            let Self { sink, waiting, unflushed } = self;
            let mut sink = std::pin::Pin::new(sink);
            while !waiting.is_empty() {
                ready!(sink.as_mut().poll_ready(cx))?;
                if let Some(message) = waiting.pop_front() {
                    *unflushed = true;
                    sink.as_mut().start_send(message)?;
                }
            }
            ready!(sink.poll_flush(cx))?;
            *unflushed = false;
            Poll::Ready(Ok::<_, Error>(()))
        })
        .await
        .map_err(Lost::new)
    }

    /// Closes the socket.
    pub async fn leave(mut self) {
        // A server that is gone needs no farewell.
        let _ = timeout(LEAVE_LIMIT, futures_util::SinkExt::close(&mut self.sink)).await;
    }
}

fn message(kind: u8, bytes: &[u8]) -> Message {
    Message::binary([&[kind], bytes].concat())
}
