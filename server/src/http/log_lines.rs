//! `/api/logs?format=jsonl`: the log as a stream of lines. One page of it is in memory at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use collab_proto::api::{LogPage, LogQuery};
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use super::logs::MAX_LIMIT;
use crate::app::App;

/// Longest time for a stream: a reader that takes longer is cut off.
const MAX_TIME: Duration = Duration::from_secs(3600);

/// Every entry that matches `query` and is there now.
pub(super) fn answer(app: Arc<App>, mut query: LogQuery) -> Response {
    // What comes while it is read does not belong to it, or it might never end.
    let newest = *app.store.watch_log().borrow();
    query.before = Some(query.before.unwrap_or(u64::MAX).min(newest.saturating_add(1)));
    let lines =
        Lines { app, left: query.limit.map_or(u64::MAX, u64::from), query, deadline: Instant::now() + MAX_TIME };
    let body = Body::from_stream(stream::unfold(Some(lines), Lines::next));
    let name = "attachment; filename=\"collab-log.jsonl\"";
    ([(header::CONTENT_TYPE, "application/jsonl"), (header::CONTENT_DISPOSITION, name)], body).into_response()
}

/// What is still to come.
struct Lines {
    app: Arc<App>,
    query: LogQuery,
    /// How many entries at most.
    left: u64,
    deadline: Instant,
}

type Piece = Result<Bytes, String>;

impl Lines {
    /// The next lines. A stream that failed ends in an error, which cuts the connection: nobody takes it for whole.
    async fn next(this: Option<Self>) -> Option<(Piece, Option<Self>)> {
        let mut this = this?;
        while this.left > 0 {
            let page = match timeout_at(this.deadline, this.page()).await {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return Some((failed(error), None)),
                Err(_) => return Some((failed("reading the log took too long".to_owned()), None)),
            };
            this.left = if page.more { this.left.saturating_sub(page.entries.len() as u64) } else { 0 };
            match lines(&page) {
                Ok(lines) if lines.is_empty() => continue,
                Ok(lines) => return Some((Ok(lines.into()), Some(this))),
                Err(error) => return Some((failed(error.to_string()), None)),
            }
        }
        None
    }

    /// The next page; the one after it begins where it ends.
    async fn page(&mut self) -> Result<LogPage, String> {
        self.query.limit = Some(u32::try_from(self.left).unwrap_or(MAX_LIMIT).min(MAX_LIMIT));
        let page = self.app.store.logs(&self.query).await.map_err(|error| error.to_string())?;
        match &mut self.query.after {
            Some(after) => *after = page.last_seq,
            None => self.query.before = Some(page.first_seq),
        }
        Ok(page)
    }
}

fn lines(page: &LogPage) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in &page.entries {
        serde_json::to_writer(&mut bytes, entry)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn failed(error: String) -> Piece {
    tracing::error!(error, "the log could not be sent to its end");
    Err(error)
}
