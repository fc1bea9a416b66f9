//! What a user types: short pieces at random places, some of its own taken back, so that the text stays bounded.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// How many of its pieces a user leaves in the text before it begins to take the oldest back.
pub const KEPT_PIECES: usize = 16;

/// Above this many bytes somebody's text is removed with every edit, whoever wrote it.
const FULL_TEXT_BYTES: usize = 16 * 1024;

/// How many characters are removed from a full text at a time: more than an edit adds.
const REMOVED_CHARS: usize = 24;

/// Some take one UTF-16 unit and several bytes, some take two units.
pub const WORDS: [&str; 8] = ["sea", "salt", "wind", "été", "naïve", "日本", "ok😀", "ink"];

/// One user's hand. It types the same for the same seed and texts.
#[derive(Debug)]
pub struct Typist {
    random: StdRng,
    user: usize,
    typed: u64,
    pieces: VecDeque<String>,
}

/// A change of the text, in UTF-16 units. It always inserts something, so that every edit can be recognised elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub at: u32,
    /// How much is removed there.
    pub delete: u32,
    /// What is put there instead.
    pub insert: String,
}

impl Typist {
    /// The hand of one user.
    pub fn new(seed: u64, user: usize) -> Self {
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(user as u64);
        Self { random: StdRng::seed_from_u64(seed), user, typed: 0, pieces: VecDeque::new() }
    }

    /// The next change of this text.
    pub fn next(&mut self, text: &str) -> Change {
        let range = self.removal(text).unwrap_or_else(|| {
            let at = self.place(text);
            at..at
        });
        let insert = self.piece();
        self.pieces.push_back(insert.clone());
        Change { at: units(&text[..range.start]), delete: units(&text[range]), insert }
    }

    fn piece(&mut self) -> String {
        self.typed += 1;
        let word = WORDS.choose(&mut self.random).unwrap_or(&WORDS[0]);
        format!("{}.{} {word} ", self.user, self.typed)
    }

    /// Bytes to remove: part of a full text, or the oldest of many own pieces, if nobody has written into it.
    fn removal(&mut self, text: &str) -> Option<std::ops::Range<usize>> {
        if text.len() > FULL_TEXT_BYTES {
            let start = self.place(text);
            let len: usize = text[start..].chars().take(REMOVED_CHARS).map(char::len_utf8).sum();
            return Some(start..start + len);
        }
        if self.pieces.len() < KEPT_PIECES {
            return None;
        }
        let piece = self.pieces.pop_front()?;
        let start = text.find(&piece)?;
        Some(start..start + piece.len())
    }

    /// A byte offset between two characters: the end half of the time, as people mostly write on.
    fn place(&mut self, text: &str) -> usize {
        if self.random.random_bool(0.5) {
            return text.len();
        }
        let mut at = self.random.random_range(0..=text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// Length in UTF-16 units.
pub fn units(text: &str) -> u32 {
    text.chars().map(|c| c.len_utf16() as u32).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(text: &str, change: &Change) -> String {
        let units: Vec<u16> = text.encode_utf16().collect();
        let (at, delete) = (change.at as usize, change.delete as usize);
        let mut changed = units[..at].to_vec();
        changed.extend(change.insert.encode_utf16());
        changed.extend(&units[at + delete..]);
        String::from_utf16(&changed).unwrap()
    }

    #[test]
    fn a_seed_and_a_user_give_one_hand() {
        let type_ten = |seed, user| {
            let mut typist = Typist::new(seed, user);
            (0..10).fold(String::new(), |text, _| apply(&text, &typist.next(&text)))
        };
        assert_eq!(type_ten(1, 1), type_ten(1, 1));
        assert_ne!(type_ten(1, 1), type_ten(2, 1));
        assert_ne!(type_ten(1, 1), type_ten(1, 2));
    }

    #[test]
    fn every_change_is_valid_and_inserts_and_the_text_stays_bounded() {
        let mut typists: Vec<_> = (0..10).map(|user| Typist::new(5, user)).collect();
        let (mut text, mut longest, mut removals) = (String::new(), 0, 0);
        for round in 0..4000 {
            let change = typists[round % 10].next(&text);
            assert!((6..=30).contains(&change.insert.len()), "{change:?}");
            removals += usize::from(change.delete > 0);
            text = apply(&text, &change);
            longest = longest.max(text.len());
        }
        assert!(longest < FULL_TEXT_BYTES + 64, "{longest}");
        assert!(removals > 500, "{removals}");
    }
}
