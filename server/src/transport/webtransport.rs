//! WebTransport over QUIC: takes connections, gives their streams and datagrams to sessions.

use std::io;
use std::net::UdpSocket;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use collab_proto::Code;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use wtransport::{Connection, RecvStream, SendStream};

use crate::app::Phase;
use crate::data_dir::Keys;
use crate::session::wire::{Datagrams, Lost, Sink, Source};
use crate::session::{Hall, MAX_MEMBERSHIPS, Session, membership};

/// How long a handshake may take, QUIC and HTTP/3 together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Handshakes under way above which a newcomer must prove its address first: a flood of forged ones then costs little.
const TRUSTING_HANDSHAKES: usize = 256;

/// After this long without a packet a connection is given up. Clients ping every few seconds.
const IDLE_TIMEOUT_MS: u32 = 30_000;

/// What a client may send on one stream before the server has read it, in bytes: one largest frame.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// What a client may send on all its streams before the server has read it, in bytes.
const SESSION_WINDOW: u32 = 2 * 1024 * 1024;

/// What the server may have sent to one client and not yet know to have arrived, in bytes.
const SEND_WINDOW: u64 = 1024 * 1024;

/// Datagrams of one client that may wait, each way, in bytes.
const DATAGRAM_BUFFER: usize = 32 * 1024;

/// Between two answers to packets of connections that are not known here, at least. After a restart each of them tells an old
/// client to come back; quinn's default of 20 ms would keep the thousandth waiting for 20 s. An answer is smaller than what
/// it answers, so nobody can use it to flood somebody else.
const RESET_INTERVAL: Duration = Duration::from_micros(100);

/// Packets grow in one step, in bytes, from what every path takes to what nearly all take: quinn would try four sizes between,
/// each in a full packet of its own, whenever somebody joins.
const ONE_STEP: u16 = 252;

/// Longest read from a stream at once, in bytes.
const READ: usize = 64 * 1024;

/// HTTP/3 needs its request stream, and a spare one for a client that opens the next before the last is gone.
const BIDIRECTIONAL_STREAMS: u32 = MAX_MEMBERSHIPS as u32 + 2;

/// HTTP/3 has three of its own: control, and two for header compression.
const UNIDIRECTIONAL_STREAMS: u32 = 4;

/// A QUIC endpoint that takes WebTransport sessions.
///
/// The stateless-reset and connection-id keys come from the data directory: after a crash the restarted server can tell its
/// old clients at once that their connections are gone.
///
/// # Errors
///
/// When the socket cannot be used.
pub fn endpoint(socket: UdpSocket, tls: rustls::ServerConfig, keys: &Keys) -> io::Result<quinn::Endpoint> {
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    server.transport_config(Arc::new(transport()));
    let reset_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &keys.stateless_reset);
    let mut endpoint = EndpointConfig::new(Arc::new(reset_key));
    let connection_ids = keys.connection_ids;
    endpoint.min_reset_interval(RESET_INTERVAL);
    endpoint.cid_generator(move || Box::new(quinn_proto::HashedConnectionIdGenerator::from_key(connection_ids)));
    quinn::Endpoint::new(endpoint, Some(server), socket, Arc::new(quinn::TokioRuntime))
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let mut larger_packets = MtuDiscoveryConfig::default();
    larger_packets.minimum_change(ONE_STEP);
    transport
        .mtu_discovery_config(Some(larger_packets))
        .max_concurrent_bidi_streams(BIDIRECTIONAL_STREAMS.into())
        .max_concurrent_uni_streams(UNIDIRECTIONAL_STREAMS.into())
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(SESSION_WINDOW.into())
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER))
        .datagram_send_buffer_size(DATAGRAM_BUFFER);
    transport
}

/// Takes connections until the server drains, then waits until the last session has ended. `places` are shared with the other
/// transports.
pub async fn serve(
    endpoint: quinn::Endpoint,
    hall: Arc<Hall>,
    places: Arc<Semaphore>,
    mut phase: watch::Receiver<Phase>,
) {
    let mut sessions = JoinSet::new();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = draining(&mut phase) => break,
        };
        let Some(incoming) = incoming else { break };
        while sessions.try_join_next().is_some() {}
        let waiting = endpoint.open_connections().saturating_sub(sessions.len());
        match places.clone().try_acquire_owned() {
            // A forged address cannot answer a retry, so this costs an attacker more than us.
            _ if !incoming.remote_address_validated() && waiting > TRUSTING_HANDSHAKES => {
                if let Err(refused) = incoming.retry() {
                    refused.into_incoming().ignore();
                }
            }
            Ok(place) => {
                sessions.spawn(run(incoming, hall.clone(), phase.clone(), place));
            }
            Err(_) => incoming.refuse(),
        }
    }
    while sessions.join_next().await.is_some() {}
}

/// One connection from its handshake to its end. When the server drains, a handshake is given up, and a session ends once its
/// memberships have: also one whose client has gone without a word.
async fn run(
    incoming: quinn::Incoming,
    hall: Arc<Hall>,
    mut phase: watch::Receiver<Phase>,
    _place: OwnedSemaphorePermit,
) {
    let address = incoming.remote_address();
    let handshake = tokio::select! {
        handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, hall.turns.take(accept(incoming))) => handshake,
        () = draining(&mut phase) => return,
    };
    match handshake {
        Ok(Ok(connection)) => serve_session(connection, hall, phase).await,
        Ok(Err(error)) => tracing::debug!(%address, %error, "a handshake failed"),
        Err(_) => tracing::debug!(%address, "a handshake took too long"),
    }
}

async fn draining(phase: &mut watch::Receiver<Phase>) {
    // A server that is gone altogether drains too.
    let _ = phase.wait_for(|phase| *phase == Phase::Draining).await;
}

/// Accepts whatever asks for a session: refusals go in frames, since browsers slow a page down after refused handshakes.
async fn accept(incoming: quinn::Incoming) -> Result<Connection, wtransport::error::ConnectionError> {
    wtransport::endpoint::IncomingSessionFuture::with_quic_incoming(incoming).await?.accept().await
}

async fn serve_session(connection: Connection, hall: Arc<Hall>, mut phase: watch::Receiver<Phase>) {
    let connection = Arc::new(connection);
    let address = connection.remote_address().ip().to_canonical();
    let session = Arc::new(Session::new(hall, address, QuicDatagrams(connection.clone())));
    let mut memberships = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_bi() => match stream {
                Ok((sender, receiver)) if memberships.len() < MAX_MEMBERSHIPS => {
                    let session = session.clone();
                    memberships.spawn(async move { membership::run(&session, Receiver(receiver), Sender(sender)).await });
                }
                Ok((sender, _)) => drop(tokio::spawn(membership::turn_away(Sender(sender)))),
                Err(_) => break,
            },
            datagram = connection.receive_datagram() => match datagram {
                Ok(datagram) => session.handle_datagram(&datagram),
                Err(_) => break,
            },
            Some(_) = memberships.join_next() => {}
            () = draining(&mut phase) => break,
        }
    }
    if *phase.borrow() == Phase::Draining {
        // Their rooms end them, with a word to each member.
        while memberships.join_next().await.is_some() {}
    }
    connection.close(0u32.into(), b"");
}

struct QuicDatagrams(Arc<Connection>);

impl Datagrams for QuicDatagrams {
    fn send(&self, datagram: Bytes) {
        // What does not fit the path now is dropped, as the network might have dropped it.
        let _ = self.0.send_datagram(datagram);
    }
}

struct Receiver(RecvStream);

impl Source for Receiver {
    async fn read(&mut self, buffer: &mut BytesMut) -> Result<bool, Lost> {
        match self.0.quic_stream_mut().read_chunk(READ, true).await {
            Ok(Some(chunk)) => {
                buffer.extend_from_slice(&chunk.bytes);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(_) => Err(Lost),
        }
    }
}

struct Sender(SendStream);

impl Sink for Sender {
    fn try_write(&mut self, frames: &mut [Bytes]) {
        // What stops it tells the next write, which waits.
        let mut now = Context::from_waker(Waker::noop());
        while let Some(first) = frames.iter().position(|frame| !frame.is_empty()) {
            let write = pin!(self.0.quic_stream_mut().write_chunks(&mut frames[first..]));
            if !matches!(write.poll(&mut now), Poll::Ready(Ok(_))) {
                break;
            }
        }
    }

    async fn write(&mut self, frames: &mut [Bytes]) -> Result<(), Lost> {
        self.0.quic_stream_mut().write_chunks(frames).await.map(|_| ()).map_err(|_| Lost)
    }

    async fn finish(&mut self) -> Result<(), Lost> {
        let stream = self.0.quic_stream_mut();
        stream.finish().map_err(|_| Lost)?;
        stream.stopped().await.map(|_| ()).map_err(|_| Lost)
    }

    fn cut(&mut self, why: Code) {
        // A stream that has ended already needs no reason.
        let _ = self.0.reset(why.number().into());
    }
}
