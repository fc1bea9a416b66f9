//! `collab-cli cat`: the text of a room, as it is now.

use std::time::Duration;

use collab_proto::RoomName;
use serde_json::json;

use crate::args::Global;
use crate::{connect, door, output};

const EXAMPLES: &str = "\
Examples:
  collab-cli cat demo
  collab-cli cat demo | head -3
  collab-cli cat demo --json | jq -r .text";

/// Which room.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    /// The room
    room: RoomName,
    /// Give up after this many seconds
    #[arg(long, default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Prints the text.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    let room = &command.room;
    let driver = door::enter(global, room, Duration::from_secs(command.timeout)).await?;
    let text = driver.client().document().text();
    connect::leave(driver).await;
    if global.json { output::print_json(&json!({ "room": room, "text": text })) } else { output::print_text(&text) }
}
