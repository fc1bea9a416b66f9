//! Who asks, and whether they may.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, FromRef, FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use collab_proto::api::LogKind;
use collab_proto::{Code, Role, RoomName};
use serde::Deserialize;

use super::Peer;
use super::answer::{Answer, Result};
use crate::app::App;
use crate::audit::{Actor, Origin};
use crate::clock::wall_ms;
use crate::refusal::Refusal;

/// Whether the request carries the admin token.
pub(super) fn is_admin(app: &App, headers: &HeaderMap) -> bool {
    bearer(headers).is_some_and(|token| app.admin.matches(token))
}

/// Passes the admin token alone.
pub(super) fn admin(app: &App, headers: &HeaderMap) -> Result<()> {
    if is_admin(app, headers) { Ok(()) } else { Err(Code::Unauthorized.into()) }
}

/// Passes the admin token and the room's owner token. Without either, a room that does not exist looks like any other.
async fn admin_or_owner(app: &App, headers: &HeaderMap, room: &RoomName) -> Result<Actor> {
    if is_admin(app, headers) {
        return Ok(Actor::Admin);
    }
    if let Some(token) = bearer(headers) {
        match app.rooms.record(room).await {
            Ok(record) => {
                let claims = app.tokens.check(wall_ms(), token, &record);
                if claims.is_ok_and(|claims| claims.role == Role::Owner) {
                    return Ok(Actor::Owner);
                }
            }
            Err(refusal) if refusal.code == Code::NoSuchRoom => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Refusal::new(Code::Unauthorized, "This needs the server's admin token or the room's owner token.").into())
}

/// A request about a room from whoever rules it: the admin, or the room's owner.
pub(super) struct Ruled {
    pub app: Arc<App>,
    pub room: RoomName,
    /// From where, and by which right.
    pub who: Origin,
}

impl<S: Send + Sync> FromRequestParts<S> for Ruled
where
    Arc<App>: FromRef<S>,
{
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let app = Arc::<App>::from_ref(state);
        let room = room_name(Path::from_request_parts(parts, state).await)?;
        let Extension(peer) = Extension::from_request_parts(parts, state).await?;
        let actor = admin_or_owner(&app, &parts.headers, &room).await?;
        Ok(Self { app, room, who: origin(peer, actor) })
    }
}

impl Ruled {
    /// Leaves a trace of what the admin looked at, before they see it. What owners look at is theirs.
    pub async fn record_look(&self, what: &str) -> Result<()> {
        match self.who.actor {
            Actor::Admin => record_query(&self.app, &self.who, Some(self.room.clone()), what.to_owned()).await,
            Actor::Owner | Actor::Anybody => Ok(()),
        }
    }
}

/// The part of a path that names a room.
#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
}

pub(super) type Name = std::result::Result<Path<Named>, PathRejection>;

pub(super) fn room_name(name: Name) -> Result<RoomName> {
    let Path(Named { name }) = name?;
    Ok(RoomName::parse(&name).map_err(|_| Refusal::from(Code::BadName))?)
}

pub(super) fn origin(peer: Peer, actor: Actor) -> Origin {
    Origin { address: peer.address.ip().to_canonical(), actor }
}

/// Leaves a trace of what the admin asked for, before they see it.
pub(super) async fn record_query(app: &App, who: &Origin, room: Option<RoomName>, what: String) -> Result<()> {
    let mut entry = who.entry(wall_ms(), LogKind::AdminQuery, room);
    entry.detail = Some(what);
    app.store.log(vec![entry]).await.map_err(Refusal::from)?;
    Ok(())
}

/// The token that a request carries.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
