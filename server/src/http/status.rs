//! `/api/status` and `/metrics`: how the server does. Neither names a room or anybody, and both are asked again and again, so the
//! audit log has no entry of it.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use collab_proto::Code;
use collab_proto::api::StatusReport;

use super::access::admin;
use super::answer::Result;
use crate::app::App;

/// The text format of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn status(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<StatusReport>> {
    admin(&app, &headers)?;
    Ok(Json(app.metrics.status(Instant::now(), app.rooms.load())))
}

pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], String)> {
    admin(&app, &headers)?;
    let text = app.metrics.exposition(app.rooms.load()).map_err(|_| Code::Internal)?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}
