//! `collab-cli sync`: keeps a file and the text of a room equal, both ways.
//!
//! Reading order: [`mod@file`] (read and replaced whole), [`base`] (what both last had in common), [`pair`] (how they become equal, and
//! what the room does to them), [`start`] (the first meeting), [`watch`] (when the file may have changed), [`turn`] (when they are
//! compared), [`report`].

mod file;

mod base;

mod pair;

mod start;

mod watch;

mod turn;

mod report;

use std::path::PathBuf;
use std::time::Duration;

use collab_client::SaveState;
use collab_proto::RoomName;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use crate::args::Global;
use crate::failure::Failure;
use crate::{connect, door, output, state};
use base::Base;
use file::LocalFile;
use pair::{Done, Pair};
use report::Report;
use turn::Turn;
use watch::Watch;

/// How long a command that is ended waits for its last changes to be saved.
const LAST_CHANCE: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Examples:
  collab-cli sync demo notes.md                  until Ctrl-C
  collab-cli sync demo notes.md --once           make them equal, once
  collab-cli sync demo notes.md --prefer room    the first time, when both have a text

Write the file with any editor: what you change is merged into the room's text, and what others write there comes into the file,
which is replaced whole and only if you have not changed it meanwhile. Without a connection it goes on, and what both had in
common is remembered, also from one run to the next, so that changes on both sides are merged then. A file that is missing is
made. No text is given up without a copy beside the file (notes.md.kept-…).";

/// Which room and which file.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    /// The room
    room: RoomName,
    /// The file
    file: PathBuf,
    /// Whose text counts when the two meet for the first time and differ; the other one's is kept in a copy
    #[arg(long, value_name = "room|file")]
    prefer: Option<start::Side>,
    /// Make the two equal, wait until that is saved, and end
    #[arg(long)]
    once: bool,
    /// With --once: give up when that takes more than this many seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Keeps them equal, until Ctrl-C.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    let file = LocalFile::at(&command.file)?;
    let folder = state::State::of_user().synced_dir(&global.url, command.room.as_str(), file.path());
    let base = Base::open(folder, &file)?;
    // Before the first look at the file, so that no change falls between.
    let watch = Watch::start(file.path())?;
    let works: Vec<_> = base.recall(&file)?.into_iter().collect();
    let patience = Duration::from_secs(command.timeout);
    let driver = match command.once {
        true => door::enter_with(global, &command.room, &works, patience).await?,
        false => door::enter_to_edit(global, &command.room, &works).await?,
    };
    let report = Report::new(global.json, file.shown(), command.room.as_str());
    let mut pair = Pair::new(driver, file, base, &works, report)?;
    start::meet(&mut pair, !works.is_empty(), command.prefer).await?;
    if command.once {
        return once(pair, patience).await;
    }
    if !pair.client().state().is_live() {
        output::tell("the server is away; what changes in the file is sent when it is back");
    }
    let ended = keep_equal(&mut pair, watch).await?;
    part(pair, ended).await
}

/// What ends the command.
struct End([Signal; 3]);

impl End {
    fn new() -> anyhow::Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    async fn wanted(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}

async fn keep_equal(pair: &mut Pair, mut watch: Watch) -> anyhow::Result<End> {
    let (mut end, mut turn) = (End::new()?, Turn::default());
    if pair.exchange()? == Done::Again {
        turn.file_stirred(watch::Stir::Going);
    }
    pair.report().begun(pair.client().document().text().len())?;
    loop {
        let due = turn.due();
        tokio::select! {
            event = pair.driver().next() => if pair.room_event(&event)? {
                turn.room_changed();
            },
            stir = watch.next() => turn.file_stirred(stir),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                turn = Turn::default();
                if pair.exchange()? == Done::Again {
                    turn.file_stirred(watch::Stir::Going);
                }
            }
            () = end.wanted() => return Ok(end),
        }
    }
}

/// Takes the last changes along, as far as that is possible soon.
async fn part(mut pair: Pair, mut end: End) -> anyhow::Result<()> {
    pair.exchange()?;
    if pair.client().save_state() != SaveState::Saved {
        output::tell("saving your last changes; Ctrl-C ends at once");
    }
    let saved = tokio::select! {
        saved = pair.saved(LAST_CHANCE) => saved?,
        () = end.wanted() => false,
    };
    if !saved {
        return Err(not_saved(&pair).into());
    }
    pair.leave().await;
    Ok(())
}

async fn once(mut pair: Pair, patience: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        pair.exchange()?;
        if let Some(trouble) = pair.trouble() {
            return Err(Failure::new(trouble, "Nothing was exchanged.").into());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !pair.saved(left).await? {
            return Err(not_saved(&pair).into());
        }
        if pair.is_equal() {
            break;
        }
    }
    pair.report().equal(pair.client().document().text().len())?;
    pair.leave().await;
    Ok(())
}

fn not_saved(pair: &Pair) -> Failure {
    let (file, room) = (pair.file().shown(), &pair.client().config().room);
    let what = format!(
        "The last changes of {file} are not saved in {room} ({}).",
        connect::state_in_words(pair.client().state())
    );
    Failure::new(what, "They are in the file, and are sent when you run the command again.")
}
