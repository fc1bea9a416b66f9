//! Who rules a room: tokens for owners.

use std::io::{self, Read};

use anyhow::Context;
use collab_client::api::ApiFailure;
use collab_proto::{Code, RoomName};
use serde_json::json;

use super::said;
use crate::args::Global;
use crate::connect;
use crate::failure::Failure;
use crate::output;
use crate::state::State;

pub const OWNER_TOKEN: &str = "\
Examples:
  collab-cli room owner-token demo > token      a token for whoever shall rule the room: hand it over in secret
  collab-cli room owner-token demo --keep       rule it from this account
  collab-cli room owner-token demo --revoke     the only one that is good from now on

After a restore from a backup every earlier owner token is void, and this makes new ones. The token is good for a year, and for
as long as the room lives.";
pub const CLAIM: &str = "\
Examples:
  collab-cli room claim demo < token
  collab-cli room owner-token demo | ssh ada@example.org collab-cli room claim demo";

/// No token is longer, in bytes.
const MAX_TOKEN_BYTES: u64 = collab_proto::limits::MAX_TOKEN_BYTES as u64;

pub async fn make(global: &Global, room: &RoomName, revoke: bool, keep: bool) -> anyhow::Result<()> {
    let server = connect::as_admin(global)?;
    let token = server.answer(server.api.make_owner_token(room, revoke).await, room.as_str())?;
    if keep {
        State::of_user().keep_owner_token(&global.url, room.as_str(), &token)?;
        return said(global, room, "ruled from this account");
    }
    if global.json {
        return output::print_json(&json!({ "name": room, "owner_token": token }));
    }
    output::print(&format!("{token}\n"))
}

pub async fn claim(global: &Global, room: &RoomName) -> anyhow::Result<()> {
    let mut token = String::new();
    io::stdin().take(MAX_TOKEN_BYTES + 1).read_to_string(&mut token).context("cannot read standard input")?;
    let server = connect::with_token(global, token.trim())?;
    match server.api.room(room).await {
        Err(ApiFailure::Refused(error)) if error.code == Code::Unauthorized => {
            let next = format!("Ask the server's operator for one: collab-cli room owner-token {room}");
            return Err(Failure::new(format!("That is no owner token of {room}, or not any more."), next).into());
        }
        answer => server.answer(answer, room.as_str())?,
    };
    State::of_user().keep_owner_token(&global.url, room.as_str(), token.trim())?;
    said(global, room, "ruled from this account")
}
