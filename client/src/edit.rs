//! Local edits: the text changes at once, and what carries the change goes to the outbox.

use std::time::Instant;

use collab_document::{Document, EMPTY_UPDATE, SpliceError};
use collab_proto::Role;

use crate::Client;
use crate::config::EditError;

impl Client {
    /// A text is written in pieces of at most this many UTF-16 units, so that a large paste fits into several edits.
    const PIECE_UNITS: u32 = 16 * 1024;
    /// What one UTF-16 unit takes at most in an update, in bytes, with the piece's share of structure.
    const BYTES_PER_UNIT: u32 = 4;

    /// Replaces `delete` UTF-16 units at `at` by `insert`. The text changes at once, also offline.
    ///
    /// # Errors
    ///
    /// [`EditError`]; the text is as before.
    pub fn splice(&mut self, now: Instant, at: u32, delete: u32, insert: &str) -> Result<(), EditError> {
        self.now = now;
        self.check_may_edit()?;
        if delete == 0 && insert.is_empty() {
            return Ok(());
        }
        let len = self.document.len();
        if at.checked_add(delete).is_none_or(|end| end > len) {
            return Err(EditError::OutOfRange { at, delete, len });
        }
        self.splice_pieces(at, delete, insert).map_err(|error| match error {
            SpliceError::Poisoned => EditError::Document(error.to_string()),
            _ => EditError::OutOfRange { at, delete, len },
        })
    }

    /// Makes the text equal to `text` by a small edit, so that others keep their cursors and their own changes.
    ///
    /// # Errors
    ///
    /// As [`splice`](Self::splice).
    pub fn set_text(&mut self, now: Instant, text: &str) -> Result<(), EditError> {
        self.now = now;
        self.check_may_edit()?;
        let old = self.document.text();
        if old == text {
            return Ok(());
        }
        match self.small_difference(text) {
            Some(update) => self.take_up(update),
            None => self.replace_middle(now, &old, text),
        }
    }

    /// Merges a change of this side that was made on another replica: one that writes under this client's id and has every change
    /// of this side, but not all that others wrote since. `update` is what a local edit gave there, of any length.
    ///
    /// # Errors
    ///
    /// [`EditError::ReadOnly`], and [`EditError::Document`] for an update that does not fit.
    pub fn merge_own(&mut self, now: Instant, update: Vec<u8>) -> Result<(), EditError> {
        self.now = now;
        self.check_may_edit()?;
        if update == EMPTY_UPDATE { Ok(()) } else { self.take_up(update) }
    }

    fn take_up(&mut self, update: Vec<u8>) -> Result<(), EditError> {
        self.document.load(&update).map_err(|error| EditError::Document(error.to_string()))?;
        self.outbox.push(update);
        Ok(())
    }

    /// The fine difference to `text`, found on a copy; none when it does not fit into one edit.
    fn small_difference(&self, text: &str) -> Option<Vec<u8>> {
        let mut copy = Document::new(self.document.client_id());
        copy.load(&self.document.state().ok()?).ok()?;
        let update = copy.set_text(text);
        (update.len() <= self.policy().max_update_bytes as usize && update != EMPTY_UPDATE).then_some(update)
    }

    /// Replaces everything between what both have in front and behind.
    fn replace_middle(&mut self, now: Instant, old: &str, text: &str) -> Result<(), EditError> {
        let front = common_front(old, text);
        let back = common_back(&old[front..], &text[front..]);
        let units = |text: &str| text.encode_utf16().count() as u32;
        let delete = units(&old[front..old.len() - back]);
        self.splice(now, units(&old[..front]), delete, &text[front..text.len() - back])
    }

    fn check_may_edit(&self) -> Result<(), EditError> {
        match self.role() {
            Some(Role::Viewer) => Err(EditError::ReadOnly),
            Some(Role::Editor | Role::Owner) | None => Ok(()),
        }
    }

    /// A small edit is one piece. The first piece of a large one shows whether its place is valid.
    fn splice_pieces(&mut self, at: u32, delete: u32, insert: &str) -> Result<(), SpliceError> {
        let piece = (self.policy().max_update_bytes / Self::BYTES_PER_UNIT).clamp(16, Self::PIECE_UNITS);
        let mut insert = insert;
        let mut at = at;
        if delete <= piece {
            let (first, rest) = split_units(insert, piece);
            self.splice_piece(at, delete, first)?;
            at += first.encode_utf16().count() as u32;
            insert = rest;
        } else {
            self.delete_pieces(at, delete, piece)?;
        }
        while !insert.is_empty() {
            let (first, rest) = split_units(insert, piece);
            self.splice_piece(at, 0, first)?;
            at += first.encode_utf16().count() as u32;
            insert = rest;
        }
        Ok(())
    }

    /// Removes from the back, so that a cut through a character at either end is found before anything is gone.
    fn delete_pieces(&mut self, at: u32, delete: u32, piece: u32) -> Result<(), SpliceError> {
        let removed: Vec<u16> = self.document.text().encode_utf16().skip(at as usize).take(delete as usize).collect();
        if is_low(removed.first()) || is_high(removed.last()) {
            return Err(SpliceError::SplitCharacter);
        }
        let mut end = removed.len();
        while end > 0 {
            let mut start = end.saturating_sub(piece as usize);
            start -= usize::from(start > 0 && is_low(removed.get(start)));
            self.splice_piece(at + start as u32, (end - start) as u32, "")?;
            end = start;
        }
        Ok(())
    }

    fn splice_piece(&mut self, at: u32, delete: u32, insert: &str) -> Result<(), SpliceError> {
        let update = self.document.splice(at, delete, insert)?;
        self.outbox.push(update);
        Ok(())
    }
}

/// The first `units` UTF-16 units of `text` or less, so that no character is cut, and the rest.
fn split_units(text: &str, units: u32) -> (&str, &str) {
    let mut left = units as usize;
    let fits = |(at, c): (usize, char)| match left.checked_sub(c.len_utf16()) {
        Some(rest) => {
            left = rest;
            None
        }
        None => Some(at),
    };
    let at = text.char_indices().find_map(fits).unwrap_or(text.len());
    text.split_at(at)
}

fn common_front(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum()
}

fn common_back(a: &str, b: &str) -> usize {
    a.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum()
}

fn is_low(unit: Option<&u16>) -> bool {
    unit.is_some_and(|unit| (0xdc00..0xe000).contains(unit))
}

fn is_high(unit: Option<&u16>) -> bool {
    unit.is_some_and(|unit| (0xd800..0xdc00).contains(unit))
}
