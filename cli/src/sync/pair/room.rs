//! What happens in the room, to a pair.

use std::time::{Duration, Instant};

use collab_client::{Event, SaveState, State};
use collab_proto::Code;
use tokio::time::timeout;

use super::{Pair, READS_ONLY};
use crate::failure::{Failure, refusal};
use crate::{connect, output};

impl Pair {
    /// Takes note of what happened in the room: whether its text may have changed.
    ///
    /// # Errors
    /// A [`Failure`]: the room is closed to us.
    pub fn room_event(&mut self, event: &Event) -> anyhow::Result<bool> {
        let room = self.client().config().room.clone();
        match event {
            Event::TextChanged { .. } => return Ok(true),
            Event::StateChanged(State::Live) => {
                output::tell("connected");
                self.finish_yielding()?;
                return Ok(true);
            }
            Event::StateChanged(State::Backoff { .. }) => {
                output::tell("connection lost, trying again; the file is kept")
            }
            Event::Saved { .. } => self.note_saved()?,
            Event::Refused { code: Code::GenerationChanged, .. } => return Err(another_room(room.as_str()).into()),
            Event::Refused { code, message, .. } if code.is_permanent() => {
                return Err(refusal(*code, message, room.as_str()).into());
            }
            Event::Unreachable { reason, permanent: true } => return Err(connect::unreachable(reason)),
            Event::Rejected { code: Code::ReadOnly, .. } => self.yield_to_room()?,
            // What is refused for now goes again by itself.
            Event::Rejected { code, message, retry_after: None, .. } => {
                self.report.trouble(&refusal(*code, message, room.as_str()))?;
            }
            _ => {}
        }
        Ok(false)
    }

    fn note_saved(&mut self) -> anyhow::Result<()> {
        if self.unsaved && self.client().save_state() == SaveState::Saved {
            self.unsaved = false;
            self.base.keep(&self.work(&self.shadow)?)?;
            self.report.saved()?;
        }
        Ok(())
    }

    /// The right to write was lost with changes on the way: they go into a copy, and the room's own text is asked for.
    fn yield_to_room(&mut self) -> anyhow::Result<()> {
        if self.yields.is_some() {
            return Ok(());
        }
        let text = self.look()?.unwrap_or_else(|| self.client().document().text());
        self.keep_aside(READS_ONLY, &text)?;
        (self.yields, self.unsaved) = (Some(text), false);
        self.driver.start_afresh();
        Ok(())
    }

    /// The room's own text is here.
    fn finish_yielding(&mut self) -> anyhow::Result<()> {
        let Some(copied) = self.yields.take() else { return Ok(()) };
        let text = self.look()?;
        if let Some(text) = text.as_ref().filter(|text| **text != copied) {
            self.keep_aside(READS_ONLY, text)?;
        }
        self.adopt(text)
    }

    /// Waits until everything is saved, within a time; whether it is.
    ///
    /// # Errors
    /// As [`room_event`](Self::room_event).
    pub async fn saved(&mut self, within: Duration) -> anyhow::Result<bool> {
        let deadline = Instant::now() + within;
        while self.client().save_state() != SaveState::Saved || self.yields.is_some() {
            match timeout(deadline.saturating_duration_since(Instant::now()), self.driver.next()).await {
                Ok(event) => self.room_event(&event).map(drop)?,
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Leaves the room in order.
    pub async fn leave(self) {
        connect::leave(self.driver).await;
    }
}

/// The room is another one than the file belonged to.
fn another_room(room: &str) -> Failure {
    let what = format!("{room} was restored or made anew, and the file has its old text.");
    Failure::new(what, "Nothing was changed. Start again to be told how the two differ.")
}
