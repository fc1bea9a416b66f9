//! When file and room are compared next.

use std::time::Duration;

use tokio::time::Instant;

use super::watch::Stir;

/// How long changes of the room are gathered before the file is written.
const GATHER: Duration = Duration::from_millis(200);

/// A file that somebody writes without end is read after this time all the same.
const LONGEST: Duration = Duration::from_secs(5);

/// The next comparison.
#[derive(Debug, Default)]
pub struct Turn {
    /// When the room's changes are due.
    room: Option<Instant>,
    /// When the file was first seen to change, and until when it is left alone.
    file: Option<(Instant, Instant)>,
}

impl Turn {
    /// The room's text has changed.
    pub fn room_changed(&mut self) {
        self.room.get_or_insert_with(|| Instant::now() + GATHER);
    }

    /// The file may have changed.
    pub fn file_stirred(&mut self, stir: Stir) {
        let now = Instant::now();
        let first = self.file.map_or(now, |(first, _)| first);
        self.file = Some((first, (now + stir.quiet()).min(first + LONGEST)));
    }

    /// When to compare; none while nothing happened. A file at which somebody is comes first: half of it is nothing to merge.
    pub fn due(&self) -> Option<Instant> {
        self.file.map(|(_, until)| until).or(self.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_being_written_is_left_alone_but_not_for_ever() {
        let mut turn = Turn::default();
        assert_eq!(turn.due(), None);
        turn.room_changed();
        let room = turn.due();
        turn.room_changed();
        assert_eq!(turn.due(), room, "changes are gathered for a time that does not grow");
        turn.file_stirred(Stir::Going);
        let (first, _) = turn.file.unwrap();
        assert!(turn.due() > room);
        turn.file_stirred(Stir::Done);
        assert!(turn.due().unwrap() < first + Stir::Going.quiet());
        turn.file = Some((first - LONGEST, first));
        turn.file_stirred(Stir::Going);
        assert_eq!(turn.due(), Some(first));
    }
}
