//! What the HTTP face and the sessions share.

use std::sync::Arc;

use collab_certs::Certificates;
use tokio::sync::watch;

use crate::auditor::Auditor;
use crate::auth::tokens::Tokens;
use crate::config::Config;
use crate::data_dir::AdminToken;
use crate::metrics::Metrics;
use crate::rooms::Rooms;
use crate::store::Store;
use crate::transport::websocket::Desk;

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It takes sessions.
    Serving,
    /// It takes none and sends everybody away.
    Draining,
}

/// The running server, as a request sees it.
pub struct App {
    /// What the operator chose.
    pub config: Config,
    /// The rooms.
    pub rooms: Rooms,
    /// Texts and log.
    pub store: Arc<dyn Store>,
    /// Where log entries go.
    pub auditor: Auditor,
    /// Checks owner tokens.
    pub tokens: Arc<Tokens>,
    /// Rules everything.
    pub admin: AdminToken,
    /// What browsers must trust.
    pub certificates: Arc<Certificates>,
    /// The UDP port of WebTransport; none when the operator chose to have none.
    pub webtransport_port: Option<u16>,
    /// Takes those who come by WebSocket.
    pub websockets: Desk,
    /// How the server does.
    pub metrics: Arc<Metrics>,
    /// Whether the server still takes work.
    pub phase: watch::Receiver<Phase>,
}
