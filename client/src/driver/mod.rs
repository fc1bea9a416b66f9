//! Moves the bytes of a [`Client`] over WebTransport, or over WebSocket where that does not come through.
//!
//! Reading order: `way` (which transports there are), `endpoint` (sockets), `guide` (where the server is), `road` (the choice between them), `link` (a connection as
//! the driver sees it), `quic` and `websocket` (how each transport carries it), `probe` (measuring).
//!
//! The [`Driver`] owns the client: there is no lock and nothing edits behind its owner's back. A task per connection reads and
//! writes; it ends with the driver.

mod way;

mod endpoint;

mod guide;

mod road;

mod link;

mod quic;

mod websocket;

mod probe;

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

use collab_proto::Credential;

pub use endpoint::Endpoint;
pub use guide::{Guide, GuideError, Whereabouts};
pub use probe::{Probe, ProbeError};
pub use way::{Address, Because, Choice, Way};

use crate::{Client, EditError, Event, SaveState, State, Transmit};
use link::{Incoming, Link};
use road::Road;

/// Why the driver could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// TLS could not be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// No UDP socket could be opened.
    #[error("cannot open a UDP socket: {0}")]
    Socket(#[from] std::io::Error),
    /// Leaving took too long, or the server would not have it: changes are on this device alone.
    #[error("{pending} edits are not saved on the server")]
    Unsaved {
        /// How many.
        pending: usize,
    },
}

/// A client with the network attached. It does its work while [`next`](Self::next) is awaited.
#[derive(Debug)]
pub struct Driver {
    endpoint: Endpoint,
    whereabouts: Whereabouts,
    client: Client,
    link: Option<Link>,
    way: Option<Way>,
    /// Where the server was at the last connection.
    address: Option<Address>,
    trial: Option<Trial>,
    /// A connection over WebTransport for a client that has gone by WebSocket.
    better: Option<(Road, Address)>,
    /// A connection that ends in order.
    closing: Option<Link>,
}

impl Driver {
    /// Joins a client to the network. Nothing happens before [`connect`](Self::connect).
    pub fn new(endpoint: Endpoint, server: impl Into<Whereabouts>, client: Client) -> Self {
        Self {
            endpoint,
            whereabouts: server.into(),
            client,
            link: None,
            way: None,
            address: None,
            trial: None,
            better: None,
            closing: None,
        }
    }

    /// What happens next. Waits for the network and for timers, and lets the client do what it wants meanwhile.
    ///
    /// Cancel safe: what is dropped half-way loses nothing and is taken up by the next call. While nobody awaits it, nothing is
    /// received, and pings and reconnecting wait.
    pub async fn next(&mut self) -> Event {
        loop {
            self.flush();
            if let Some(event) = self.client.poll_event() {
                return event;
            }
            let timeout = self.client.poll_timeout();
            tokio::select! {
                // What has come counts before what time says: a busy machine must not take a full queue for silence.
                biased;
                incoming = receive(&mut self.link) => self.take(incoming),
                road = come_through(&mut self.trial) => self.change_over(road),
                () = sleep_until(timeout) => self.handle_timeout(),
            }
        }
    }

    /// What carries the session now; none without a connection.
    pub fn way(&self) -> Option<Way> {
        self.way
    }

    /// The client, to look at.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// See [`Client::connect`].
    pub fn connect(&mut self) {
        self.act(Client::connect);
    }

    /// See [`Client::leave`]. The leaving itself happens in [`next`](Self::next) or [`finish`](Self::finish).
    pub fn leave(&mut self) {
        self.act(Client::leave);
    }

    /// See [`Client::splice`].
    ///
    /// # Errors
    ///
    /// [`EditError`].
    pub fn splice(&mut self, at: u32, delete: u32, insert: &str) -> Result<(), EditError> {
        self.act(|client, now| client.splice(now, at, delete, insert))
    }

    /// See [`Client::set_text`].
    ///
    /// # Errors
    ///
    /// [`EditError`].
    pub fn set_text(&mut self, text: &str) -> Result<(), EditError> {
        self.act(|client, now| client.set_text(now, text))
    }

    /// See [`Client::merge_own`].
    ///
    /// # Errors
    ///
    /// [`EditError`].
    pub fn merge_own(&mut self, update: Vec<u8>) -> Result<(), EditError> {
        self.act(|client, now| client.merge_own(now, update))
    }

    /// See [`Client::set_name`].
    pub fn set_name(&mut self, name: &str) {
        self.act(|client, now| client.set_name(now, name));
    }

    /// See [`Client::set_cursor`].
    pub fn set_cursor(&mut self, cursor: Option<(u32, u32)>) {
        self.act(|client, now| client.set_cursor(now, cursor));
    }

    /// See [`Client::set_credential`].
    pub fn set_credential(&mut self, credential: Credential) {
        self.act(|client, now| client.set_credential(now, credential));
    }

    /// See [`Client::start_afresh`].
    pub fn start_afresh(&mut self) {
        self.act(Client::start_afresh);
    }

    /// Waits until everything is saved, then leaves in order: the server sees the stream end, not a lost connection. Events
    /// on the way are dropped. After `deadline` the connection is cut.
    ///
    /// # Errors
    ///
    /// [`DriverError::Unsaved`] when something stayed on this device.
    pub async fn finish(&mut self, deadline: Duration) -> Result<(), DriverError> {
        self.leave();
        if tokio::time::timeout(deadline, self.leave_in_order()).await.is_err() {
            self.act(Client::abort);
            self.closing = None;
        }
        match self.client.save_state() {
            SaveState::Saved => Ok(()),
            SaveState::OnDevice | SaveState::Sent => {
                Err(DriverError::Unsaved { pending: self.client.pending_edits().max(1) })
            }
        }
    }

    async fn leave_in_order(&mut self) {
        while !matches!(self.client.state(), State::Offline | State::Refused(_)) {
            self.next().await;
        }
        self.flush();
        if let Some(link) = self.closing.take() {
            link.ended().await;
        }
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let result = act(&mut self.client, Instant::now());
        self.flush();
        result
    }

    fn flush(&mut self) {
        while let Some(transmit) = self.client.poll_transmit(Instant::now()) {
            match transmit {
                Transmit::Connect => self.open(),
                Transmit::Disconnect => {
                    self.closing = self.link.take().map(Link::close);
                    self.went(None);
                }
                Transmit::Datagram(datagram) => self.link.iter().for_each(|link| link.send_datagram(&datagram)),
                Transmit::Frame(frame) => {
                    if !self.link.as_ref().is_some_and(|link| link.send_frame(&frame)) {
                        self.lost("the connection does not keep up".to_owned(), false);
                    }
                }
            }
        }
    }

    fn open(&mut self) {
        self.link = Some(match self.better.take() {
            Some(opened) => Link::over(std::future::ready(Ok(opened))),
            None => Link::open(self.endpoint.clone(), self.whereabouts.clone()),
        });
    }

    /// What carries the session has changed.
    fn went(&mut self, way: Option<Way>) {
        self.way = way;
        self.trial = match (&self.address, way) {
            (Some(Address::Either { webtransport, .. }), Some(Way::WebSocket(_))) => {
                Some(Trial::begin(self.endpoint.clone(), webtransport.clone()))
            }
            _ => None,
        };
    }

    /// WebTransport comes through again. What was not saved by the old connection goes again by the new one.
    fn change_over(&mut self, road: Road) {
        self.trial = None;
        self.better = self.address.clone().map(|address| (road, address));
        self.act(Client::reconnect);
    }

    /// A connection over WebTransport that has fallen silent may be one of a network that has begun to block UDP.
    fn handle_timeout(&mut self) {
        let had = self.client.has_connection();
        self.client.handle_timeout(Instant::now());
        if let (true, false, Some(Way::WebTransport)) = (had, self.client.has_connection(), self.way)
            && let Some(Address::Either { webtransport, .. }) = &self.address
        {
            self.endpoint.avoid(webtransport);
        }
    }

    fn take(&mut self, incoming: Incoming) {
        let now = Instant::now();
        match incoming {
            Incoming::Connected(way, address) => {
                self.address = Some(address);
                self.went(Some(way));
                self.client.handle_connected(now);
            }
            Incoming::Frame(frame) => self.client.handle_frame(now, frame),
            Incoming::Datagram(datagram) => self.client.handle_datagram(now, datagram),
            Incoming::Lost(lost) => self.lost(lost.reason, lost.permanent),
        }
    }

    fn lost(&mut self, reason: String, permanent: bool) {
        self.link = None;
        self.went(None);
        self.client.handle_unreachable(Instant::now(), reason, permanent);
    }
}

/// Tries WebTransport again and again, until it comes through.
struct Trial(Pin<Box<dyn Future<Output = Road> + Send>>);

impl Trial {
    fn begin(endpoint: Endpoint, url: String) -> Self {
        Self(Box::pin(async move {
            loop {
                tokio::time::sleep(endpoint.retry()).await;
                if let Ok(connection) = endpoint.connect(&url).await {
                    endpoint.avoid_no_more(&url);
                    return Road::WebTransport(connection);
                }
            }
        }))
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").finish_non_exhaustive()
    }
}

async fn come_through(trial: &mut Option<Trial>) -> Road {
    match trial {
        Some(Trial(trial)) => trial.await,
        None => std::future::pending().await,
    }
}

async fn receive(link: &mut Option<Link>) -> Incoming {
    match link {
        Some(link) => link.receive().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
