//! Local edits: each gives the update that carries it.

use std::collections::HashMap;
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

/// Most comparisons that the lines of a difference may cost, and the characters of each stretch: the product of the lengths. What is
/// beyond is replaced as a whole.
const MAX_EFFORT: usize = 4_000_000;

/// What turns one text into the other, from the end backwards, so that no change moves another: lines first, and characters
/// within lines that were replaced. Lines that came or went stay whole, so that what others put beside them stays beside them.
fn difference<'t>(old: &str, new: &'t str) -> Vec<Change<'t>> {
    let mut changes = Vec::new();
    let (old_lines, new_lines) = (lines(old), lines(new));
    for hunk in hunks(&old_lines, &new_lines) {
        let at = units(&old_lines[..hunk.old.start]);
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

/// Where two lists differ. Where finding out would cost more than the effort that is left, what each has once holds them together,
/// and only what lies between is compared.
fn hunks(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    let (mut hunks, mut effort) = (Vec::new(), MAX_EFFORT);
    let same = |(a, b): &(&&str, &&str)| a == b;
    let front = old.iter().zip(new).take_while(same).count();
    let back = old[front..].iter().rev().zip(new[front..].iter().rev()).take_while(same).count();
    let within = Hunk { old: front..old.len() - back, new: front..new.len() - back };
    compare(within, (old, new), &mut effort, &mut hunks);
    hunks
}

fn compare(within: Hunk, (old, new): (&[&str], &[&str]), effort: &mut usize, hunks: &mut Vec<Hunk>) {
    let (from_old, from_new) = (within.old.start, within.new.start);
    let (ours, theirs) = (&old[within.old.clone()], &new[within.new.clone()]);
    if let Some(left) = effort.checked_sub(ours.len().saturating_mul(theirs.len())) {
        *effort = left;
        let operations = similar::capture_diff_slices(Algorithm::Myers, ours, theirs);
        let changed = operations.into_iter().filter(|operation| operation.tag() != DiffTag::Equal);
        let moved = |range: Range<usize>, by: usize| range.start + by..range.end + by;
        hunks.extend(changed.map(|operation| Hunk {
            old: moved(operation.old_range(), from_old),
            new: moved(operation.new_range(), from_new),
        }));
        return;
    }
    // Looking for what each has once costs as well, and each part may have to be looked through again.
    let left = effort.checked_sub(ours.len() + theirs.len());
    *effort = left.unwrap_or(0);
    let anchors = left.map(|_| rising(&common_once(ours, theirs))).unwrap_or_default();
    if anchors.is_empty() {
        return hunks.push(within);
    }
    let (mut old_at, mut new_at) = (from_old, from_new);
    let ends = [(within.old.end - from_old, within.new.end - from_new)];
    for (old_end, new_end) in anchors.into_iter().chain(ends) {
        let between = Hunk { old: old_at..from_old + old_end, new: new_at..from_new + new_end };
        (old_at, new_at) = (between.old.end + 1, between.new.end + 1);
        compare(between, (old, new), effort, hunks);
    }
}

/// What both lists have exactly once, by its places in both, in the order of the first.
fn common_once(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let (old_places, new_places) = (places(old), places(new));
    let both = old.iter().enumerate().filter_map(|(at, piece)| {
        let once = old_places.get(piece).copied().flatten().is_some();
        Some((at, new_places.get(piece).copied().flatten().filter(|_| once)?))
    });
    both.collect()
}

/// Where each piece is; none for one that comes again.
fn places<'t>(pieces: &[&'t str]) -> HashMap<&'t str, Option<usize>> {
    let mut places = HashMap::with_capacity(pieces.len());
    for (at, piece) in pieces.iter().enumerate() {
        places.entry(*piece).and_modify(|place| *place = None).or_insert(Some(at));
    }
    places
}

/// As many pairs as possible that rise in both places, out of pairs that rise in the first.
fn rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // Of the runs of each length the one whose last pair is lowest, and before each pair the one that it follows.
    let (mut lasts, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    for (index, (_, place)) in pairs.iter().enumerate() {
        let length = lasts.partition_point(|last| pairs[*last].1 < *place);
        before.push(length.checked_sub(1).map(|shorter| lasts[shorter]));
        match lasts.get_mut(length) {
            Some(last) => *last = index,
            None => lasts.push(index),
        }
    }
    let mut run: Vec<_> =
        std::iter::successors(lasts.last().copied(), |index| before[*index]).map(|at| pairs[at]).collect();
    run.reverse();
    run
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
