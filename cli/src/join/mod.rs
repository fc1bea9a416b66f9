//! `collab-cli join`: an editor in the terminal, shared live with everybody in the room.
//!
//! Reading order: [`editor`] (text and cursor, without a screen), [`layout`] (text to cells), [`undo`], [`keys`],
//! [`page`] (the text as the user changes it), [`keeping`] (what is not saved, on this device), [`desk`] (all of it together with the room), [`colours`], [`view`], [`status`] and [`news`] (the screen), [`terminal`] (taken and given back).

mod editor;

mod layout;

mod undo;

mod keys;

mod page;

mod keeping;

mod desk;

mod colours;

mod view;

mod status;

mod news;

mod terminal;

use std::io::{self, IsTerminal};
use std::time::Duration;

use collab_client::{Event as RoomEvent, SaveState, State as Connection};
use collab_proto::{Code, RoomName};
use crossterm::event::{Event as TerminalEvent, EventStream};
use futures_util::StreamExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until};

use crate::args::Global;
use crate::failure::Failure;
use crate::state::State;
use crate::unsent::Files;
use crate::{connect, door, output};
use desk::{Desk, Flow};
use keeping::Keeping;
use terminal::Screen;

/// The screen is drawn at most this often.
const FRAME: Duration = Duration::from_millis(16);

/// How long a terminated editor tries to save.
const LAST_CHANCE: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  collab-cli join demo
  collab-cli join demo --name Anna
  collab-cli --url https://notes.example:4433 join demo

The text saves itself while you write; the last line tells how far it has come. F1 shows the keys, Ctrl-Q leaves.
Works over ssh and in any size. Set NO_COLOR for no colours.";

/// Which room.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    /// The room
    room: RoomName,
}

/// How the editor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The user left, and all was saved.
    Left,
    /// The user would not wait.
    Hurried,
    /// The terminal or a signal ended it.
    Ended,
}

/// Opens the editor, until the user leaves.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let next = format!("In a script, use collab-cli cat {0}, follow {0} or write {0}.", command.room);
        return Err(Failure::new("The editor needs a terminal.", next).into());
    }
    let mut files = Files::new(State::of_user().unsent_dir(&global.url, command.room.as_str()));
    let works = files.take()?;
    let driver = match door::enter_to_edit(global, &command.room, &works).await {
        Ok(driver) => driver,
        Err(error) => {
            if !works.is_empty() {
                output::tell(&format!("what you wrote earlier and could not send stays in {}", files.path().display()));
            }
            return Err(error);
        }
    };
    let keeping = Keeping::new(files, works.first().map(|work| work.kept_at));
    let mut desk = Desk::new(command.room.clone(), driver, keeping);
    let ending = {
        let mut screen = Screen::open()?;
        work(&mut desk, &mut screen).await
    };
    part(desk, ending?).await
}

async fn work(desk: &mut Desk, screen: &mut Screen) -> anyhow::Result<Ending> {
    let mut keys = EventStream::new();
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let (mut dirty, mut next_draw) = (true, Instant::now());
    loop {
        if dirty && Instant::now() >= next_draw {
            screen.terminal().draw(|frame| desk.draw(frame))?;
            (dirty, next_draw) = (false, Instant::now() + FRAME);
        }
        let (pause, keep) = (desk.changes_in(), desk.keep_in());
        let flow = tokio::select! {
            event = desk.driver().next() => desk.room_event(event),
            event = keys.next() => match event {
                Some(Ok(event)) => terminal_event(desk, event),
                Some(Err(_)) | None => return Ok(Ending::Ended),
            },
            () = sleep_until(next_draw), if dirty => Flow::Stay,
            () = sleep(pause.unwrap_or_default()), if pause.is_some() && !dirty => Flow::Stay,
            () = sleep(keep.unwrap_or_default()), if keep.is_some() => desk.keep(),
            _ = terminate.recv() => return Ok(Ending::Ended),
            _ = hang_up.recv() => return Ok(Ending::Ended),
        };
        dirty = true;
        match flow {
            Flow::Stay => {}
            Flow::Redraw => screen.forget()?,
            Flow::Leave => return Ok(Ending::Left),
            Flow::LeaveAtOnce => return Ok(Ending::Hurried),
        }
    }
}

fn terminal_event(desk: &mut Desk, event: TerminalEvent) -> Flow {
    match event {
        TerminalEvent::Key(key) => keys::action(key).map_or(Flow::Stay, |action| desk.act(action)),
        TerminalEvent::Paste(text) => desk.paste(&text),
        _ => Flow::Stay,
    }
}

/// Leaves the room. What could not be saved is kept, and the user is told where and what becomes of it.
async fn part(desk: Desk, ending: Ending) -> anyhow::Result<()> {
    let (mut driver, mut keeping) = desk.into_parts();
    if ending == Ending::Ended {
        driver.leave();
        let _ = tokio::time::timeout(LAST_CHANCE, saved(&mut driver)).await;
    }
    let kept = keeping.keep(driver.client());
    if driver.client().save_state() == SaveState::Saved {
        connect::leave(driver).await;
        return Ok(());
    }
    let room = driver.client().config().room.clone();
    let next = match (kept, driver.client().state()) {
        (Ok(path), Connection::Refused(Code::GenerationChanged)) => {
            format!("The old text is kept in {}. Joining {room} again asks what becomes of it.", path.display())
        }
        (Ok(path), _) => format!("They are kept in {} and are sent when you join {room} again.", path.display()),
        (Err(_), _) => {
            let path = State::of_user().keep_text(room.as_str(), &driver.client().document().text())?;
            format!("The whole text as you saw it is in {}", path.display())
        }
    };
    Err(Failure::new("Your last changes are not saved in the room.", next).into())
}

async fn saved(driver: &mut collab_client::driver::Driver) {
    while driver.client().save_state() != SaveState::Saved {
        if let RoomEvent::Refused { .. } = driver.next().await {
            return;
        }
    }
}
