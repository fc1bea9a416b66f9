//! `collab-cli room`: create, list, show and delete rooms, change passwords; in `people`, see and rule who is in one; in `policy`,
//! how often they may write; in `owner`, who rules.

mod people;

mod policy;

mod owner;

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use clap::Subcommand;
use collab_proto::RoomName;
use collab_proto::api::{CreateRoom, RoomInfo, RoomPolicy};
use serde_json::json;

use crate::args::Global;
use crate::connect;
use crate::failure::Failure;
use crate::state::State;
use crate::{output, secrets, time};

const CREATE: &str = "\
Examples:
  collab-cli room create demo                              asks for a password, twice
  COLLAB_PASSWORD=… collab-cli room create demo
  collab-cli room create demo --password-file secret.txt
  collab-cli room create lecture --edits-per-minute 6 --throttle-ms 2000

You own a room that you create: from this account you can enter and delete it, and change its password, without the
admin token. The right is kept in $XDG_STATE_HOME/collab.";
const LIST: &str = "Examples:\n  collab-cli room list\n  collab-cli room list --json | jq -r .name";
const SHOW: &str = "Example:\n  collab-cli room show demo";
const DELETE: &str = "Examples:\n  collab-cli room delete demo\n  collab-cli room delete demo --yes     does not ask";
const PASSWD: &str = "Example:\n  collab-cli room passwd demo     asks for the new password, twice";

/// What to do with rooms.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a room with a password
    #[command(after_help = CREATE)]
    Create {
        /// 1 to 64 of a–z, 0–9, - and _
        room: RoomName,
        /// How often people may write; what is not named goes by the server.
        #[command(flatten)]
        policy: policy::Numbers,
    },
    /// List all rooms (needs the admin token)
    #[command(after_help = LIST)]
    List,
    /// Show a room (its owner, or with the admin token)
    #[command(after_help = SHOW)]
    Show {
        /// The room
        room: RoomName,
    },
    /// Delete a room and its text for good (its owner, or with the admin token)
    #[command(after_help = DELETE)]
    Delete {
        /// The room
        room: RoomName,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Change the password of a room (its owner, or with the admin token); who came by it must join again
    #[command(after_help = PASSWD)]
    Passwd {
        /// The room
        room: RoomName,
    },
    /// Set a password that lets people read but not write (its owner, or with the admin token)
    #[command(after_help = people::VIEWER_PASSWORD)]
    ViewerPassword {
        /// The room
        room: RoomName,
        /// Take it away: viewers must leave
        #[arg(long)]
        none: bool,
    },
    /// Show or change how often people may write in a room (its owner, or with the admin token); it acts at once
    #[command(after_help = policy::POLICY)]
    Policy {
        /// The room
        room: RoomName,
        #[command(flatten)]
        change: policy::Change,
    },
    /// Make a token that rules a room, for whoever shall own it (needs the admin token)
    #[command(after_help = owner::OWNER_TOKEN)]
    OwnerToken {
        /// The room
        room: RoomName,
        /// Earlier owner tokens of the room are void from now on, and owners who came by one must go
        #[arg(long)]
        revoke: bool,
        /// Rule the room from this account, in place of printing the token
        #[arg(long)]
        keep: bool,
    },
    /// Rule a room from this account by an owner token, which is read from standard input
    #[command(after_help = owner::CLAIM)]
    Claim {
        /// The room
        room: RoomName,
    },
    /// List who is in a room now (its owner, or with the admin token)
    #[command(after_help = people::MEMBERS)]
    Members {
        /// The room
        room: RoomName,
    },
    /// Let a member write or only read, from now on (its owner, or with the admin token)
    #[command(after_help = people::ROLE)]
    Role {
        /// The room
        room: RoomName,
        /// The member's number or name, as `room members` shows them
        member: String,
        /// What they may do
        role: people::GivenRole,
    },
    /// Send a member away (its owner, or with the admin token)
    #[command(after_help = people::KICK)]
    Kick {
        /// The room
        room: RoomName,
        /// The member's number or name, as `room members` shows them
        member: String,
        /// They may not come back for this long, nor may newcomers from their network: 30m, 12h, 7d; 30 days at most
        #[arg(long, value_name = "DURATION", value_parser = time::parse_span)]
        ban: Option<std::time::Duration>,
    },
}

/// Does it.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Create { room, policy } => create(global, room, policy.to_policy()).await,
        Command::List => list(global).await,
        Command::Show { room } => show(global, room).await,
        Command::Delete { room, yes } => delete(global, room, *yes).await,
        Command::Passwd { room } => passwd(global, room).await,
        Command::ViewerPassword { room, none } => people::viewer_password(global, room, *none).await,
        Command::Policy { room, change } => policy::policy(global, room, change).await,
        Command::OwnerToken { room, revoke, keep } => owner::make(global, room, *revoke, *keep).await,
        Command::Claim { room } => owner::claim(global, room).await,
        Command::Members { room } => people::members(global, room).await,
        Command::Role { room, member, role } => people::role(global, room, member, *role).await,
        Command::Kick { room, member, ban } => people::kick(global, room, member, *ban).await,
    }
}

async fn create(global: &Global, room: &RoomName, policy: RoomPolicy) -> anyhow::Result<()> {
    let server = connect::anonymous(global)?;
    let password = secrets::new_password(global, room.as_str())?;
    let wanted = CreateRoom { name: room.to_string(), password, policy };
    let created = server.answer(server.api.create_room_as(&wanted).await, room.as_str())?;
    let kept = State::of_user().keep_owner_token(&global.url, room.as_str(), &created.owner_token);
    kept.context("the room was created, but the right to rule it could not be kept")?;
    if global.json {
        return output::print_json(&json!({ "name": created.name, "generation": created.generation }));
    }
    output::print(&format!("Room {room} created. Enter it with: collab-cli join {room}\n"))
}

async fn list(global: &Global) -> anyhow::Result<()> {
    let server = connect::as_admin(global)?;
    let rooms = server.answer(server.api.rooms().await, "")?;
    if global.json {
        return rooms.iter().try_for_each(output::print_json);
    }
    if rooms.is_empty() {
        return output::print("There are no rooms yet. Make one with: collab-cli room create NAME\n");
    }
    let width = rooms.iter().map(|room| room.name.as_str().len()).max().unwrap_or(0).max(4);
    let row = |name: &str, members: &str, created: &str| format!("{name:width$}  {members:>6}  {created}\n");
    let mut text = row("ROOM", "PEOPLE", "CREATED");
    for room in &rooms {
        text += &row(room.name.as_str(), &room.members.to_string(), &time::show(room.created_ms, &time::zone()));
    }
    output::print(&text)
}

async fn show(global: &Global, room: &RoomName) -> anyhow::Result<()> {
    let server = connect::as_owner(global, room)?;
    let info = server.answer(server.api.room(room).await, room.as_str())?;
    if global.json {
        return output::print_json(&info);
    }
    let created = time::show(info.created_ms, &time::zone());
    let pace = policy::in_words(&info);
    let RoomInfo { name, members, generation, .. } = info;
    output::print(&format!(
        "room        {name}\npeople      {members}\ncreated     {created}\ngeneration  {generation}\n{pace}"
    ))
}

async fn delete(global: &Global, room: &RoomName, yes: bool) -> anyhow::Result<()> {
    let server = connect::as_owner(global, room)?;
    if !yes {
        confirm(room)?;
    }
    server.answer(server.api.delete_room(room).await, room.as_str())?;
    State::of_user().forget_owner_token(&global.url, room.as_str());
    said(global, room, "deleted")
}

async fn passwd(global: &Global, room: &RoomName) -> anyhow::Result<()> {
    let server = connect::as_owner(global, room)?;
    let password = secrets::new_password(global, room.as_str())?;
    server.answer(server.api.change_password(room, &password).await, room.as_str())?;
    said(global, room, "password changed")
}

/// Scripts read the exit code; people get a word.
fn said(global: &Global, room: &RoomName, what: &str) -> anyhow::Result<()> {
    if global.json {
        output::print_json(&json!({ "name": room, "done": what }))
    } else {
        output::print(&format!("Room {room}: {what}.\n"))
    }
}

fn confirm(room: &RoomName) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new("Nobody is there to confirm.", "Add --yes to delete without asking.").into());
    }
    write!(io::stderr(), "Delete {room} and its text for good? Type its name: ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if answer.trim() == room.as_str() {
        return Ok(());
    }
    Err(Failure::new("That is another name.", "Nothing was deleted.").into())
}
