//! Who asks, and whether they may.

use axum::http::{HeaderMap, header};
use collab_proto::{Code, Role, RoomName};

use super::answer::Result;
use crate::app::App;
use crate::audit::Actor;
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
pub(super) async fn admin_or_owner(app: &App, headers: &HeaderMap, room: &RoomName) -> Result<Actor> {
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

/// The token that a request carries.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
