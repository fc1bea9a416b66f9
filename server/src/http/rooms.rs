//! `/api/rooms`: created by anybody or by the admin alone, as configured; listed and given owners by the admin; seen, deleted and
//! given other passwords and another policy by the admin and the owner.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use collab_proto::api::{
    ChangePassword, ChangePolicy, ChangeViewerPassword, CreateRoom, LogKind, MakeOwnerToken, OwnerToken, RoomCreated,
    RoomInfo,
};
use collab_proto::{Code, RoomName};

use super::Peer;
use super::access::{admin, admin_or_owner, is_admin};
use super::answer::Result;
use crate::app::App;
use crate::audit::{Actor, Origin};
use crate::clock::wall_ms;
use crate::config::RoomCreation;
use crate::refusal::Refusal;

pub(super) type Body<T> = std::result::Result<Json<T>, JsonRejection>;
pub(super) type Name = std::result::Result<Path<String>, PathRejection>;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body<CreateRoom>,
) -> Result<(StatusCode, Json<RoomCreated>)> {
    let actor = if is_admin(&app, &headers) { Actor::Admin } else { Actor::Anybody };
    if app.config.room_creation == RoomCreation::Admin && actor != Actor::Admin {
        let message = "On this server the admin creates the rooms: this needs the server's admin token.";
        return Err(Refusal::new(Code::Unauthorized, message).into());
    }
    let Json(wanted) = body?;
    let created = app.rooms.create(wanted, &origin(peer, actor)).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Json<Vec<RoomInfo>>> {
    admin(&app, &headers)?;
    let rooms = app.rooms.list().await?;
    record_query(&app, peer, None, "listed the rooms".to_owned()).await?;
    Ok(Json(rooms))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    name: Name,
) -> Result<Json<RoomInfo>> {
    let name = room_name(name)?;
    let actor = admin_or_owner(&app, &headers, &name).await?;
    let info = app.rooms.show(&name).await?;
    if actor == Actor::Admin {
        record_query(&app, peer, Some(name), "looked at the room".to_owned()).await?;
    }
    Ok(Json(info))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    name: Name,
) -> Result<StatusCode> {
    let name = room_name(name)?;
    let actor = admin_or_owner(&app, &headers, &name).await?;
    app.rooms.delete(&name, &origin(peer, actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn change_password(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    name: Name,
    body: Body<ChangePassword>,
) -> Result<StatusCode> {
    let name = room_name(name)?;
    let actor = admin_or_owner(&app, &headers, &name).await?;
    let Json(ChangePassword { password }) = body?;
    app.rooms.change_password(&name, &password, &origin(peer, actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn change_viewer_password(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    name: Name,
    body: Body<ChangeViewerPassword>,
) -> Result<StatusCode> {
    let name = room_name(name)?;
    let actor = admin_or_owner(&app, &headers, &name).await?;
    let Json(ChangeViewerPassword { password }) = body?;
    app.rooms.change_viewer_password(&name, password.as_deref(), &origin(peer, actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn change_policy(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    name: Name,
    body: Body<ChangePolicy>,
) -> Result<Json<RoomInfo>> {
    let name = room_name(name)?;
    let actor = admin_or_owner(&app, &headers, &name).await?;
    let Json(change) = body?;
    Ok(Json(app.rooms.change_policy(&name, change, &origin(peer, actor)).await?))
}

pub(super) async fn make_owner_token(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    name: Name,
    body: Body<MakeOwnerToken>,
) -> Result<(StatusCode, Json<OwnerToken>)> {
    let name = room_name(name)?;
    admin(&app, &headers)?;
    let Json(MakeOwnerToken { revoke }) = body?;
    let owner_token = app.rooms.make_owner(&name, revoke, &origin(peer, Actor::Admin)).await?;
    Ok((StatusCode::CREATED, Json(OwnerToken { owner_token })))
}

/// Leaves a trace of what the admin looked at, before they see it.
pub(super) async fn record_query(app: &App, peer: Peer, room: Option<RoomName>, what: String) -> Result<()> {
    let mut entry = origin(peer, Actor::Admin).entry(wall_ms(), LogKind::AdminQuery, room);
    entry.detail = Some(what);
    app.store.log(vec![entry]).await.map_err(Refusal::from)?;
    Ok(())
}

pub(super) fn origin(peer: Peer, actor: Actor) -> Origin {
    Origin { address: peer.address.ip().to_canonical(), actor }
}

pub(super) fn room_name(name: Name) -> Result<RoomName> {
    let Path(name) = name?;
    Ok(RoomName::parse(&name).map_err(|_| Refusal::from(Code::BadName))?)
}
