//! What must hold, and what has to be known to say so.

use std::collections::BTreeSet;

use bytes::Bytes;
use collab_document::Document;
use collab_proto::{Generation, RoomName};
use collab_server::store::StoredRoom;

/// One copy of a text, from when a person began it to when they gave it up.
#[derive(Debug, Default)]
pub struct Life {
    /// To which life of the room's text it belongs, once it was on a server.
    pub generation: Option<Generation>,
    /// What was written into it here.
    pub written: BTreeSet<char>,
    /// What was removed from it here.
    pub removed: BTreeSet<char>,
    /// The edits whose `Saved` was seen.
    pub saved: Vec<Bytes>,
}

/// Everything that people did, and the rules.
#[derive(Debug, Default)]
pub struct Truth {
    lives: Vec<(RoomName, Life)>,
    next_char: u32,
}

impl Truth {
    pub(super) fn begin(&mut self, room: &RoomName) -> usize {
        self.lives.push((room.clone(), Life::default()));
        self.lives.len() - 1
    }

    pub(super) fn life(&mut self, life: usize) -> &mut Life {
        &mut self.lives[life].1
    }

    /// A character that was not written before: one in four takes two UTF-16 units.
    pub(super) fn new_char(&mut self) -> char {
        self.next_char += 1;
        let base = if self.next_char.is_multiple_of(4) { 0x2_0000 } else { 0x4E00 };
        // Wraps around only after more than any run writes.
        char::from_u32(base + self.next_char % 0x5000).unwrap_or('?')
    }

    /// Copies of two generations are never merged.
    pub(super) fn belongs(&mut self, life: usize, generation: Option<Generation>) -> Result<(), String> {
        let life = &mut self.lives[life].1;
        match (life.generation, generation) {
            (None, Some(_)) => life.generation = generation,
            (Some(before), Some(now)) if before != now => {
                return Err(format!("a copy of generation {before} was merged into generation {now}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whatever was told to be saved is in the store.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn check_saved(&self, stored: &StoredRoom) -> Result<(), String> {
        let mut document = load(stored)?;
        for life in self.lives_of(stored) {
            for update in &life.saved {
                match document.load(update) {
                    Ok(applied) if !applied.changed => {}
                    Ok(_) => return Err("an edit that was told to be saved is not in the store".into()),
                    Err(error) => {
                        return Err(format!("an edit that was told to be saved is not in the store: {error}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The text is what people wrote less what they removed: nothing is gone, nothing is there twice, nothing came back.
    ///
    /// # Errors
    ///
    /// The first character that should or should not be there.
    pub fn check_text(&self, stored: &StoredRoom) -> Result<(), String> {
        let text = load(stored)?.text();
        let mut present = BTreeSet::new();
        if let Some(twice) = text.chars().find(|c| !present.insert(*c)) {
            return Err(format!("{twice:?} is in the text twice"));
        }
        let written: BTreeSet<char> = self.lives_of(stored).flat_map(|life| life.written.iter().copied()).collect();
        let removed: BTreeSet<char> = self.lives_of(stored).flat_map(|life| life.removed.iter().copied()).collect();
        let expected: BTreeSet<char> = written.difference(&removed).copied().collect();
        if let Some(lost) = expected.difference(&present).next() {
            return Err(format!("{lost:?} was written and is gone"));
        }
        if let Some(strange) = present.difference(&expected).next() {
            let why = if removed.contains(strange) { "was removed and came back" } else { "is of another generation" };
            return Err(format!("{strange:?} {why}"));
        }
        Ok(())
    }

    fn lives_of(&self, stored: &StoredRoom) -> impl Iterator<Item = &Life> {
        let (room, generation) = (stored.record.name.clone(), stored.record.generation);
        let lives = self.lives.iter().filter(move |(name, life)| *name == room && life.generation == Some(generation));
        lives.map(|(_, life)| life)
    }
}

/// The text as somebody who starts anew would read it.
pub fn load(stored: &StoredRoom) -> Result<Document, String> {
    let mut document = Document::new(1);
    for update in stored.snapshot.iter().chain(&stored.updates) {
        document.load(update).map_err(|error| format!("what is stored cannot be loaded: {error}"))?;
    }
    Ok(document)
}
