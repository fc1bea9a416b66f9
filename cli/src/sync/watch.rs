//! Tells when the file may have changed. Its folder is watched, since editors write another file and give it the name.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;

/// What was seen last of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stir {
    /// Somebody has written it, and is done.
    Done,
    /// Somebody is at it, or has taken it away and may bring it back.
    Going,
}

impl Stir {
    /// For how long nothing more must be seen before the file is read.
    pub fn quiet(self) -> Duration {
        match self {
            Self::Done => Duration::from_millis(50),
            Self::Going => Duration::from_secs(1),
        }
    }
}

/// A watched file.
#[derive(Debug)]
pub struct Watch {
    /// Dropped, it watches no more.
    _watcher: RecommendedWatcher,
    stirs: watch::Receiver<Option<Stir>>,
}

impl Watch {
    /// Watches a file, which may be missing.
    ///
    /// # Errors
    /// The system does not let its folder be watched.
    pub fn start(file: &Path) -> anyhow::Result<Self> {
        let (sender, stirs) = watch::channel(None);
        let (watched, folder) = (file.to_owned(), file.parent().context("a file lies in a folder")?);
        let look = move |seen: notify::Result<Event>| {
            // What the system failed to tell may have been about this file.
            let last = *sender.borrow();
            let stir = seen.map_or(Some(Stir::Going), |event| stir(&event, &watched, last));
            if stir.is_some() {
                sender.send_replace(stir);
            }
        };
        let watching = notify::recommended_watcher(look).and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        let _watcher = watching.with_context(|| format!("cannot watch {}", folder.display()))?;
        Ok(Self { _watcher, stirs })
    }

    /// The next time that something is seen; several things at once are the last of them. Cancel safe.
    pub async fn next(&mut self) -> Stir {
        match self.stirs.changed().await {
            Ok(()) => self.stirs.borrow_and_update().unwrap_or(Stir::Going),
            Err(_) => std::future::pending().await,
        }
    }
}

/// What an event says of the file, of which `last` was seen before; none for another file's, and where nothing was written.
fn stir(event: &Event, file: &Path, last: Option<Stir>) -> Option<Stir> {
    if event.need_rescan() {
        return Some(Stir::Going);
    }
    if !event.paths.iter().any(|path| path == file) {
        return None;
    }
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Stir::Done),
        // Both ends of a renaming were told one by one.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        // Times and permissions, which some editors set when they are done.
        EventKind::Modify(ModifyKind::Metadata(_)) => last.or(Some(Stir::Done)),
        _ => Some(Stir::Going),
    }
}
