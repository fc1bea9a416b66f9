//! From HTTP to WebSocket.

use std::sync::Arc;

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{Extension, State};
use axum::response::Response;

use super::Peer;
use super::answer::Result;
use crate::app::App;

/// `/ws`: a room membership where WebTransport does not pass.
pub(super) async fn membership(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response> {
    Ok(app.websockets.receive(request?, peer.address.ip().to_canonical()))
}
