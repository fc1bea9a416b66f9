//! Local edits: each gives the update that carries it.

use std::ops::Range;

use similar::{Algorithm, DiffTag};
use yrs::{Assoc, Text, Transact};

use crate::inspect::{Id, utf16_len};
use crate::{Document, EMPTY_UPDATE, Poisoned, SpliceError};

/// One replacement, in UTF-16 code units.
struct Change<'c> {
    at: u32,
    delete: u32,
    insert: &'c str,
}

impl Document {
    /// Replaces `delete` UTF-16 code units at `at` by `insert`, and gives the update that carries it: [`EMPTY_UPDATE`] when
    /// there is nothing to do.
    pub fn splice(&mut self, at: u32, delete: u32, insert: &str) -> Result<Vec<u8>, SpliceError> {
        let end = at.checked_add(delete).ok_or(SpliceError::OutOfBounds)?;
        if end > self.len() {
            return Err(if self.is_poisoned() { SpliceError::Poisoned } else { SpliceError::OutOfBounds });
        }
        if self.is_inside_character(at) || self.is_inside_character(end) {
            return Err(SpliceError::SplitCharacter);
        }
        if delete == 0 && insert.is_empty() {
            return Ok(EMPTY_UPDATE.to_vec());
        }
        Ok(self.change(&[Change { at, delete, insert }])?)
    }

    fn is_inside_character(&self, at: u32) -> bool {
        let next = self.sticky(at, Assoc::After);
        next.is_some_and(|id| self.known.cuts_pair(Id { client: id.client.get(), clock: id.clock }))
    }

    /// Makes all changes in one transaction, in the order given; each counts in the text as the ones before left it.
    fn change(&mut self, changes: &[Change<'_>]) -> Result<Vec<u8>, Poisoned> {
        let update = self.guarded(|| {
            let mut transaction = self.doc.transact_mut();
            for change in changes {
                self.text.remove_range(&mut transaction, change.at, change.delete);
                self.text.insert(&mut transaction, change.at, change.insert);
            }
            transaction.commit();
            transaction.encode_update_v1()
        })?;
        self.remember(&update)?;
        Ok(update)
    }
}

impl Document {
    /// Makes the text equal to `text` by a small edit, and gives the update that carries it: [`EMPTY_UPDATE`] when it is equal
    /// already, or when the document is [poisoned](Document::is_poisoned).
    pub fn set_text(&mut self, text: &str) -> Vec<u8> {
        let old = self.text();
        let changes = difference(&old, text);
        if changes.is_empty() {
            return EMPTY_UPDATE.to_vec();
        }
        self.change(&changes).unwrap_or_else(|_| EMPTY_UPDATE.to_vec())
    }
}

/// Most comparisons that a difference may cost: the product of the lengths. Beyond, the whole stretch is replaced.
const MAX_EFFORT: usize = 4_000_000;

/// What turns one text into the other, from the end backwards, so that no change moves another: lines first, and characters
/// within lines that were replaced.
fn difference<'t>(old: &str, new: &'t str) -> Vec<Change<'t>> {
    let mut changes = Vec::new();
    let (old, new, at) = strip_common(old, new, 0);
    let (old_lines, new_lines) = (lines(old), lines(new));
    for hunk in hunks(&old_lines, &new_lines) {
        let at = at + units(&old_lines[..hunk.old.start]);
        let (old, new) = (joined(old, &old_lines, &hunk.old), joined(new, &new_lines, &hunk.new));
        characters(old, new, at, &mut changes);
    }
    changes.reverse();
    changes
}

/// The changes within one stretch, by characters.
fn characters<'t>(old: &str, new: &'t str, at: u32, changes: &mut Vec<Change<'t>>) {
    let (old, new, at) = strip_common(old, new, at);
    let (old_chars, new_chars) = (pieces(old), pieces(new));
    for hunk in hunks(&old_chars, &new_chars) {
        let start = at + units(&old_chars[..hunk.old.start]);
        let delete = units(&old_chars[hunk.old.clone()]);
        changes.push(Change { at: start, delete, insert: joined(new, &new_chars, &hunk.new) });
    }
}

struct Hunk {
    old: Range<usize>,
    new: Range<usize>,
}

/// Where two lists differ; all in one when finding out would cost too much.
fn hunks(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    if old.len().saturating_mul(new.len()) > MAX_EFFORT {
        return vec![Hunk { old: 0..old.len(), new: 0..new.len() }];
    }
    let operations = similar::capture_diff_slices(Algorithm::Myers, old, new);
    let changed = operations.into_iter().filter(|operation| operation.tag() != DiffTag::Equal);
    changed.map(|operation| Hunk { old: operation.old_range(), new: operation.new_range() }).collect()
}

/// Both texts without what they begin and end with in common, and where the rest begins.
fn strip_common<'o, 'n>(old: &'o str, new: &'n str, at: u32) -> (&'o str, &'n str, u32) {
    let same = |(a, b): &(char, char)| a == b;
    let prefix: usize = old.chars().zip(new.chars()).take_while(same).map(|(char, _)| char.len_utf8()).sum();
    let at = at + utf16_len(&old[..prefix]) as u32;
    let (old, new) = (&old[prefix..], &new[prefix..]);
    let backwards = old.chars().rev().zip(new.chars().rev());
    let suffix: usize = backwards.take_while(same).map(|(char, _)| char.len_utf8()).sum();
    (&old[..old.len() - suffix], &new[..new.len() - suffix], at)
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn pieces(text: &str) -> Vec<&str> {
    text.char_indices().map(|(at, char)| &text[at..at + char.len_utf8()]).collect()
}

fn units(pieces: &[&str]) -> u32 {
    pieces.iter().map(|piece| utf16_len(piece) as u32).sum()
}

/// The stretch of `text` that these of its pieces make up.
fn joined<'t>(text: &'t str, pieces: &[&str], range: &Range<usize>) -> &'t str {
    let len = |pieces: &[&str]| pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let start = len(&pieces[..range.start]);
    &text[start..start + len(&pieces[range.clone()])]
}
