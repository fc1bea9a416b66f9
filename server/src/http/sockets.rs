//! From HTTP to WebSocket.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use collab_proto::{ClientId, Code};
use serde::Deserialize;

use super::Peer;
use super::answer::Result;
use crate::app::App;
use crate::auth::random_id;
use crate::transport::websocket::Purpose;
use crate::yjs::Wish;

/// `/ws`: a room membership where WebTransport does not pass.
pub(super) async fn membership(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response> {
    Ok(app.websockets.receive(request?, peer.address.ip().to_canonical(), Purpose::Frames))
}

/// What a Yjs provider adds to the address. Other parameters are its own business.
#[derive(Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    token: String,
    #[serde(default)]
    name: String,
}

/// `/yjs/{room}`: a room membership for the stock `y-websocket` provider. Whatever is wrong with its token it hears in its own
/// protocol, since a browser's WebSocket tells no status.
pub(super) async fn yjs(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(room): Path<String>,
    parameters: std::result::Result<Query<Parameters>, QueryRejection>,
    request: std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response> {
    let Query(Parameters { token, name }) = parameters?;
    let client_id = ClientId(random_id().map_err(|_| Code::Internal)?);
    let wish = Wish { room, token, name, client_id };
    Ok(app.websockets.receive(request?, peer.address.ip().to_canonical(), Purpose::Yjs(wish)))
}
