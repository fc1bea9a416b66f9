//! `/api/backup`: everything that the store holds, for the admin, as a stream.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use collab_proto::Code;
use collab_proto::api::LogKind;
use futures_util::stream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::Peer;
use super::access::admin;
use super::access::origin;
use super::answer::Result;
use crate::app::App;
use crate::audit::Actor;
use crate::clock::wall_ms;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::backup::Summary;

/// Longest time for a backup. While one is taken, the database cannot use the space of what is overwritten.
const MAX_TIME: Duration = Duration::from_secs(3600);

/// Pieces that wait for the network.
const WAITING: usize = 4;

/// The right to take a backup. There is one.
#[derive(Clone)]
pub(super) struct Turn(Arc<Semaphore>);

impl Default for Turn {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

pub(super) async fn backup(
    State(app): State<Arc<App>>,
    State(Turn(turn)): State<Turn>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response> {
    admin(&app, &headers)?;
    let Ok(turn) = turn.try_acquire_owned() else {
        return Err(Refusal::new(Code::Busy, "Another backup is being taken.").into());
    };
    let entry = origin(peer, Actor::Admin).entry(wall_ms(), LogKind::BackedUp, None);
    app.store.log(vec![entry]).await.map_err(Refusal::from)?;
    let (sender, pieces) = mpsc::channel(WAITING);
    let work = tokio::spawn(async move {
        let _turn = turn;
        app.store.backup(sender).await
    });
    let source = Source { pieces, work: Some(work), deadline: Instant::now() + MAX_TIME };
    let body = Body::from_stream(stream::unfold(source, Source::next));
    let name = "attachment; filename=\"collab.backup\"";
    Ok(([(header::CONTENT_TYPE, "application/octet-stream"), (header::CONTENT_DISPOSITION, name)], body)
        .into_response())
}

/// Where the body comes from. Dropped with the connection, it ends the work.
struct Source {
    pieces: mpsc::Receiver<Bytes>,
    work: Option<JoinHandle<std::result::Result<Summary, StoreError>>>,
    deadline: Instant,
}

impl Source {
    /// The next piece. A backup that failed ends in an error, which cuts the connection: nobody takes it for whole.
    async fn next(mut self) -> Option<(std::result::Result<Bytes, String>, Self)> {
        match timeout_at(self.deadline, self.pieces.recv()).await {
            Ok(Some(piece)) => return Some((Ok(piece), self)),
            Ok(None) => {}
            Err(_) => return Some((Err("the backup took too long".to_owned()), self)),
        }
        let error = match self.work.take()?.await {
            Ok(Ok(_)) => return None,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(error, "a backup failed");
        Some((Err(error), self))
    }
}
