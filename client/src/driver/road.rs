//! From an address to a connection: WebTransport first, and WebSocket where that does not come through.

use std::fmt;
use std::time::Duration;

use tokio::time::sleep;
use wtransport::Connection;

use super::link::Lost;
use super::way::{Address, Because, Way};
use super::websocket::{self, Socket};
use super::{Endpoint, endpoint::Failure};

/// How long WebTransport is tried alone. Then WebSocket is tried beside it, and the first that is open is taken: so a network
/// without UDP costs this and one handshake, and a slow one still gets WebTransport.
const HEAD_START: Duration = Duration::from_millis(750);

/// An open connection.
pub(super) enum Road {
    WebTransport(Connection),
    WebSocket(Box<Socket>, Because),
}

impl fmt::Debug for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Road").field(&self.way()).finish()
    }
}

impl From<Failure> for Lost {
    fn from((reason, permanent): Failure) -> Self {
        Self { reason, permanent }
    }
}

impl Road {
    pub(super) fn way(&self) -> Way {
        match self {
            Self::WebTransport(_) => Way::WebTransport,
            Self::WebSocket(_, because) => Way::WebSocket(*because),
        }
    }

    /// Opens a connection.
    pub(super) async fn open(endpoint: &Endpoint, address: &Address) -> Result<Self, Lost> {
        Ok(match address {
            Address::WebTransport(url) => by_webtransport(endpoint, url).await?,
            Address::WebSocket(url, because) => by_websocket(endpoint, url, *because).await?,
            Address::Either { webtransport, websocket } => by_either(endpoint, webtransport, websocket).await?,
        })
    }
}

async fn by_webtransport(endpoint: &Endpoint, url: &str) -> Result<Road, Failure> {
    endpoint.connect(url).await.map(Road::WebTransport)
}

async fn by_websocket(endpoint: &Endpoint, url: &str, because: Because) -> Result<Road, Failure> {
    let socket = websocket::connect(endpoint.trust(), url).await?;
    Ok(Road::WebSocket(Box::new(socket), because))
}

async fn by_either(endpoint: &Endpoint, webtransport: &str, websocket: &str) -> Result<Road, Failure> {
    if endpoint.avoids(webtransport) {
        match by_websocket(endpoint, websocket, Because::Blocked).await {
            Err((_, false)) => endpoint.avoid_no_more(webtransport),
            opened => return opened,
        }
    }
    let beside = async {
        sleep(HEAD_START).await;
        by_websocket(endpoint, websocket, Because::Blocked).await
    };
    tokio::pin! {
        let first = by_webtransport(endpoint, webtransport);
        let beside = beside;
    }
    let opened = tokio::select! {
        opened = &mut first => match opened {
            Err((_, false)) => by_websocket(endpoint, websocket, Because::Blocked).await,
            opened => return opened,
        },
        opened = &mut beside => match opened {
            // Nothing is listening there, or it takes its time as well.
            Err((_, false)) => return first.await,
            opened => opened,
        },
    };
    if opened.is_ok() {
        endpoint.avoid(webtransport);
    }
    opened
}
