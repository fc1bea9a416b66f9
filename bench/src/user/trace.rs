//! The history of a real document, written by one user from its own characters alone.
//!
//! `scripts/record-trace` makes such a history; its documentation says what is in a line.

use std::sync::OnceLock;

use super::hand::Piece;
use super::typist::units;

const HISTORY: &str = include_str!("../../traces/readme.tsv");

/// A change: where, in UTF-16 units of the text so far, how much goes, and what comes instead.
#[derive(Debug)]
struct Change {
    at: usize,
    gone: usize,
    text: String,
}

/// All changes, oldest first. The first one is the whole text as it began.
fn history() -> &'static [Change] {
    static CHANGES: OnceLock<Vec<Change>> = OnceLock::new();
    CHANGES.get_or_init(|| HISTORY.lines().filter_map(parse).collect())
}

/// A test holds every line of the history against this.
fn parse(line: &str) -> Option<Change> {
    let mut fields = line.splitn(3, '\t');
    let (at, gone) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Change { at, gone, text: serde_json::from_str(fields.next()?).ok()? })
}

/// How far a user is, and what it has written.
#[derive(Debug, Default)]
pub struct Replay {
    next: usize,
    /// Every character ever written, from left to right: its clock, and whether it is still there.
    chain: Vec<(u32, bool)>,
}

impl Replay {
    /// The changes up to the next one that puts something in, from the beginning again after the last one.
    pub fn write(&mut self, start: u32) -> Piece {
        let mut removed = Vec::new();
        loop {
            if self.next == 0 {
                removed.extend(self.remove(0, usize::MAX));
            }
            let Change { at, gone, text } = &history()[self.next];
            self.next = (self.next + 1) % history().len();
            removed.extend(self.remove(*at, *gone));
            if !text.is_empty() {
                return self.insert(start, *at, text, joined(removed));
            }
        }
    }

    fn insert(&mut self, start: u32, at: usize, text: &str, removed: Vec<(u32, u32)>) -> Piece {
        let place = if at == 0 { 0 } else { self.living().nth(at - 1).map_or(self.chain.len(), |index| index + 1) };
        let end = start + units(text);
        let left = place.checked_sub(1).map(|index| self.chain[index].0);
        let right = self.chain.get(place).map(|(clock, _)| *clock);
        self.chain.splice(place..place, (start..end).map(|clock| (clock, true)));
        Piece { start, end, left, right, text: text.to_owned(), removed }
    }

    /// The clocks of what goes.
    fn remove(&mut self, at: usize, gone: usize) -> Vec<u32> {
        let indices: Vec<usize> = self.living().skip(at).take(gone).collect();
        indices.iter().for_each(|index| self.chain[*index].1 = false);
        indices.iter().map(|index| self.chain[*index].0).collect()
    }

    /// Where in the chain the characters are that are still there.
    fn living(&self) -> impl Iterator<Item = usize> + '_ {
        self.chain.iter().enumerate().filter(|(_, (_, lives))| *lives).map(|(index, _)| index)
    }
}

/// Clocks as ranges.
fn joined(mut clocks: Vec<u32>) -> Vec<(u32, u32)> {
    clocks.sort_unstable();
    let ranges = clocks.chunk_by(|a, b| a + 1 == *b);
    ranges.map(|range| (range[0], range[range.len() - 1] + 1)).collect()
}

#[cfg(test)]
mod tests {
    use collab_document::Document;

    use super::super::hand::encode;
    use super::*;

    /// The text after so many changes, by plain string handling.
    fn text_after(changes: usize) -> String {
        let mut units: Vec<u16> = Vec::new();
        for Change { at, gone, text } in &history()[..changes] {
            units.splice(at..&(at + gone), text.encode_utf16());
        }
        String::from_utf16(&units).unwrap()
    }

    #[test]
    fn every_line_of_the_history_is_read_and_it_is_worth_replaying() {
        assert_eq!(history().len(), HISTORY.lines().count());
        let is = |what: &dyn Fn(&Change) -> bool| history().iter().filter(|change| what(change)).count();
        assert!(history().len() > 150 && is(&|change| change.gone > 0) > 10 && is(&|change| change.at > 0) > 100);
        let all_bmp = history().iter().all(|change| change.text.chars().all(|c| c.len_utf16() == 1));
        assert!(all_bmp, "positions may be anywhere");
    }

    #[test]
    fn a_replay_gives_the_document_again_and_again_beside_what_others_write() {
        let (mut document, mut replays) = (Document::new(1), [Replay::default(), Replay::default()]);
        let mut clocks = [0, 0];
        let edits = history().iter().filter(|change| !change.text.is_empty()).count();
        for _ in 0..edits + 20 {
            for (user, client) in [(0, 70), (1, 1 << 52)] {
                let piece = replays[user].write(clocks[user]);
                clocks[user] = piece.end;
                document.apply(&encode(client, [&piece].into_iter()), |_| false).unwrap();
            }
        }
        let one = text_after(replays[0].next);
        assert_eq!(document.text().len(), 2 * one.len());
        let mut alone = Document::new(2);
        let (mut replay, mut clock) = (Replay::default(), 0);
        for _ in 0..edits {
            let piece = replay.write(clock);
            clock = piece.end;
            alone.apply(&encode(9, [&piece].into_iter()), |_| false).unwrap();
        }
        assert_eq!(alone.text(), text_after(history().len()));
    }
}
