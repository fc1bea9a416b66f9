//! How a file and a room meet: again, or for the first time.

use collab_client::{Event, State};
use collab_proto::{Code, Role};
use tokio::time::timeout;

use super::pair::Pair;
use crate::door;
use crate::failure::Failure;

/// Whose text counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Side {
    /// The room's.
    Room,
    /// The file's.
    File,
}

/// Makes what the two have a common ground, from which [`Pair::exchange`] goes on.
///
/// # Errors
/// A [`Failure`]: both have a text, and nobody said which counts; nothing was changed then.
pub async fn meet(pair: &mut Pair, known: bool, prefer: Option<Side>) -> anyhow::Result<()> {
    let another = pair.client().state() == State::Refused(Code::GenerationChanged);
    if another {
        pair.driver().start_afresh();
        enter(pair).await?;
    }
    let file = pair.look()?;
    let theirs = pair.client().document().text();
    match file {
        // Whoever removed the file wants it anew.
        None => pair.adopt(None),
        Some(_) if known && !another => Ok(()),
        Some(ours) if ours.is_empty() || ours == theirs => pair.adopt(Some(ours)),
        Some(ours) => first(pair, Texts { ours, theirs, another }, prefer),
    }
}

async fn enter(pair: &mut Pair) -> anyhow::Result<()> {
    let live = async {
        while pair.client().state() != State::Live {
            let event: Event = pair.driver().next().await;
            pair.room_event(&event)?;
        }
        Ok(())
    };
    let late = || Failure::new("The room could not be entered.", "Try again later.");
    timeout(door::PATIENCE, live).await.map_err(|_| late())?
}

/// What the two have.
struct Texts {
    ours: String,
    theirs: String,
    /// The file belonged to a room of this name that is no more.
    another: bool,
}

fn first(pair: &mut Pair, texts: Texts, prefer: Option<Side>) -> anyhow::Result<()> {
    let viewer = pair.client().role() == Some(Role::Viewer);
    match prefer {
        Some(Side::File) if viewer => {
            let next = "Use --prefer room, or ask the room's owner for the editors' password.";
            Err(Failure::new("You may read this room but not change it.", next).into())
        }
        Some(Side::Room) => {
            pair.keep_aside(&format!("{} gets the room's text", pair.file().shown()), &texts.ours)?;
            pair.adopt(Some(texts.ours))
        }
        Some(Side::File) if texts.theirs.is_empty() => pair.ground(),
        Some(Side::File) => {
            pair.keep_aside("the room gets the file's text", &texts.theirs)?;
            pair.ground()
        }
        None if texts.theirs.is_empty() && !viewer && !texts.another => pair.ground(),
        None => Err(differ(pair, &texts).into()),
    }
}

fn differ(pair: &Pair, texts: &Texts) -> Failure {
    let (file, room) = (pair.file().shown(), &pair.client().config().room);
    let why = if texts.another {
        format!("{room} was restored or made anew since {file} was kept equal to it")
    } else {
        "they were never kept equal on this machine".to_owned()
    };
    let what = format!(
        "{file} ({} bytes) and {room} ({} bytes) differ, and {why}, so nobody can tell which changes are new.",
        texts.ours.len(),
        texts.theirs.len()
    );
    let next = "Nothing was changed. --prefer room puts the room's text into the file, --prefer file the file's into the room; \
                the other text is kept in a copy beside the file.";
    Failure::new(what, next)
}
