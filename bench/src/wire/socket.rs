//! A socket for each user, over TCP, in clear or over TLS: what every protocol in messages is carried by.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use anyhow::Context;
use collab_client::trust::Trust;
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

use super::Lost;

/// Longest time to an open socket: TCP, TLS and HTTP together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a farewell may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// What carries a socket: TCP or TLS.
pub trait Carrier: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Carrier for T {}

type Socket = WebSocketStream<Box<dyn Carrier>>;

/// A server's host, and how it is believed.
pub struct Host {
    name: String,
    authority: String,
    tls: Option<TlsConnector>,
}

impl Host {
    /// The host in a `ws:` or `wss:` address.
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
        Ok(Self { name: bare.to_owned(), authority, tls })
    }

    /// Opens a socket at an address there, for messages of at most so many bytes.
    pub async fn open(&self, url: &str, longest: usize) -> Result<(Receiver, Sender), Lost> {
        let opening = async {
            let carrier = self.carrier().await?;
            let config = WebSocketConfig::default()
                .max_message_size(Some(longest))
                .max_frame_size(Some(longest))
                .read_buffer_size(4 * 1024)
                .write_buffer_size(0);
            client_async_with_config(url, carrier, Some(config)).await.map_err(Lost::new)
        };
        let opened = timeout(CONNECT_LIMIT, opening).await.unwrap_or_else(|_| Err(Lost::new("no answer")));
        let (sink, stream) = opened?.0.split();
        Ok((Receiver(stream), Sender { sink, waiting: VecDeque::new(), unflushed: false }))
    }

    async fn carrier(&self) -> Result<Box<dyn Carrier>, Lost> {
        let tcp = TcpStream::connect(&self.authority).await.map_err(Lost::new)?;
        // Every edit is worth a packet of its own; where the system does not do it, it is only slower.
        let _ = tcp.set_nodelay(true);
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(self.name.clone()).map_err(Lost::new)?;
        Ok(Box::new(tls.connect(name, tcp).await.map_err(Lost::new)?))
    }
}

fn connector(authority: &str, trust: &Trust) -> anyhow::Result<TlsConnector> {
    let mut tls = trust.tls_config(authority, &[b"http/1.1"])?;
    tls.resumption = Resumption::disabled();
    Ok(Arc::new(tls).into())
}

/// Where messages come from.
pub struct Receiver(SplitStream<Socket>);

impl Receiver {
    /// The next message that is not the end. Cancel safe.
    pub async fn next(&mut self) -> Result<Message, Lost> {
        match self.0.next().await {
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(0, |frame| frame.code.into());
                Err(Lost(format!("the server closed the socket ({code})")))
            }
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => Err(Lost::new(error)),
            None => Err(Lost::new("the server ended the connection")),
        }
    }
}

/// Where messages go.
pub struct Sender {
    sink: SplitSink<Socket, Message>,
    waiting: VecDeque<Message>,
    /// Whether the socket may hold something that it has not written yet.
    unflushed: bool,
}

impl Sender {
    /// Puts a message behind those that wait.
    pub fn push(&mut self, message: Message) {
        self.waiting.push_back(message);
    }

    /// Whether messages wait, or part of one does.
    pub fn has_more(&self) -> bool {
        self.unflushed || !self.waiting.is_empty()
    }

    /// Sends all that waits. A message leaves the queue only when the socket has taken it.
    pub async fn speak(&mut self) -> Result<(), Lost> {
        future::poll_fn(|cx| {
            let Self { sink, waiting, unflushed } = self;
            let mut sink = Pin::new(sink);
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
