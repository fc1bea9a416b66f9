//! The pages and the JSON API, over HTTPS and, for this machine alone, in clear text. One router serves both.
//!
//! Reading order: [`listener`] (connections), `guard` (what every request must pass), `access` (who asks), `rooms`, `members`,
//! `logs`, `log_lines`, `backup`, `server`, `status`, `preview` (the API), `sockets` (from HTTP to WebSocket), `pages` (what a browser shows), `answer` (refusals as
//! HTTP).

pub mod listener;

mod guard;

mod access;

mod rooms;

mod members;

mod logs;

mod log_lines;

mod backup;

mod server;

mod status;

mod preview;

mod sockets;

mod pages;

mod answer;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, map_response};
use axum::routing::{any, delete, get, patch, post, put};
use tower_http::compression::CompressionLayer;

use crate::app::App;

pub use listener::{Peer, Tls, bind, serve};

/// Largest body of a request, in bytes: a name and a password fit many times over.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Everything that is served over HTTP. Requests must carry a [`Peer`], as those that come by [`serve`] do.
pub fn router(app: Arc<App>) -> Router {
    let previews = preview::Previews::new(app.clone());
    let large = DefaultBodyLimit::max(previews.max_body());
    let api = Router::new()
        .route("/server", get(server::info))
        .route("/rooms", get(rooms::list).post(rooms::create))
        .route("/rooms/{name}", get(rooms::show).delete(rooms::delete))
        .route("/rooms/{name}/password", put(rooms::change_password))
        .route("/rooms/{name}/viewer-password", put(rooms::change_viewer_password))
        .route("/rooms/{name}/policy", patch(rooms::change_policy))
        .route("/rooms/{name}/owner-token", post(rooms::make_owner_token))
        .route("/rooms/{name}/members", get(members::list))
        .route("/rooms/{name}/members/{member}", delete(members::kick))
        .route("/rooms/{name}/members/{member}/role", put(members::change_role))
        .route("/logs", get(logs::logs))
        .route("/status", get(status::status))
        .route("/backup", get(backup::backup))
        .route("/preview", post(preview::preview).with_state(previews).layer(large))
        .with_state(logs::Api::new(app.clone()))
        .layer(map_response(answer::never_kept))
        .fallback(answer::no_such_endpoint)
        .method_not_allowed_fallback(answer::wrong_method);
    Router::new()
        .nest("/api", api)
        .route("/api/", any(answer::no_such_endpoint))
        .route("/healthz", get("ok"))
        .route("/readyz", get(server::ready).with_state(app.clone()))
        .route("/metrics", get(status::metrics).with_state(app.clone()).layer(map_response(answer::never_kept)))
        .route("/ws", get(sockets::membership).with_state(app.clone()))
        .route("/yjs/{room}", get(sockets::yjs).with_state(app))
        .fallback(pages::page)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CompressionLayer::new())
        .layer(from_fn(guard::guard))
        .layer(from_fn(guard::secure))
}

#[cfg(test)]
mod tests;
