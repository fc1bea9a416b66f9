//! Connections: accepted, given TLS or not, bounded in number and in time, and ended in order.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::turns::Turns;

/// Connections of one listener at a time. More wait in the system's queue.
const MAX_CONNECTIONS: usize = 4096;
/// Longest TLS handshake, and longest wait for a request's head.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long sent bytes may go unacknowledged, and how long a peer may be silent before it is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(30);
/// How long requests may take to end once the server stops.
const FAREWELL: Duration = Duration::from_secs(2);
/// How many bytes of answers the kernel takes ahead of what it sends. What a slow reader of a WebSocket cannot take yet stays with
/// the room, which can put something shorter in its place.
const UNSENT: u32 = 64 * 1024;
/// How long accepting pauses when the process has no file handle left.
const PAUSE: Duration = Duration::from_millis(50);

/// The other end of the connection that a request came on. Every request carries it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub secure: bool,
}

/// Binds a TCP listener. `[::]` takes IPv6 and IPv4, or IPv4 alone where the system has no IPv6.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match listen(address) {
        Err(error) if is_any_v6(address) && is_no_v6(&error) => {
            listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        other => other,
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if is_any_v6(address) {
        socket.set_only_v6(false)?;
    }
    // Connections of the process before linger for a minute; they must not keep this one from starting.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

fn is_any_v6(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

fn is_no_v6(error: &io::Error) -> bool {
    /// The address family is unknown to the kernel (EAFNOSUPPORT); the kind is not stable.
    const NO_SUCH_FAMILY: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

/// What a listener needs for TLS.
pub struct Tls {
    /// The certificate, and what is spoken.
    pub config: Arc<ServerConfig>,
    /// Turns for handshakes.
    pub turns: Turns,
}

/// Serves `router` over TLS, or in clear text without a configuration, until `stop` ends. Then no connection is accepted, each
/// may end its request within 2 seconds, and the rest are cut.
pub async fn serve(listener: TcpListener, tls: Option<Tls>, router: Router, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let (stopping, stopped) = watch::channel(false);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tls = tls.map(|Tls { config, turns }| (TlsAcceptor::from(config), turns));
    let mut connections = JoinSet::new();
    loop {
        let (stream, address, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        let peer = Peer { address, secure: tls.is_some() };
        let requests = Requests { router: router.clone(), peer, stopped: stopped.clone() };
        connections.spawn(connection(stream, tls.clone(), requests, place));
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    stopping.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(FAREWELL, ended).await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, place),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<(TlsAcceptor, Turns)>,
    requests: Requests,
    _place: Option<OwnedSemaphorePermit>,
) {
    let socket = SockRef::from(&stream);
    let _ = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_user_timeout(Some(SILENCE)));
    let _ = socket.set_tcp_notsent_lowat(UNSENT);
    let Some((acceptor, turns)) = tls else { return requests.serve(stream).await };
    let accepted = async {
        // Whoever says nothing needs no turn.
        stream.readable().await?;
        turns.take(acceptor.accept(stream)).await
    };
    match timeout(HANDSHAKE_TIME, accepted).await {
        Ok(Ok(stream)) => requests.serve(stream).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// What answers the requests of one connection.
struct Requests {
    router: Router,
    peer: Peer,
    stopped: watch::Receiver<bool>,
}

impl Requests {
    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let Self { router, peer, mut stopped } = self;
        let router = TowerToHyperService::new(router.into_service::<Incoming>());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            router.call(request)
        });
        let builder = builder();
        let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let stop = async { drop(stopped.wait_for(|stopped| *stopped).await) };
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = stop => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "an HTTP connection broke");
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HANDSHAKE_TIME).max_buf_size(32 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(SILENCE)
        .max_concurrent_streams(64)
        .max_header_list_size(32 * 1024);
    builder
}
