//! What clients and supervisors ask the server about itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use collab_proto::api::ServerInfo;
use collab_proto::{Durability, PROTOCOL};

use crate::app::{App, Phase};

/// Open to the pages of other sites, which may open sessions too: what it tells is no secret.
pub(super) async fn info(State(app): State<Arc<App>>) -> ([(HeaderName, &'static str); 1], Json<ServerInfo>) {
    let identity = app.certificates.current();
    let self_signed = identity.is_self_signed();
    let hash = self_signed.then(|| hex::encode(identity.certificate_hash()));
    let info = ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        webtransport_port: app.webtransport_port,
        certificate_hashes: hash.into_iter().collect(),
        public_key_hash: self_signed.then(|| hex::encode(identity.fingerprint())),
        durability: Durability::Disk,
    };
    ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(info))
}

pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match *app.phase.borrow() {
        Phase::Serving => (StatusCode::OK, "ready"),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
    }
}
