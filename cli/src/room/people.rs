//! Who is in a room, what they may do, and who must go.

use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use collab_proto::api::MemberEntry;
use collab_proto::{Role, RoomName};

use super::said;
use crate::args::Global;
use crate::connect::{self, Server};
use crate::failure::Failure;
use crate::{output, secrets};

pub const VIEWER_PASSWORD: &str = "\
Examples:
  collab-cli room viewer-password demo            asks for the new password, twice
  collab-cli room viewer-password demo --none     takes it away";
pub const MEMBERS: &str = "\
Examples:
  collab-cli room members demo
  collab-cli room members demo --json | jq -r .name";
pub const ROLE: &str = "\
Examples:
  collab-cli room role demo Bob viewer     Bob may read from now on, and no longer write
  collab-cli room role demo 4711 editor

The role stays with the person until the password changes that they came by.";
pub const KICK: &str = "\
Examples:
  collab-cli room kick demo Eve              she may come back with the password
  collab-cli room kick demo Eve --ban 1h     she may not for an hour, nor may anybody new from her network";

/// A role that an owner may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GivenRole {
    /// Reads
    Viewer,
    /// Reads and writes
    Editor,
}

pub async fn viewer_password(global: &Global, room: &RoomName, none: bool) -> anyhow::Result<()> {
    let server = connect::as_owner(global, room)?;
    let password = match none {
        true => None,
        false => Some(secrets::new_password(global, &format!("viewers of {room}"))?),
    };
    server.answer(server.api.change_viewer_password(room, password.as_deref()).await, room.as_str())?;
    said(global, room, if none { "viewers' password taken away" } else { "viewers' password changed" })
}

pub async fn members(global: &Global, room: &RoomName) -> anyhow::Result<()> {
    let server = connect::as_owner(global, room)?;
    let members = server.answer(server.api.members(room).await, room.as_str())?;
    if global.json {
        return members.iter().try_for_each(output::print_json);
    }
    if members.is_empty() {
        return output::print(&format!("Nobody is in {room} now.\n"));
    }
    let mut text = line("MEMBER", "ROLE", "HERE FOR", "NAME");
    for member in &members {
        let name = match &member.address {
            Some(address) => format!("{} ({address})", member.name),
            None => member.name.clone(),
        };
        let (number, name) = (member.member.to_string(), output::escape(&name));
        text += &line(&number, role_name(member.role), &here_for(member), &name);
    }
    output::print(&text)
}

fn line(member: &str, role: &str, here: &str, name: &str) -> String {
    format!("{member:<16}  {role:<6}  {here:>9}  {name}\n")
}

fn here_for(member: &MemberEntry) -> String {
    let seconds = member.connected_ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Editor => "editor",
        Role::Owner => "owner",
    }
}

pub async fn role(global: &Global, room: &RoomName, member: &str, role: GivenRole) -> anyhow::Result<()> {
    let server = connect::as_owner(global, room)?;
    let member = find(&server, room, member).await?;
    let role = match role {
        GivenRole::Viewer => Role::Viewer,
        GivenRole::Editor => Role::Editor,
    };
    server.answer(server.api.change_role(room, member.member, role).await, room.as_str())?;
    said(global, room, &output::escape(&format!("{} is {} now", member.name, role_name(role))))
}

pub async fn kick(global: &Global, room: &RoomName, member: &str, ban: Option<Duration>) -> anyhow::Result<()> {
    let server = connect::as_owner(global, room)?;
    let member = find(&server, room, member).await?;
    server.answer(server.api.kick(room, member.member, ban).await, room.as_str())?;
    let how = if ban.is_some() { "sent away and banned" } else { "sent away" };
    said(global, room, &output::escape(&format!("{} {how}", member.name)))
}

/// The one member who has this number, or this name.
async fn find(server: &Server, room: &RoomName, wanted: &str) -> anyhow::Result<MemberEntry> {
    let members = server.answer(server.api.members(room).await, room.as_str())?;
    one(members, wanted).with_context(|| {
        let next = format!("See who is there with: collab-cli room members {room}");
        Failure::new(format!("No one member of {room} has the number or the name {wanted:?}."), next)
    })
}

/// None when nobody is meant, or several are.
fn one(members: Vec<MemberEntry>, wanted: &str) -> Option<MemberEntry> {
    let (by_number, rest): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| member.member.to_string() == wanted);
    let mut meant = by_number.into_iter().chain(rest.into_iter().filter(|member| member.name == wanted));
    let first = meant.next()?;
    let unclear = first.member.to_string() != wanted && meant.next().is_some();
    (!unclear).then_some(first)
}

#[cfg(test)]
mod tests {
    use collab_proto::MemberId;

    use super::*;

    #[test]
    fn a_number_means_one_and_a_name_only_if_nobody_shares_it() {
        let members = || {
            let entry = |id, name: &str| MemberEntry {
                member: MemberId(id),
                name: name.into(),
                role: Role::Editor,
                connected_ms: 0,
                address: None,
            };
            vec![entry(1, "Ada"), entry(2, "Bob"), entry(3, "Bob"), entry(4, "1")]
        };
        let who = |wanted| one(members(), wanted).map(|member| member.member.0);
        assert_eq!((who("Ada"), who("3"), who("1")), (Some(1), Some(3), Some(1)));
        assert_eq!((who("Bob"), who("Cyd")), (None, None));
    }
}
