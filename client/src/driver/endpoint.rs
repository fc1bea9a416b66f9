//! UDP sockets, connections from them, and what is known of the ways to servers.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quinn::{IdleTimeout, TransportConfig, VarInt};
use socket2::{Domain, Socket, Type};
use tokio::time::timeout;
use wtransport::config::{DnsLookupFuture, DnsResolver};
use wtransport::endpoint::endpoint_side;
use wtransport::error::{ConnectingError, ConnectionError};
use wtransport::{ClientConfig, Connection};

use super::DriverError;
use crate::trust::{Trust, Verifier};

/// Where connections come from. All sessions with one server share one UDP socket for each version of IP. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Endpoint {
    trust: Trust,
    servers: Arc<Mutex<Servers>>,
    /// Which version of IP reached a server last.
    reached: Arc<Mutex<HashMap<String, Family>>>,
    /// Until when WebTransport to a URL is left alone.
    avoided: Arc<Mutex<HashMap<String, Instant>>>,
    retry: Duration,
}

/// By `host:port`: as many as the program names servers.
type Servers = HashMap<(String, Family), Arc<Server>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Family {
    V4,
    V6,
}

struct Server {
    endpoint: wtransport::Endpoint<endpoint_side::Client>,
    verifier: Arc<Verifier>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// Asked of the system for each direction, in bytes: the default loses datagrams when many sessions share a socket.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Longest time to a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long the first version of IP is tried while there is another.
const FIRST_TRY: Duration = Duration::from_millis(1500);

/// Without a packet for this long a connection is dead. The client's own heartbeat is faster.
const IDLE: VarInt = VarInt::from_u32(30_000);

/// Packets go at least this often, for the sake of routers that forget.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A reason for people, and whether trying again is pointless.
pub(super) type Failure = (String, bool);

impl Endpoint {
    /// An endpoint that believes the servers that `trust` says. Sockets are opened when they are needed.
    ///
    /// # Errors
    ///
    /// [`DriverError::Tls`] when the trust cannot be turned into a TLS configuration.
    pub fn new(trust: Trust) -> Result<Self, DriverError> {
        trust.tls("", &[])?;
        let retry = Self::RETRY_WEBTRANSPORT;
        Ok(Self { trust, servers: Arc::default(), reached: Arc::default(), avoided: Arc::default(), retry })
    }

    /// How long WebTransport is left alone after it did not come through, unless set otherwise.
    pub const RETRY_WEBTRANSPORT: Duration = Duration::from_secs(300);

    /// Sets how long WebTransport is left alone after it did not come through; [`Self::RETRY_WEBTRANSPORT`] by default. A client
    /// that goes by WebSocket tries it again that often, and changes over when it comes through.
    #[must_use]
    pub fn retry_webtransport_after(self, retry: Duration) -> Self {
        Self { retry, ..self }
    }

    pub(super) fn retry(&self) -> Duration {
        self.retry
    }

    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// WebTransport to a URL did not come through.
    pub(super) fn avoid(&self, url: &str) {
        lock(&self.avoided).insert(url.to_owned(), Instant::now() + self.retry);
    }

    pub(super) fn avoid_no_more(&self, url: &str) {
        lock(&self.avoided).remove(url);
    }

    pub(super) fn avoid_nothing(&self) {
        lock(&self.avoided).clear();
    }

    pub(super) fn avoids(&self, url: &str) -> bool {
        lock(&self.avoided).get(url).is_some_and(|until| Instant::now() < *until)
    }

    /// Ends every connection and waits, for a second at most, until the servers were told.
    pub async fn close(&self) {
        let servers: Vec<_> = lock(&self.servers).drain().map(|(_, server)| server).collect();
        for server in servers {
            server.endpoint.close(wtransport::VarInt::from_u32(0), b"");
            // Not told in time is not worth waiting for.
            let _ = timeout(Duration::from_secs(1), server.endpoint.wait_idle()).await;
        }
    }

    /// Opens a WebTransport session.
    pub(super) async fn connect(&self, url: &str) -> Result<Connection, Failure> {
        let authority = authority_of(url).map_err(|reason| (format!("{url} is not an address: {reason}"), true))?;
        let families = self.families(&authority).await.map_err(|error| unreachable(url, error))?;
        let mut failure = unreachable(url, "its name has no address");
        for (i, family) in families.iter().enumerate() {
            let more = i + 1 < families.len() && lock(&self.reached).get(&authority) != Some(family);
            match self.connect_by(url, &authority, *family, if more { FIRST_TRY } else { CONNECT_LIMIT }).await {
                Ok(connection) => {
                    lock(&self.reached).insert(authority, *family);
                    return Ok(connection);
                }
                Err(refused @ (_, true)) => return Err(refused),
                Err(other) => failure = other,
            }
        }
        lock(&self.reached).remove(&authority);
        Err(failure)
    }

    /// The versions of IP to try: the one that worked before, then as the resolver orders them.
    async fn families(&self, authority: &str) -> io::Result<Vec<Family>> {
        let mut families: Vec<Family> = lock(&self.reached).get(authority).copied().into_iter().collect();
        for address in tokio::net::lookup_host(authority).await? {
            let family = Family::of(&address);
            if !families.contains(&family) {
                families.push(family);
            }
        }
        Ok(families)
    }

    async fn connect_by(
        &self,
        url: &str,
        authority: &str,
        family: Family,
        limit: Duration,
    ) -> Result<Connection, Failure> {
        let server = self.server(authority, family).map_err(|error| (format!("cannot reach {url}: {error}"), false))?;
        match timeout(limit, server.endpoint.connect(url)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(server.explain(url, &error)),
            Err(_) => Err(unreachable(url, "no answer")),
        }
    }

    fn server(&self, authority: &str, family: Family) -> Result<Arc<Server>, DriverError> {
        let mut servers = lock(&self.servers);
        let key = (authority.to_owned(), family);
        if let Some(server) = servers.get(&key) {
            return Ok(server.clone());
        }
        let (tls, verifier) = self.trust.tls(authority, &[b"h3"])?;
        let mut config = ClientConfig::builder()
            .with_bind_socket(family.socket()?)
            .with_custom_tls_and_transport(tls, transport())
            .build();
        config.set_dns_resolver(family);
        let server = Arc::new(Server { endpoint: wtransport::Endpoint::client(config)?, verifier });
        servers.insert(key, server.clone());
        Ok(server)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(IdleTimeout::from(IDLE)));
    transport.keep_alive_interval(Some(KEEP_ALIVE));
    transport
}

/// The `host:port` of a URL.
fn authority_of(url: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(url).map_err(|error| error.to_string())?;
    match (url.scheme(), url.host_str(), url.port_or_known_default()) {
        ("https", Some(host), Some(port)) => Ok(format!("{host}:{port}")),
        (scheme, ..) => Err(format!("it begins with {scheme}, not with https")),
    }
}

pub(super) fn unreachable(url: &str, reason: impl ToString) -> Failure {
    (format!("cannot reach {url}: {}", reason.to_string()), false)
}

impl Server {
    fn explain(&self, url: &str, error: &ConnectingError) -> Failure {
        match (error, self.verifier.refusal()) {
            (ConnectingError::ConnectionError(ConnectionError::QuicProto(_)), Some(refusal)) => refusal,
            (ConnectingError::ConnectionError(ConnectionError::TimedOut), _) => unreachable(url, "no answer"),
            _ => unreachable(url, error),
        }
    }
}

impl Family {
    fn of(address: &SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn socket(self) -> io::Result<UdpSocket> {
        let (domain, any): (_, SocketAddr) = match self {
            Self::V4 => (Domain::IPV4, (Ipv4Addr::UNSPECIFIED, 0).into()),
            Self::V6 => (Domain::IPV6, (Ipv6Addr::UNSPECIFIED, 0).into()),
        };
        let socket = Socket::new(domain, Type::DGRAM, None)?;
        // The system may grant less; it still works then.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        socket.bind(&any.into())?;
        Ok(socket.into())
    }
}

/// Resolves to addresses of one version of IP only.
impl DnsResolver for Family {
    fn resolve(&self, host: &str) -> Pin<Box<dyn DnsLookupFuture>> {
        let (host, family) = (host.to_owned(), *self);
        let lookup = async move {
            let mut addresses = tokio::net::lookup_host(host).await?;
            Ok(addresses.find(|address| Family::of(address) == family))
        };
        Box::pin(lookup) as Pin<Box<dyn DnsLookupFuture>>
    }
}
