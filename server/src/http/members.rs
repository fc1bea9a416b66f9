//! `/api/rooms/{name}/members`: who is in a room, what they may do, and who must go. For the admin and the owner.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use collab_proto::api::{ChangeRole, KickQuery, MemberEntry};
use collab_proto::{MemberId, RoomName};

use super::Peer;
use super::access::admin_or_owner;
use super::answer::{Answer, Result};
use super::rooms::{Body, Name, origin, record_query, room_name};
use crate::app::App;
use crate::audit::{Actor, Origin};
use crate::room::core::Present;

type Member = std::result::Result<Path<(String, u64)>, PathRejection>;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    name: Name,
) -> Result<Json<Vec<MemberEntry>>> {
    let name = room_name(name)?;
    let actor = admin_or_owner(&app, &headers, &name).await?;
    let present = app.rooms.present(&name).await?;
    if actor == Actor::Admin {
        record_query(&app, peer, Some(name), "listed the members".to_owned()).await?;
    }
    Ok(Json(present.into_iter().map(|present| entry(present, actor)).collect()))
}

fn entry(present: Present, actor: Actor) -> MemberEntry {
    MemberEntry {
        member: present.info.id,
        name: present.info.name,
        role: present.info.role,
        connected_ms: u64::try_from(present.connected.as_millis()).unwrap_or(u64::MAX),
        address: (actor == Actor::Admin).then(|| present.address.to_string()),
    }
}

pub(super) async fn change_role(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    member: Member,
    body: Body<ChangeRole>,
) -> Result<StatusCode> {
    let (room, present, who) = find(&app, peer, &headers, member).await?;
    let Json(ChangeRole { role }) = body?;
    app.rooms.give_role(&room, &present, role, &who).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn kick(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    member: Member,
    query: std::result::Result<Query<KickQuery>, QueryRejection>,
) -> Result<StatusCode> {
    let (room, present, who) = find(&app, peer, &headers, member).await?;
    let Query(KickQuery { ban_ms }) = query?;
    app.rooms.kick(&room, &present, ban_ms.map(Duration::from_millis), &who).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody who is in the room now, for whoever rules it.
async fn find(app: &App, peer: Peer, headers: &HeaderMap, member: Member) -> Result<(RoomName, Present, Origin)> {
    let Path((name, member)) = member?;
    let room = room_name(Ok(Path(name)))?;
    let actor = admin_or_owner(app, headers, &room).await?;
    let present = app.rooms.present(&room).await?.into_iter().find(|present| present.info.id == MemberId(member));
    let nobody = || Answer::new(StatusCode::NOT_FOUND, "Nobody with this number is in the room now.");
    Ok((room, present.ok_or_else(nobody)?, origin(peer, actor)))
}
