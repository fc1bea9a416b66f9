//! `/api/rooms/{name}/members`: who is in a room, what they may do, and who must go. For the admin and the owner.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use collab_proto::MemberId;
use collab_proto::api::{ChangeRole, KickQuery, MemberEntry};
use serde::Deserialize;

use super::access::Ruled;
use super::answer::{Answer, Result};
use super::rooms::Body;
use crate::audit::Actor;
use crate::room::core::Present;

/// The part of a path that names somebody.
#[derive(Deserialize)]
pub(super) struct Numbered {
    member: MemberId,
}

type Member = std::result::Result<Path<Numbered>, PathRejection>;

pub(super) async fn list(ruled: Ruled) -> Result<Json<Vec<MemberEntry>>> {
    let present = ruled.app.rooms.present(&ruled.room).await?;
    ruled.record_look("listed the members").await?;
    Ok(Json(present.into_iter().map(|present| entry(present, ruled.who.actor)).collect()))
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

pub(super) async fn change_role(ruled: Ruled, member: Member, body: Body<ChangeRole>) -> Result<StatusCode> {
    let present = find(&ruled, member).await?;
    let Json(ChangeRole { role }) = body?;
    ruled.app.rooms.give_role(&ruled.room, &present, role, &ruled.who).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn kick(
    ruled: Ruled,
    member: Member,
    query: std::result::Result<Query<KickQuery>, QueryRejection>,
) -> Result<StatusCode> {
    let present = find(&ruled, member).await?;
    let Query(KickQuery { ban_ms }) = query?;
    ruled.app.rooms.kick(&ruled.room, &present, ban_ms.map(Duration::from_millis), &ruled.who).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody who is in the room now.
async fn find(ruled: &Ruled, member: Member) -> Result<Present> {
    let Path(Numbered { member }) = member?;
    let present = ruled.app.rooms.present(&ruled.room).await?.into_iter().find(|present| present.info.id == member);
    present.ok_or_else(|| Answer::new(StatusCode::NOT_FOUND, "Nobody with this number is in the room now."))
}
