//! The server that is measured, and the sockets that lead to it.

use std::cell::Cell;

use anyhow::Context;
use collab_client::Client;
use collab_client::api::{Api, session_address};
use collab_client::driver::{Address, Driver, Endpoint};
use collab_client::trust::{Fingerprint, Trust};
use collab_proto::api::ServerInfo;
use serde::{Deserialize, Serialize};

use crate::options::Transport;
use crate::options::load::Load;
use crate::server_process::Gauge;
use crate::wire::yjs::Style;
use crate::wire::{Network, yjs};
use crate::workers::Deal;

/// How many sessions of whole clients share a UDP socket: its buffer is bounded, and a burst to all of them must fit.
const SESSIONS_PER_SOCKET: usize = 100;

/// Where a server is, and what is to be known to speak to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    /// The address of its API, or of the sockets of another Yjs server.
    pub url: String,
    /// SHA-256 of its certificate or key, in hex, where these were given.
    pub cert_hashes: Vec<String>,
    /// How another Yjs server wants messages.
    pub yjs_framing: Style,
}

impl Place {
    /// Whether the server is not of this project.
    fn is_foreign(&self) -> bool {
        is_foreign(&self.url)
    }
}

/// Whether this is the address of sockets of a server that is not of this project.
pub fn is_foreign(url: &str) -> bool {
    url.starts_with("ws:") || url.starts_with("wss:")
}

/// A server.
pub struct Target {
    network: Network,
    gauge: Option<Gauge>,
    own: Option<Own>,
}

/// One of this project's: it has an API, and whole clients may go to it.
struct Own {
    base: String,
    trust: Trust,
    info: ServerInfo,
    address: Address,
    endpoints: Vec<Endpoint>,
    next: Cell<usize>,
}

impl Target {
    /// Asks a server by the address of its API how its sessions are opened, for the users that are dealt to this process; a Yjs
    /// server's sockets have theirs in the place. What it uses is told by `gauge`.
    pub async fn find(place: &Place, load: &Load, deal: Deal, gauge: Option<Gauge>) -> anyhow::Result<Self> {
        let base = place.url.as_str();
        let given = hashes(&place.cert_hashes)?;
        let trust = if given.is_empty() { Trust::WebPki } else { Trust::Hashes(given.clone()) };
        if place.is_foreign() {
            let door = yjs::Door::new(base, &trust, place.yjs_framing)?;
            return Ok(Self { network: Network::Yjs(door), gauge, own: None });
        }
        let info = Api::new(base, trust.clone(), None)?.server_info().await?;
        let address = session_address(base, &info, load.transport.into())?;
        let sessions = session_trust(given, &info)?;
        let network = match (load.transport, &address) {
            (Transport::YjsWs, Address::WebSocket(url, _)) => Network::Yjs(own_yjs(url, &sessions)?),
            _ => Network::new(&address, &sessions, deal.share(load.clients())).await?,
        };
        let sockets = deal.share(load.rooms() * (load.replicas() + 1)).div_ceil(SESSIONS_PER_SOCKET);
        let endpoints = (0..sockets).map(|_| Endpoint::new(sessions.clone())).collect::<Result<_, _>>()?;
        let own = Own { base: base.to_owned(), trust, info, address, endpoints, next: Cell::new(0) };
        Ok(Self { network, gauge, own: Some(own) })
    }

    fn own(&self) -> anyhow::Result<&Own> {
        self.own.as_ref().context("this is no server of this project")
    }

    /// What tells what the server has used so far, where that can be told.
    pub fn gauge(&self) -> Option<Gauge> {
        self.gauge.clone()
    }

    /// What the server says of itself; nothing when it is not of this project.
    pub fn info(&self) -> Option<&ServerInfo> {
        self.own.as_ref().map(|own| &own.info)
    }

    /// The UDP port of its sessions.
    pub fn webtransport_port(&self) -> anyhow::Result<u16> {
        self.own()?.info.webtransport_port.context("the server has no WebTransport")
    }

    /// Its API, with a token if there is one.
    pub fn api(&self, token: Option<String>) -> anyhow::Result<Api> {
        let Own { base, trust, .. } = self.own()?;
        Ok(Api::new(base, trust.clone(), token)?)
    }

    /// Where the connections of light users come from.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Opens a session for a whole client; there are none for other servers than this project's. The sockets take turns.
    pub fn connect(&self, client: Client) -> anyhow::Result<Driver> {
        let Own { endpoints, address, next, .. } = self.own()?;
        let turn = next.get();
        next.set((turn + 1) % endpoints.len());
        let mut driver = Driver::new(endpoints[turn].clone(), address.clone(), client);
        driver.connect();
        Ok(driver)
    }

    /// Ends what is left of the sessions.
    pub async fn close(&self) {
        self.network.close().await;
        for endpoint in self.own.iter().flat_map(|own| &own.endpoints) {
            endpoint.close().await;
        }
    }
}

/// This project's own place for Yjs providers, beside that of its WebSockets.
fn own_yjs(websocket: &str, trust: &Trust) -> anyhow::Result<yjs::Door> {
    let base = websocket.strip_suffix("/ws").context("the server's WebSockets are not at /ws")?;
    yjs::Door::new(&format!("{base}/yjs/{{room}}?token={{token}}&name={{name}}"), trust, yjs::Style::Bare)
}

/// A server with a certificate of its own tells its hashes over the connection that was trusted already.
fn session_trust(mut given: Vec<[u8; 32]>, info: &ServerInfo) -> anyhow::Result<Trust> {
    given.extend(hashes(&info.certificate_hashes).context("the server names a certificate hash that is none")?);
    Ok(if given.is_empty() { Trust::WebPki } else { Trust::Hashes(given) })
}

fn hashes(texts: &[String]) -> anyhow::Result<Vec<[u8; 32]>> {
    let hash = |text: &String| text.parse().map(|Fingerprint(hash)| hash);
    Ok(texts.iter().map(hash).collect::<Result<_, _>>()?)
}
