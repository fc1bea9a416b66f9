//! `/api/preview`: a text as safe HTML, for whoever has a token of a room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use collab_proto::Code;
use collab_proto::api::{Preview, PreviewRequest};
use tokio::sync::Semaphore;

use super::access::bearer;
use super::answer::{Answer, Result};
use crate::app::App;
use crate::bucket::Bucket;
use crate::clock::wall_ms;
use crate::preview::render;
use crate::refusal::Refusal;

/// Previews of a user that may be asked for at once; the page asks when somebody stops typing.
const BURST: f64 = 10.0;

/// Previews of a user that are given back in a second.
const PER_SECOND: f64 = 2.0;

/// Users that are remembered; beyond it those whose bucket is full again are forgotten.
const MAX_REMEMBERED: usize = 16_384;

/// How many are rendered at once, so that the processor is left to the network.
const AT_ONCE: usize = 2;

/// Longer texts are rendered away from the network thread, in bytes.
const INLINE_BYTES: usize = 4 * 1024;

/// How many bytes of JSON a byte of text may take.
const JSON_GROWTH: usize = 2;

/// Where previews are asked for.
#[derive(Clone)]
pub(super) struct Previews {
    app: Arc<App>,
    quotas: Arc<Mutex<HashMap<String, Bucket>>>,
    places: Arc<Semaphore>,
}

impl Previews {
    pub fn new(app: Arc<App>) -> Self {
        Self { app, quotas: Arc::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Largest body of a request, in bytes.
    pub fn max_body(&self) -> usize {
        self.app.config.max_document_bytes.saturating_mul(JSON_GROWTH)
    }

    /// The user whose token this is, if it is good for its room.
    async fn user(&self, headers: &HeaderMap) -> Result<String> {
        let refused =
            || Refusal::new(Code::Unauthorized, "This needs a token of the room, such as the one from joining it.");
        let token = bearer(headers).ok_or_else(refused)?;
        let room = self.app.tokens.claims(wall_ms(), token).map_err(|_| refused())?.room;
        let record = self.app.store.room(&room).await.map_err(Refusal::from)?.ok_or_else(refused)?;
        Ok(self.app.tokens.check(wall_ms(), token, &record).map_err(|_| refused())?.sub)
    }

    fn take(&self, user: String, now: Instant) -> Result<()> {
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        if quotas.len() >= MAX_REMEMBERED {
            quotas.retain(|_, bucket| {
                bucket.refill(now);
                bucket.tokens < bucket.capacity
            });
        }
        if quotas.len() >= MAX_REMEMBERED && !quotas.contains_key(&user) {
            return Err(Code::Busy.into());
        }
        let quota = quotas.entry(user).or_insert_with(|| Bucket::full(BURST, PER_SECOND, now));
        if quota.take(now) { Ok(()) } else { Err(Refusal::from(Code::RateLimited).retry_after(quota.wait()).into()) }
    }

    async fn render(&self, markdown: String) -> Result<String> {
        let rendered = if markdown.len() <= INLINE_BYTES {
            render(&markdown)
        } else {
            let place = self.places.clone().try_acquire_owned();
            let place = place.map_err(|_| Refusal::from(Code::Busy).retry_after(Duration::from_secs(1)))?;
            let work = tokio::task::spawn_blocking(move || {
                let _place = place;
                render(&markdown)
            });
            work.await.map_err(|_| Refusal::from(Code::Internal))?
        };
        rendered.map_err(|_| Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "This text becomes too long as HTML."))
    }
}

pub(super) async fn preview(State(previews): State<Previews>, request: Request) -> Result<Json<Preview>> {
    // Nobody without a token makes the server read much.
    let user = previews.user(request.headers()).await?;
    previews.take(user, Instant::now())?;
    let Json(PreviewRequest { markdown }) = Json::from_request(request, &()).await?;
    if markdown.len() > previews.app.config.max_document_bytes {
        return Err(Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "This text is longer than one may be on this server."));
    }
    Ok(Json(Preview { html: previews.render(markdown).await? }))
}
