//! What a light user writes: a chain of its own characters, known by their clocks alone.
//!
//! The user knows nothing of what others write, as if it had been offline all the time: each piece stands behind, or within,
//! what it wrote itself, and the first one anywhere in the room's text. That is a history which an honest editor could have
//! had, so the server's rules let it pass, and the server's work is the same.

use std::collections::VecDeque;

use collab_document::ROOT;
use collab_proto::{ClientId, Cursor, Position};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::trace::Replay;
use super::typist::{KEPT_PIECES, WORDS, units};
use crate::options::load::Writes;

/// A run of characters that a user puts into its own text at once, and what it removes with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The clock of its first character.
    pub start: u32,
    /// One past the clock of its last.
    pub end: u32,
    /// The character of the user's own that it stands behind.
    pub left: Option<u32>,
    /// The character of the user's own that it stands before.
    pub right: Option<u32>,
    /// The characters; at least one.
    pub text: String,
    /// Clocks of earlier characters that go: from, and up to but not including.
    pub removed: Vec<(u32, u32)>,
}

/// One user's hand. It writes the same for the same seed.
#[derive(Debug)]
pub struct Hand {
    random: StdRng,
    clock: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Words(Words),
    Trace(Replay),
}

/// Words one after the other.
#[derive(Debug)]
struct Words {
    user: usize,
    typed: u64,
    least_bytes: usize,
    /// Clocks of the pieces that are still in the text.
    kept: VecDeque<(u32, u32)>,
}

impl Hand {
    /// The hand of one user, which writes this; words have so many bytes at least.
    pub fn new(seed: u64, user: usize, writes: Writes, least_bytes: usize) -> Self {
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(user as u64);
        let kind = match writes {
            Writes::Words => Kind::Words(Words { user, typed: 0, least_bytes, kept: VecDeque::new() }),
            Writes::Trace => Kind::Trace(Replay::default()),
        };
        Self { random: StdRng::seed_from_u64(seed), clock: 0, kind }
    }

    /// The next edit.
    pub fn write(&mut self) -> Piece {
        let piece = match &mut self.kind {
            Kind::Words(words) => words.write(&mut self.random, self.clock),
            Kind::Trace(replay) => replay.write(self.clock),
        };
        self.clock = piece.end;
        piece
    }

    /// A cursor beside one of its newest characters.
    pub fn cursor(&mut self, client: ClientId) -> Cursor {
        let clock = self.clock.checked_sub(1 + self.random.random_range(0..8));
        let head = clock.map_or(Position::End, |clock| Position::After { client, clock });
        Cursor { anchor: head, head }
    }
}

impl Words {
    /// A word behind the last one. From the seventeenth on, the oldest that is still there goes, so that the text stays short.
    fn write(&mut self, random: &mut StdRng, start: u32) -> Piece {
        self.typed += 1;
        let word = WORDS.choose(random).unwrap_or(&WORDS[0]);
        let mut text = format!("{}.{} {word} ", self.user, self.typed);
        while text.len() < self.least_bytes {
            text.push_str("and on ");
        }
        let end = start + units(&text);
        let removed = if self.kept.len() < KEPT_PIECES { None } else { self.kept.pop_front() };
        self.kept.push_back((start, end));
        let left = start.checked_sub(1);
        Piece { start, end, left, right: None, text, removed: removed.into_iter().collect() }
    }
}

/// Consecutive pieces of one replica as a Yjs update, format v1.
///
/// Numbers are varints of seven bits a byte, least significant first. One section: 1, how many items, the client, the first
/// clock; each item: its kind (4, text) with flags for a left and a right neighbour, the neighbours as client and clock, or 1
/// and the root's name when it has none, and its text. Then the deletions: 1 or 0 clients, the client, how many ranges, each
/// with its start and length. See <https://github.com/yjs/yjs/blob/main/src/utils/UpdateEncoder.js>.
pub fn encode<'p>(client: u64, pieces: impl Iterator<Item = &'p Piece> + Clone) -> Vec<u8> {
    const TEXT: u8 = 4;
    const HAS_LEFT: u8 = 0x80;
    const HAS_RIGHT: u8 = 0x40;
    let mut out = Vec::with_capacity(96);
    let start = pieces.clone().next().map_or(0, |piece| piece.start);
    for number in [1, pieces.clone().count() as u64, client, start.into()] {
        put(&mut out, number);
    }
    for piece in pieces.clone() {
        let flag = |neighbour: Option<u32>, flag| if neighbour.is_some() { flag } else { 0 };
        out.push(TEXT | flag(piece.left, HAS_LEFT) | flag(piece.right, HAS_RIGHT));
        for clock in piece.left.into_iter().chain(piece.right) {
            put(&mut out, client);
            put(&mut out, clock.into());
        }
        if piece.left.is_none() && piece.right.is_none() {
            put(&mut out, 1);
            put_string(&mut out, ROOT);
        }
        put_string(&mut out, &piece.text);
    }
    put_deletions(&mut out, client, pieces.flat_map(|piece| piece.removed.iter().copied()).collect());
    out
}

fn put_deletions(out: &mut Vec<u8>, client: u64, mut ranges: Vec<(u32, u32)>) {
    if ranges.is_empty() {
        return put(out, 0);
    }
    ranges.sort_unstable();
    for number in [1, client, ranges.len() as u64] {
        put(out, number);
    }
    for (start, end) in ranges {
        put(out, start.into());
        put(out, (end - start).into());
    }
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Next clocks by client as a Yjs state vector, format v1.
pub fn encode_state_vector(next: &[(u64, u32)]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, next.len() as u64);
    for (client, clock) in next.iter().rev() {
        put(&mut out, *client);
        put(&mut out, (*clock).into());
    }
    out
}

#[cfg(test)]
mod tests {
    use collab_document::{Document, Section, sections};

    use super::*;

    const ANN: u64 = 77;
    const BEN: u64 = (1 << 53) - 1;

    fn words(seed: u64, user: usize) -> Hand {
        Hand::new(seed, user, Writes::Words, 0)
    }

    fn write(document: &mut Document, client: u64, hand: &mut Hand) -> Piece {
        let piece = hand.write();
        let update = encode(client, [&piece].into_iter());
        assert_eq!(sections(&update).unwrap(), [Section { client, start: piece.start, end: piece.end }]);
        document.apply(&update, |_| false).unwrap();
        piece
    }

    #[test]
    fn what_two_hands_write_without_knowing_of_each_other_is_taken_and_stays_short() {
        let mut document = Document::new(1);
        let (mut ann, mut ben) = (words(1, 0), words(1, 1));
        let mut last = (String::new(), String::new());
        for _ in 0..200 {
            last.0 = write(&mut document, ANN, &mut ann).text;
            last.1 = write(&mut document, BEN, &mut ben).text;
        }
        let text = document.text();
        assert!(text.contains(&last.0) && text.contains(&last.1), "{text}");
        assert_eq!(text.matches("0.").count(), KEPT_PIECES, "{text}");
        assert!(text.len() < 2 * KEPT_PIECES * 32, "{}", text.len());
    }

    #[test]
    fn pieces_that_waited_go_as_one_update_and_what_is_known_may_come_again() {
        let mut document = Document::new(1);
        let mut hand = words(3, 0);
        let pieces: Vec<_> = (0..40).map(|_| hand.write()).collect();
        document.apply(&encode(ANN, pieces[..10].iter()), |_| false).unwrap();
        document.apply(&encode(ANN, pieces[5..].iter()), |_| false).unwrap();
        let wanted: String = pieces[40 - KEPT_PIECES..].iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(document.text(), wanted);
    }

    #[test]
    fn a_word_may_be_long() {
        let mut hand = Hand::new(1, 0, Writes::Words, 2000);
        let piece = hand.write();
        assert!((2000..2010).contains(&piece.text.len()) && piece.end == piece.text.encode_utf16().count() as u32);
    }

    #[test]
    fn a_seed_and_a_user_give_one_hand() {
        let ten = |seed, user| {
            let mut hand = words(seed, user);
            (0..10).map(|_| hand.write()).collect::<Vec<_>>()
        };
        assert_eq!(ten(1, 1), ten(1, 1));
        assert_ne!(ten(1, 1), ten(2, 1));
        assert_ne!(ten(1, 1), ten(1, 2));
    }

    #[test]
    fn a_state_vector_is_one_that_the_text_understands() {
        let mut document = Document::new(1);
        let mut hand = words(1, 0);
        let pieces = [write(&mut document, ANN, &mut hand), write(&mut document, ANN, &mut hand)];
        let known = encode_state_vector(&[(ANN, pieces[0].end), (BEN, 3)]);
        let missing = document.diff(&known).unwrap();
        assert_eq!(sections(&missing).unwrap(), [Section { client: ANN, start: pieces[1].start, end: pieces[1].end }]);
    }
}
