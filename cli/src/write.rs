//! `collab-cli write`: makes the text of a room equal to standard input, by a small edit.

use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use anyhow::Context;
use collab_client::driver::Driver;
use collab_client::{EditError, Event, SaveState};
use collab_proto::RoomName;
use serde_json::json;
use tokio::time::Instant;

use crate::args::Global;
use crate::failure::{Failure, refusal};
use crate::{connect, door, output};

/// More than this from standard input is a mistake: no room holds so much.
const MAX_INPUT_BYTES: u64 = 64 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  printf 'hello\\n' | collab-cli write demo
  collab-cli write demo < notes.txt
  (collab-cli cat demo; date) | collab-cli write demo

What is equal stays untouched, so that others can go on writing in them. The command ends when the server has the
text on disk: exit code 0 means that a power cut cannot take it. Make the room first: collab-cli room create demo.";

/// Which room, and how long it may take.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    /// The room
    room: RoomName,
    /// Give up when the text is not saved within this many seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Writes the text.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    let text = input()?;
    let deadline = Instant::now() + Duration::from_secs(command.timeout);
    let mut driver = door::enter(global, &command.room, Duration::from_secs(command.timeout)).await?;
    let most = driver.client().policy().max_document_bytes as usize;
    if text.len() > most {
        connect::leave(driver).await;
        let what = format!("The text has {} bytes, and this server takes {most} at most.", text.len());
        return Err(Failure::new(what, "Nothing was changed. Split it over several rooms.").into());
    }
    let changed = driver.client().document().text() != text;
    driver.set_text(&text).map_err(|error| refused_here(&error))?;
    match tokio::time::timeout_at(deadline, saved(&mut driver, command.room.as_str())).await {
        Ok(result) => result?,
        Err(_) => return Err(too_slow(command.timeout, &driver).into()),
    }
    connect::leave(driver).await;
    if global.json {
        output::print_json(&json!({ "room": command.room, "changed": changed, "saved": true }))?;
    }
    Ok(())
}

fn input() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        output::tell("reading the text from this terminal; Ctrl-D on an empty line ends it");
    }
    let mut bytes = Vec::new();
    io::stdin().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(Failure::new("Standard input is larger than any room.", "Nothing was changed.").into());
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::new("Standard input is not text in UTF-8.", "Nothing was changed.").into())
}

fn refused_here(error: &EditError) -> Failure {
    let next = match error {
        EditError::ReadOnly => "Ask the room's owner for the editors' password.",
        _ => "Run the command again.",
    };
    Failure::new(format!("The text was not written: {error}."), next)
}

async fn saved(driver: &mut Driver, room: &str) -> anyhow::Result<()> {
    while driver.client().save_state() != SaveState::Saved {
        match driver.next().await {
            Event::Rejected { code, message, .. } | Event::Refused { code, message, .. } if code.is_permanent() => {
                return Err(refusal(code, &message, room).into());
            }
            Event::Unreachable { reason, permanent: true } => return Err(connect::unreachable(&reason)),
            _ => {}
        }
    }
    Ok(())
}

fn too_slow(seconds: u64, driver: &Driver) -> Failure {
    let what =
        format!("The text was not saved within {seconds} s ({}).", connect::state_in_words(driver.client().state()));
    Failure::new(
        what,
        "A part may have arrived. Run the command again, it sends only what is missing; --timeout gives more time.",
    )
}
