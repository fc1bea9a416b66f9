//! `/api/logs`: the audit log, page by page or as it grows; as lines, see [`log_lines`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, FromRef, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use collab_proto::api::{LogFormat, LogPage, LogQuery};

use super::Peer;
use super::access::{admin, origin, record_query};
use super::answer::{Answer, Result};
use super::backup::Turn;
use super::log_lines;
use crate::app::{App, Phase};
use crate::audit::Actor;
use crate::refusal::Refusal;

/// Entries of a page.
pub(super) const MAX_LIMIT: u32 = 1_000;
/// Longest wait for an entry.
const MAX_WAIT_MS: u32 = 30_000;
/// How much of a query the log repeats, in characters.
const MAX_DETAIL_CHARS: usize = 200;

/// What the API's handlers share: the app, who is following the log, and whose turn it is to take a backup.
#[derive(Clone)]
pub(super) struct Api {
    app: Arc<App>,
    followers: Arc<Followers>,
    backup: Turn,
}

impl Api {
    pub fn new(app: Arc<App>) -> Self {
        Self { app, followers: Arc::default(), backup: Turn::default() }
    }
}

impl FromRef<Api> for Arc<App> {
    fn from_ref(api: &Api) -> Self {
        api.app.clone()
    }
}

impl FromRef<Api> for Turn {
    fn from_ref(api: &Api) -> Self {
        api.backup.clone()
    }
}

pub(super) async fn logs(
    State(api): State<Api>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    RawQuery(text): RawQuery,
    query: std::result::Result<Query<LogQuery>, QueryRejection>,
) -> Result<Response> {
    admin(&api.app, &headers)?;
    let who = origin(peer, Actor::Admin);
    let Query(query) = query?;
    check(&query)?;
    let detail = || text.unwrap_or_default().chars().take(MAX_DETAIL_CHARS).collect::<String>();
    if query.format == Some(LogFormat::Jsonl) {
        let (room, answer) = (query.room.clone(), log_lines::answer(api.app.clone(), query));
        record_query(&api.app, &who, room, format!("exported the log: {}", detail())).await?;
        return Ok(answer);
    }
    let new = query.wait_ms.is_none() || api.followers.starts(who.address, Instant::now());
    let room = query.room.clone();
    let page = match query.wait_ms {
        None => api.app.store.logs(&query).await.map_err(Refusal::from)?,
        Some(wait_ms) => follow(&api.app, query, Duration::from_millis(wait_ms.into())).await?,
    };
    if new {
        record_query(&api.app, &who, room, format!("read the log: {}", detail())).await?;
    }
    Ok(Json(page).into_response())
}

fn check(query: &LogQuery) -> Result<()> {
    let wrong = |message| Err(Answer::new(StatusCode::BAD_REQUEST, message));
    match query {
        LogQuery { format: Some(LogFormat::Jsonl), wait_ms: Some(_), .. } => {
            wrong("wait_ms does not go with lines, which end with what is there.".to_owned())
        }
        LogQuery { format: Some(LogFormat::Jsonl), .. } => Ok(()),
        LogQuery { limit: Some(limit), .. } if !(1..=MAX_LIMIT).contains(limit) => {
            wrong(format!("limit must be between 1 and {MAX_LIMIT}."))
        }
        LogQuery { wait_ms: Some(wait_ms), .. } if *wait_ms > MAX_WAIT_MS => {
            wrong(format!("wait_ms must be {MAX_WAIT_MS} at most."))
        }
        LogQuery { wait_ms: Some(_), after: None, .. } => wrong("wait_ms needs after.".to_owned()),
        _ => Ok(()),
    }
}

/// Waits for an entry that matches: until there is one, the time is over, or the server stops.
async fn follow(app: &App, mut query: LogQuery, wait: Duration) -> Result<LogPage> {
    let mut newest = app.store.watch_log();
    let mut phase = app.phase.clone();
    let mut over = std::pin::pin!(tokio::time::sleep(wait));
    loop {
        newest.borrow_and_update();
        let page = app.store.logs(&query).await.map_err(Refusal::from)?;
        if !page.entries.is_empty() || page.more {
            return Ok(page);
        }
        query.after = query.after.max(Some(page.last_seq));
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return Ok(page) },
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => return Ok(page),
            () = &mut over => return Ok(page),
        }
    }
}

/// Who follows the log. Only the start of following is itself an entry of the log: an entry for every turn would wake the
/// follower, whose next turn would make an entry, and so on.
#[derive(Default)]
struct Followers(Mutex<HashMap<IpAddr, Instant>>);

impl Followers {
    /// After this long without a turn, following starts anew.
    const PAUSE: Duration = Duration::from_secs(60);

    /// Notes a turn; says whether it is the first after a pause.
    fn starts(&self, address: IpAddr, now: Instant) -> bool {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, last| now.duration_since(*last) < Self::PAUSE);
        turns.insert(address, now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn following_starts_once_for_an_address_and_again_after_a_pause() {
        let followers = Followers::default();
        let [one, two] = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1])];
        let start = Instant::now();
        assert!(followers.starts(one, start));
        assert!(!followers.starts(one, start + Duration::from_secs(59)));
        assert!(!followers.starts(one, start + Duration::from_secs(118)));
        assert!(followers.starts(two, start + Duration::from_secs(118)));
        assert!(followers.starts(one, start + Duration::from_secs(178)));
    }

    #[test]
    fn bounds_are_checked_at_their_edges() {
        let query = LogQuery { after: Some(0), ..LogQuery::default() };
        assert!(check(&LogQuery { limit: Some(1_000), wait_ms: Some(30_000), ..query.clone() }).is_ok());
        assert!(check(&LogQuery { limit: Some(1), ..query.clone() }).is_ok());
        assert!(check(&LogQuery { limit: Some(0), ..query.clone() }).is_err());
        assert!(check(&LogQuery { limit: Some(1_001), ..query.clone() }).is_err());
        assert!(check(&LogQuery { wait_ms: Some(30_001), ..query.clone() }).is_err());
        assert!(check(&LogQuery { wait_ms: Some(1), ..LogQuery::default() }).is_err());
        let lines = LogQuery { format: Some(LogFormat::Jsonl), limit: Some(1_001), ..query };
        assert!(check(&lines).is_ok());
        assert!(check(&LogQuery { wait_ms: Some(1), ..lines }).is_err());
    }
}
