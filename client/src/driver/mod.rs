//! Moves the bytes of a [`Client`] over WebTransport.
//!
//! The [`Driver`] owns the client: there is no lock and nothing edits behind its owner's back. A task per connection reads and
//! writes; it ends with the driver.

mod endpoint;

mod link;

mod probe;

use std::time::{Duration, Instant};

use collab_proto::Credential;

pub use endpoint::Endpoint;
pub use probe::{Probe, ProbeError};

use crate::{Client, EditError, Event, SaveState, State, Transmit};
use link::{Incoming, Link};

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
    url: String,
    client: Client,
    link: Option<Link>,
    /// A connection that ends in order.
    closing: Option<Link>,
}

impl Driver {
    /// Joins a client to the network. `url` is the server's WebTransport address, such as `https://host:4433/`. Nothing
    /// happens before [`connect`](Self::connect).
    pub fn new(endpoint: Endpoint, url: &str, client: Client) -> Self {
        Self { endpoint, url: url.to_owned(), client, link: None, closing: None }
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
                () = sleep_until(timeout) => self.client.handle_timeout(Instant::now()),
            }
        }
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
                Transmit::Connect => self.link = Some(Link::open(self.endpoint.clone(), self.url.clone())),
                Transmit::Disconnect => self.closing = self.link.take().map(Link::close),
                Transmit::Datagram(datagram) => self.link.iter().for_each(|link| link.send_datagram(&datagram)),
                Transmit::Frame(frame) => {
                    if !self.link.as_ref().is_some_and(|link| link.send_frame(&frame)) {
                        self.lost("the connection does not keep up".to_owned(), false);
                    }
                }
            }
        }
    }

    fn take(&mut self, incoming: Incoming) {
        let now = Instant::now();
        match incoming {
            Incoming::Connected => self.client.handle_connected(now),
            Incoming::Frame(frame) => self.client.handle_frame(now, frame),
            Incoming::Datagram(datagram) => self.client.handle_datagram(now, datagram),
            Incoming::Lost(lost) => self.lost(lost.reason, lost.permanent),
        }
    }

    fn lost(&mut self, reason: String, permanent: bool) {
        self.link = None;
        self.client.handle_unreachable(Instant::now(), reason, permanent);
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
