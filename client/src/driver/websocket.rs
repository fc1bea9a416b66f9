//! A connection over WebSocket, in clear or over TLS with the same trust as WebTransport. See [`collab_proto::websocket`].

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use collab_proto::decode_datagram;
use collab_proto::limits::MAX_WEBSOCKET_MESSAGE_BYTES;
use collab_proto::websocket::{DATAGRAM, STREAM};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::endpoint::{Failure, unreachable};
use super::link::{Ends, Incoming, LINGER, Lost, cut, pass_on};
use crate::trust::Trust;

/// Longest time to an open socket: TCP, TLS and HTTP together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What carries the socket.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Carrier for T {}

pub(super) type Socket = WebSocketStream<Box<dyn Carrier>>;

/// Opens a socket at a `ws:` or `wss:` address.
pub(super) async fn connect(trust: &Trust, url: &str) -> Result<Socket, Failure> {
    let target = Target::parse(url).map_err(|reason| (format!("{url} is not an address: {reason}"), true))?;
    let opening = async {
        let carrier = target.carrier(trust).await?;
        let opened = client_async_with_config(url, carrier, Some(config())).await;
        opened.map(|(socket, _)| socket).map_err(|error| unreachable(url, error))
    };
    timeout(CONNECT_LIMIT, opening).await.unwrap_or_else(|_| Err(unreachable(url, "no answer")))
}

/// What the library keeps: a message is bounded, and written at once.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_WEBSOCKET_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_WEBSOCKET_MESSAGE_BYTES))
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
}

/// A parsed address.
struct Target<'a> {
    url: &'a str,
    host: String,
    port: u16,
    secure: bool,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Result<Self, String> {
        let parsed = Url::parse(url).map_err(|error| error.to_string())?;
        let secure = match parsed.scheme() {
            "ws" => false,
            "wss" => true,
            scheme => return Err(format!("it begins with {scheme}, not with ws or wss")),
        };
        let host = parsed.host_str().ok_or("it names no host")?.to_owned();
        let port = parsed.port_or_known_default().ok_or("it names no port")?;
        Ok(Self { url, host, port, secure })
    }

    async fn carrier(&self, trust: &Trust) -> Result<Box<dyn Carrier>, Failure> {
        let stream = TcpStream::connect((self.bare_host(), self.port)).await;
        let stream = stream.map_err(|error| unreachable(self.url, error))?;
        // Every edit is worth a packet of its own; where the system does not do it, it is only slower.
        let _ = stream.set_nodelay(true);
        if self.secure { Ok(Box::new(self.secured(trust, stream).await?)) } else { Ok(Box::new(stream)) }
    }

    async fn secured(&self, trust: &Trust, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let authority = format!("{}:{}", self.host, self.port);
        let (tls, verifier) = trust.tls(&authority, &[b"http/1.1"]).map_err(|error| unreachable(self.url, error))?;
        let name = ServerName::try_from(self.bare_host().to_owned()).map_err(|error| unreachable(self.url, error))?;
        let opened = TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
        opened.map_err(|error| match verifier.refusal() {
            Some(refusal) => refusal,
            None => unreachable(self.url, error),
        })
    }

    /// IPv6 addresses have brackets in a URL alone.
    fn bare_host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }
}

/// Reads and writes until either side ends it.
pub(super) async fn run(socket: Socket, ends: Ends) -> Result<(), Lost> {
    let Ends { opened: (way, address), frames, datagrams, incoming } = ends;
    let (sink, stream) = socket.split();
    let _ = incoming.send(Incoming::Connected(way, address)).await;
    let reading = read(stream, &incoming);
    tokio::pin!(reading);
    tokio::select! {
        lost = &mut reading => return Err(lost),
        () = write(sink, frames, datagrams) => {}
    }
    // This side has ended; a server that answers the close has read everything.
    let _ = timeout(LINGER, reading).await;
    Ok(())
}

/// Goes on while nobody listens: the end still counts.
async fn read(mut stream: SplitStream<Socket>, incoming: &mpsc::Sender<Incoming>) -> Lost {
    let mut buffer = BytesMut::new();
    loop {
        let mut message = match stream.next().await {
            Some(Ok(Message::Binary(message))) => message,
            Some(Ok(Message::Close(frame))) => return closed(frame),
            Some(Ok(_)) => continue,
            Some(Err(error)) => return Lost::new(error),
            None => return Lost::new(ENDED),
        };
        match message.try_get_u8() {
            Ok(STREAM) => buffer.extend_from_slice(&message),
            Ok(DATAGRAM) => {
                // One that is not understood is dropped, as a network might have.
                if let Ok(datagram) = decode_datagram(&message) {
                    let _ = incoming.send(Incoming::Datagram(datagram)).await;
                }
            }
            // A later version may know more kinds.
            _ => {}
        }
        if let Err(error) = pass_on(&mut buffer, incoming).await {
            return Lost::new(format_args!("the server does not speak this protocol: {error}"));
        }
    }
}

const ENDED: &str = "the server ended the connection";

fn closed(frame: Option<CloseFrame>) -> Lost {
    Lost::new(cut(frame.map_or(0, |frame| u16::from(frame.code).into()), ENDED))
}

/// Ends with the last frame of a link that was closed. Where nothing can be written any more, reading finds the reason.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut frames: mpsc::Receiver<Bytes>,
    mut datagrams: mpsc::Receiver<Bytes>,
) {
    loop {
        let written = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => write_frame(&mut sink, &frame).await,
                None => break,
            },
            Some(datagram) = datagrams.recv() => sink.send(message(DATAGRAM, &datagram)).await,
        };
        if written.is_err() {
            return std::future::pending().await;
        }
    }
    let leave = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    if sink.send(Message::Close(Some(leave))).await.is_err() {
        std::future::pending().await
    }
}

async fn write_frame(sink: &mut SplitSink<Socket, Message>, frame: &[u8]) -> Result<(), Error> {
    for piece in frame.chunks(MAX_WEBSOCKET_MESSAGE_BYTES - 1) {
        sink.send(message(STREAM, piece)).await?;
    }
    Ok(())
}

fn message(kind: u8, bytes: &[u8]) -> Message {
    Message::binary([&[kind], bytes].concat())
}
