//! Keeps what is not saved on this device while the editor is open, so that even its sudden end loses a moment at most.

use std::path::Path;
use std::time::{Duration, Instant};

use collab_client::{Client, SaveState};
use jiff::Timestamp;

use crate::time;
use crate::unsent::{Files, Work};

/// How long a change may be unsaved before it is kept: most are saved by then.
const DELAY: Duration = Duration::from_millis(300);

/// What is kept, and of when.
#[derive(Debug)]
pub struct Keeping {
    files: Files,
    /// When the work of an earlier editor was kept, until it is sent.
    since: Option<u64>,
    /// The client's revision that is kept; none when something else is.
    kept: Option<u64>,
    /// Since when something else is to be kept.
    changed: Option<Instant>,
}

impl Keeping {
    /// Goes on with files, of which `since` tells when the taken ones were written.
    pub fn new(files: Files, since: Option<u64>) -> Self {
        Self { files, since, kept: None, changed: None }
    }

    /// When it was that the work was kept that is being sent, in words.
    pub fn since(&self) -> Option<String> {
        self.since.map(|ms| time::day(ms, Timestamp::now(), time::zone()))
    }

    /// The same, once that work is sent.
    pub fn sent(&mut self, client: &Client) -> Option<String> {
        let sent = self.since().filter(|_| client.save_state() == SaveState::Saved);
        if sent.is_some() {
            self.since = None;
        }
        sent
    }

    /// Whether closing the editor loses nothing.
    pub fn is_kept(&self, client: &Client) -> bool {
        self.kept == Some(client.unsaved_revision())
    }

    /// When [`keep`](Self::keep) has something to do; none while it has not.
    pub fn due_in(&mut self, client: &Client) -> Option<Duration> {
        if self.is_kept(client) {
            self.changed = None;
            return None;
        }
        let changed = *self.changed.get_or_insert_with(Instant::now);
        Some((changed + DELAY).saturating_duration_since(Instant::now()))
    }

    /// Writes down what is not saved, or removes what is by now: where it is.
    ///
    /// # Errors
    /// It cannot be written. It is not tried again before the next change.
    pub fn keep(&mut self, client: &Client) -> anyhow::Result<&Path> {
        (self.kept, self.changed) = (Some(client.unsaved_revision()), None);
        let work = Work::of(client, u64::try_from(Timestamp::now().as_millisecond())?)?;
        match work.filter(|_| client.save_state() != SaveState::Saved) {
            Some(work) => self.files.keep(&work).inspect_err(|_| self.kept = None)?,
            None => self.files.clear(),
        }
        Ok(self.files.path())
    }
}
