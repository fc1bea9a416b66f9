//! WebTransport over UDP sockets that many users share.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use collab_client::trust::Trust;
use quinn::{MtuDiscoveryConfig, ReadError, TransportConfig, VarInt};
use rustls::client::Resumption;
use socket2::{Domain, Socket, Type};
use tokio::time::timeout;
use wtransport::config::{DnsLookupFuture, DnsResolver};
use wtransport::endpoint::endpoint_side::Client;
use wtransport::{ClientConfig, Connection, Endpoint, RecvStream, SendStream};

use super::stream::Frames;
use super::{Heard, Lost, Say, Spoken, Wire, heard_datagram};

/// How many users share a socket. A packet for each of them at once fits into its buffer three times over.
const USERS_PER_SOCKET: usize = 1000;

/// Asked of the system for each direction, in bytes; it may grant less.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Longest time to a connection. A server that was killed does not answer at all.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Keeps connections open while thousands of others join.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What the server may send on a stream before it is read, in bytes: some hundred edits, so that a slow reader's queue is the
/// server's to keep.
const STREAM_WINDOW: u32 = 64 * 1024;

/// Datagrams that may wait, each way, in bytes.
const DATAGRAM_BUFFER: usize = 64 * 1024;

/// Packets grow in one step, in bytes, to what nearly all paths take, as those of browsers do.
const ONE_STEP: u16 = 252;

/// Longest read at once, in bytes.
const READ: usize = 64 * 1024;

/// How long the server may take to end its side of a stream after this side has.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// The sockets.
pub struct Sockets {
    url: String,
    endpoints: Vec<Endpoint<Client>>,
}

impl Sockets {
    /// Opens as many as the users need.
    pub async fn open(url: &str, trust: &Trust, users: usize) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/');
        let addresses: Vec<_> = tokio::net::lookup_host(authority).await?.collect();
        // Servers on a machine of one's own often listen on IPv4 alone, whatever its name means first.
        let by_ipv4 = addresses.iter().find(|address| address.is_ipv4());
        let address = *by_ipv4.or(addresses.first()).ok_or_else(|| anyhow!("{authority} has no address"))?;
        let sockets = users.div_ceil(USERS_PER_SOCKET).max(1);
        let endpoints = (0..sockets).map(|_| endpoint(address, authority, trust)).collect::<Result<_, _>>()?;
        Ok(Self { url: url.to_owned(), endpoints })
    }

    /// Opens a session and its one stream.
    pub async fn connect(&self, user: usize) -> Result<Wire, Lost> {
        self.within(async { stream(&self.session(user).await?).await }).await
    }

    /// Opens one session with two streams: two memberships that share a connection, as those of one person do.
    pub async fn connect_pair(&self, user: usize) -> Result<(Wire, Wire), Lost> {
        self.within(async {
            let session = self.session(user).await?;
            Ok((stream(&session).await?, stream(&session).await?))
        })
        .await
    }

    async fn session(&self, user: usize) -> Result<Connection, Lost> {
        self.endpoints[user % self.endpoints.len()].connect(&self.url).await.map_err(Lost::new)
    }

    async fn within<T>(&self, opening: impl Future<Output = Result<T, Lost>>) -> Result<T, Lost> {
        timeout(CONNECT_LIMIT, opening).await.unwrap_or_else(|_| Err(Lost::new("no answer")))
    }

    /// Ends every connection and waits a moment for the server to hear of it.
    pub async fn close(&self) {
        for endpoint in &self.endpoints {
            endpoint.close(0u32.into(), b"");
            // Not told in time is not worth waiting for.
            let _ = timeout(LEAVE_LIMIT, endpoint.wait_idle()).await;
        }
    }
}

async fn stream(session: &Connection) -> Result<Wire, Lost> {
    let (send, receive) = session.open_bi().await.map_err(Lost::new)?.await.map_err(Lost::new)?;
    let ear = Ear { connection: session.clone(), stream: receive, frames: Frames::default() };
    let mouth = Mouth { connection: session.clone(), stream: send, waiting: Vec::new() };
    Ok(Wire { ear: super::Ear::WebTransport(ear), mouth: super::Mouth::WebTransport(mouth) })
}

fn endpoint(address: SocketAddr, authority: &str, trust: &Trust) -> anyhow::Result<Endpoint<Client>> {
    let mut tls = trust.tls_config(authority, &[b"h3"])?;
    // A thousand users are a thousand machines: none finishes a handshake that another began.
    tls.resumption = Resumption::disabled();
    let mut config = ClientConfig::builder()
        .with_bind_socket(socket(&address).context("cannot open a UDP socket")?)
        .with_custom_tls_and_transport(tls, transport())
        .build();
    config.set_dns_resolver(Resolved(address));
    Endpoint::client(config).context("cannot use a UDP socket")
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let mut larger_packets = MtuDiscoveryConfig::default();
    larger_packets.minimum_change(ONE_STEP);
    transport
        .mtu_discovery_config(Some(larger_packets))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(VarInt::from_u32(30_000).into()))
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window((2 * STREAM_WINDOW).into())
        .max_concurrent_bidi_streams(0u32.into())
        .max_concurrent_uni_streams(8u32.into())
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER))
        .datagram_send_buffer_size(DATAGRAM_BUFFER);
    transport
}

fn socket(server: &SocketAddr) -> io::Result<UdpSocket> {
    let (domain, any): (_, SocketAddr) = match server {
        SocketAddr::V4(_) => (Domain::IPV4, (Ipv4Addr::UNSPECIFIED, 0).into()),
        SocketAddr::V6(_) => (Domain::IPV6, (Ipv6Addr::UNSPECIFIED, 0).into()),
    };
    let socket = Socket::new(domain, Type::DGRAM, None)?;
    // The system may grant less; it still works then.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&any.into())?;
    Ok(socket.into())
}

/// The one address of the server, looked up before the run.
#[derive(Debug)]
struct Resolved(SocketAddr);

impl DnsResolver for Resolved {
    fn resolve(&self, _: &str) -> Pin<Box<dyn DnsLookupFuture>> {
        let address = self.0;
        let known = async move { Ok(Some(address)) };
        Box::pin(known) as Pin<Box<dyn DnsLookupFuture>>
    }
}

/// Hears a stream and datagrams.
pub struct Ear {
    connection: Connection,
    stream: RecvStream,
    frames: Frames,
}

impl Ear {
    /// As [`super::Ear::listen`].
    pub async fn listen(&mut self, mut hear: impl FnMut(Heard<'_>)) -> Result<(), Lost> {
        tokio::select! {
            biased;
            chunk = self.stream.quic_stream_mut().read_chunk(READ, true) => match chunk {
                Ok(Some(chunk)) => self.frames.feed(&chunk.bytes, hear).map_err(Lost::new),
                Ok(None) => Err(Lost::new("the server ended the connection")),
                Err(ReadError::Reset(why)) => Err(Lost(format!("the server cut the stream ({why})"))),
                Err(error) => Err(Lost::new(error)),
            },
            bytes = datagram(&self.connection) => {
                hear(heard_datagram(&bytes));
                Ok(())
            }
        }
    }
}

/// What the stream brought before the end is still to be read; reading it finds the end by itself.
async fn datagram(connection: &Connection) -> Bytes {
    match connection.receive_datagram().await {
        Ok(datagram) => datagram.payload(),
        Err(_) => std::future::pending().await,
    }
}

/// Speaks on a stream and in datagrams.
pub struct Mouth {
    connection: Connection,
    stream: SendStream,
    waiting: Vec<Bytes>,
}

impl Mouth {
    /// Datagrams go at once.
    pub fn say(&mut self, what: Say) {
        match Spoken::from(what) {
            Spoken::Stream(bytes) => self.waiting.push(bytes),
            // Too large for the path, or no path any more: lost, as datagrams may be.
            Spoken::Datagram(bytes) => drop(self.connection.send_datagram(bytes)),
        }
    }

    /// Whether frames wait.
    pub fn has_more(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes as much as the connection takes; the pieces shrink as they go.
    pub async fn speak(&mut self) -> Result<(), Lost> {
        let written = self.stream.quic_stream_mut().write_chunks(&mut self.waiting).await.map_err(Lost::new)?;
        self.waiting.drain(..written.chunks);
        Ok(())
    }

    /// Ends the stream, waits until the server has read it, and closes.
    pub async fn leave(mut self) {
        // A server that is gone needs no farewell.
        if self.stream.quic_stream_mut().finish().is_ok() {
            let _ = timeout(LEAVE_LIMIT, self.stream.quic_stream_mut().stopped()).await;
        }
        self.connection.close(0u32.into(), b"");
    }
}
