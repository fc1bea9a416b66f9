//! `/api/rooms`: created by anybody or by the admin alone, as configured; listed and given owners by the admin; seen, deleted and
//! given other passwords and another policy by the admin and the owner.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use collab_proto::Code;
use collab_proto::api::{
    ChangePassword, ChangePolicy, ChangeViewerPassword, CreateRoom, MakeOwnerToken, OwnerToken, RoomCreated, RoomInfo,
};

use super::Peer;
use super::access::{Name, Ruled, admin, is_admin, origin, record_query, room_name};
use super::answer::Result;
use crate::app::App;
use crate::audit::Actor;
use crate::config::RoomCreation;
use crate::refusal::Refusal;

pub(super) type Body<T> = std::result::Result<Json<T>, JsonRejection>;

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
    record_query(&app, &origin(peer, Actor::Admin), None, "listed the rooms".to_owned()).await?;
    Ok(Json(rooms))
}

pub(super) async fn show(ruled: Ruled) -> Result<Json<RoomInfo>> {
    let info = ruled.app.rooms.show(&ruled.room).await?;
    ruled.record_look("looked at the room").await?;
    Ok(Json(info))
}

pub(super) async fn delete(ruled: Ruled) -> Result<StatusCode> {
    ruled.app.rooms.delete(&ruled.room, &ruled.who).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn change_password(ruled: Ruled, body: Body<ChangePassword>) -> Result<StatusCode> {
    let Json(ChangePassword { password }) = body?;
    ruled.app.rooms.change_password(&ruled.room, &password, &ruled.who).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn change_viewer_password(ruled: Ruled, body: Body<ChangeViewerPassword>) -> Result<StatusCode> {
    let Json(ChangeViewerPassword { password }) = body?;
    ruled.app.rooms.change_viewer_password(&ruled.room, password.as_deref(), &ruled.who).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn change_policy(ruled: Ruled, body: Body<ChangePolicy>) -> Result<Json<RoomInfo>> {
    let Json(change) = body?;
    Ok(Json(ruled.app.rooms.change_policy(&ruled.room, change, &ruled.who).await?))
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
