//! `collab-cli follow`: the text of a room, and again whenever it changes.

use std::io::{self, IsTerminal};
use std::time::Duration;

use collab_client::{Client, Event, State};
use collab_proto::{MemberId, RoomName};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::args::Global;
use crate::failure::refusal;
use crate::{connect, door, output, time};

/// Changes that come closer together than this are printed as one.
const QUIET: Duration = Duration::from_millis(50);

const EXAMPLES: &str = "\
Examples:
  collab-cli follow demo
  collab-cli follow demo --json | jq -r '.member'

Text that is added at the end is printed as it comes, as `tail -f` does. After any other change the whole text is printed
again: below a line with the time on a terminal, after a form feed in a pipe. With --json every change is one object:
time, member (absent when the text was brought up to date as a whole), text. Ctrl-C ends it.";

/// Which room.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    /// The room
    room: RoomName,
}

/// Prints the text, until Ctrl-C.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    let mut driver = door::enter(global, &command.room, door::PATIENCE).await?;
    let mut printer = Printer { json: global.json, terminal: io::stdout().is_terminal(), shown: None };
    printer.print(driver.client(), None)?;
    let (mut changed, mut due): (Option<Option<MemberId>>, Instant) = (None, Instant::now());
    loop {
        tokio::select! {
            event = driver.next() => {
                let before = changed;
                changed = look(&event, before, command.room.as_str())?;
                if before.is_none() {
                    due = Instant::now() + QUIET;
                }
            }
            () = sleep_until(due), if changed.is_some() => printer.print(driver.client(), changed.take().flatten())?,
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    connect::leave(driver).await;
    Ok(())
}

/// Takes note of a change, tells on standard error what becomes of the connection, and fails when the room is closed to us.
fn look(event: &Event, changed: Option<Option<MemberId>>, room: &str) -> anyhow::Result<Option<Option<MemberId>>> {
    match event {
        Event::TextChanged { member, .. } => {
            // Changes by several people at once are nobody's.
            return Ok(Some(if changed.is_none_or(|before| before == *member) { *member } else { None }));
        }
        Event::StateChanged(State::Backoff { .. }) => output::tell("connection lost, trying again"),
        Event::StateChanged(State::Live) => output::tell("connected"),
        Event::Refused { code, message, .. } if code.is_permanent() => return Err(refusal(*code, message, room).into()),
        Event::Unreachable { reason, permanent: true } => return Err(connect::unreachable(reason)),
        _ => {}
    }
    Ok(changed)
}

struct Printer {
    json: bool,
    terminal: bool,
    shown: Option<String>,
}

impl Printer {
    fn print(&mut self, client: &Client, member: Option<MemberId>) -> anyhow::Result<()> {
        let text = client.document().text();
        if self.shown.as_ref() == Some(&text) {
            return Ok(());
        }
        let now = Timestamp::now();
        if self.json {
            let mut change = json!({ "time": now.to_string(), "text": text });
            if let Some(member) = member {
                change["member"] = json!(member);
            }
            output::print_json(&change)?;
        } else {
            let heading = format!("── {} ──", now.to_zoned(time::zone()).strftime("%H:%M:%S"));
            let news = news(self.shown.as_deref(), &text, self.terminal.then_some(&heading));
            output::print_text(&news)?;
        }
        self.shown = Some(text);
        Ok(())
    }
}

/// What to print of a text after another one was printed; the heading is for a terminal.
fn news(shown: Option<&str>, text: &str, heading: Option<&String>) -> String {
    let Some(shown) = shown else { return text.to_owned() };
    if let Some(added) = text.strip_prefix(shown) {
        return added.to_owned();
    }
    match heading {
        Some(heading) if shown.is_empty() || shown.ends_with('\n') => format!("{heading}\n{text}"),
        Some(heading) => format!("\n{heading}\n{text}"),
        None => format!("\x0c{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_at_the_end_come_as_they_are_and_other_changes_show_the_whole() {
        let heading = "── 12:00:00 ──".to_owned();
        assert_eq!(news(None, "a\n", Some(&heading)), "a\n");
        assert_eq!(news(Some("a\n"), "a\nb\n", Some(&heading)), "b\n");
        assert_eq!(news(Some("a\n"), "x\n", Some(&heading)), "── 12:00:00 ──\nx\n");
        assert_eq!(news(Some("a"), "x", Some(&heading)), "\n── 12:00:00 ──\nx");
        assert_eq!(news(Some("a\n"), "x\n", None), "\x0cx\n");
    }

    #[test]
    fn changes_by_two_people_at_once_are_nobodys() {
        let by = |id| Event::TextChanged { member: Some(MemberId(id)), update: Default::default() };
        let one = look(&by(1), None, "demo").unwrap();
        assert_eq!(one, Some(Some(MemberId(1))));
        assert_eq!(look(&by(1), one, "demo").unwrap(), one);
        assert_eq!(look(&by(2), one, "demo").unwrap(), Some(None));
    }
}
