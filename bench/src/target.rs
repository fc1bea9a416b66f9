//! The server that is measured, and the sockets that lead to it.

use std::cell::Cell;

use anyhow::Context;
use collab_client::Client;
use collab_client::api::{Api, session_address};
use collab_client::driver::{Address, Driver, Endpoint};
use collab_client::trust::{Fingerprint, Trust};
use collab_proto::api::ServerInfo;

use crate::options::Options;
use crate::wire::Network;

/// How many sessions of whole clients share a UDP socket: its buffer is bounded, and a burst to all of them must fit.
const SESSIONS_PER_SOCKET: usize = 100;

/// A server.
pub struct Target {
    base: String,
    trust: Trust,
    info: ServerInfo,
    address: Address,
    network: Network,
    endpoints: Vec<Endpoint>,
    next: Cell<usize>,
}

impl Target {
    /// Asks a server by the address of its API how its sessions are opened.
    pub async fn find(base: &str, options: &Options) -> anyhow::Result<Self> {
        let given: Vec<_> = options.cert_hash.iter().map(|Fingerprint(hash)| *hash).collect();
        let trust = if given.is_empty() { Trust::WebPki } else { Trust::Hashes(given.clone()) };
        let info = Api::new(base, trust.clone(), None)?.server_info().await?;
        let address = session_address(base, &info, options.transport.into())?;
        let sessions = session_trust(given, &info)?;
        let network = Network::new(&address, &sessions, options.clients()).await?;
        let sockets = (options.rooms() * (options.verify() + 1)).div_ceil(SESSIONS_PER_SOCKET);
        let endpoints = (0..sockets).map(|_| Endpoint::new(sessions.clone())).collect::<Result<_, _>>()?;
        Ok(Self { base: base.to_owned(), trust, info, address, network, endpoints, next: Cell::new(0) })
    }

    /// What the server says of itself.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }

    /// The UDP port of its sessions.
    pub fn webtransport_port(&self) -> anyhow::Result<u16> {
        self.info.webtransport_port.context("the server has no WebTransport")
    }

    /// Its API, with a token if there is one.
    pub fn api(&self, token: Option<String>) -> anyhow::Result<Api> {
        Ok(Api::new(&self.base, self.trust.clone(), token)?)
    }

    /// Where the connections of light users come from.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Opens a session for a whole client. The sockets take turns.
    pub fn connect(&self, client: Client) -> Driver {
        let turn = self.next.get();
        self.next.set((turn + 1) % self.endpoints.len());
        let mut driver = Driver::new(self.endpoints[turn].clone(), self.address.clone(), client);
        driver.connect();
        driver
    }

    /// Ends what is left of the sessions.
    pub async fn close(&self) {
        self.network.close().await;
        for endpoint in &self.endpoints {
            endpoint.close().await;
        }
    }
}

/// A server with a certificate of its own tells its hashes over the connection that was trusted already.
fn session_trust(mut given: Vec<[u8; 32]>, info: &ServerInfo) -> anyhow::Result<Trust> {
    for hash in &info.certificate_hashes {
        let Fingerprint(hash) = hash.parse().context("the server names a certificate hash that is none")?;
        given.push(hash);
    }
    Ok(if given.is_empty() { Trust::WebPki } else { Trust::Hashes(given) })
}
