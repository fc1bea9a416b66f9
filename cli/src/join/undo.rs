//! Undo and redo of one's own changes, and of nobody else's.
//!
//! Every UTF-16 unit that was ever written has an id in the shared text. A change remembers the ids it added, and the ids and
//! the text it removed. To take it back, those of its units that still stand are removed, wherever others have moved them to,
//! and what it removed is written again beside its old neighbour. Text that is written again has new ids, so earlier changes
//! find their units through `moved`.

use std::collections::HashMap;

use collab_client::{Document, EditError};
use collab_document::{Anchor, Side};

use super::editor::Splice;

/// Changes of more UTF-16 units than this are not remembered: each unit costs a look-up.
const MAX_UNITS: usize = 10_000;

/// How many steps are remembered.
const MAX_STEPS: usize = 1_000;

/// A shared text that can be changed here.
pub trait Target {
    /// The text and its ids.
    fn document(&self) -> &Document;
    /// Changes it.
    fn change(&mut self, splice: &Splice) -> Result<(), EditError>;
}

/// Who wrote a unit, and its clock there.
type Unit = (u64, u32);

#[derive(Debug)]
struct Change {
    added: Vec<Unit>,
    removed: Vec<Unit>,
    text: String,
    /// Where the removed text was.
    place: Anchor,
}

/// What belongs together, such as a typed word.
type Step = Vec<Change>;

/// The changes made here.
#[derive(Debug, Default)]
pub struct History {
    done: Vec<Step>,
    undone: Vec<Step>,
    moved: HashMap<Unit, Unit>,
}

impl History {
    /// Makes a change and remembers it; with `joins` it becomes part of the step before.
    ///
    /// # Errors
    /// The text refused it.
    pub fn make(&mut self, target: &mut impl Target, splice: &Splice, joins: bool) -> Result<(), EditError> {
        if splice.delete as usize + splice.insert.len() > MAX_UNITS {
            target.change(splice)?;
            // To go back past a change that cannot be taken back would surprise.
            *self = Self::default();
            return Ok(());
        }
        let change = perform(target, splice)?;
        self.undone.clear();
        match self.done.last_mut().filter(|_| joins) {
            Some(step) => step.push(change),
            None => self.done.push(vec![change]),
        }
        if self.done.len() > MAX_STEPS {
            self.done.remove(0);
        }
        Ok(())
    }

    /// Takes the last step back, and tells where the cursor belongs; none when there is no step.
    ///
    /// # Errors
    /// The text refused it.
    pub fn undo(&mut self, target: &mut impl Target) -> Result<Option<u32>, EditError> {
        let Some(step) = self.done.pop() else { return Ok(None) };
        let (inverse, cursor) = self.revert(target, step)?;
        self.undone.push(inverse);
        Ok(cursor)
    }

    /// Does the last step again that was taken back, and tells where the cursor belongs; none when there is no step.
    ///
    /// # Errors
    /// The text refused it.
    pub fn redo(&mut self, target: &mut impl Target) -> Result<Option<u32>, EditError> {
        let Some(step) = self.undone.pop() else { return Ok(None) };
        let (inverse, cursor) = self.revert(target, step)?;
        self.done.push(inverse);
        Ok(cursor)
    }

    fn revert(&mut self, target: &mut impl Target, step: Step) -> Result<(Step, Option<u32>), EditError> {
        let (mut inverse, mut cursor) = (Step::new(), None);
        for change in step.into_iter().rev() {
            for (at, delete) in self.standing(target.document(), &change.added).into_iter().rev() {
                inverse.push(perform(target, &Splice { at, delete, insert: String::new() })?);
                cursor = Some(at);
            }
            let place = target.document().offset(self.newest_place(change.place)).filter(|_| !change.text.is_empty());
            if let Some(at) = place {
                let again = perform(target, &Splice { at, delete: 0, insert: change.text })?;
                self.moved.extend(change.removed.into_iter().zip(again.added.iter().copied()));
                cursor = Some(at + again.added.len() as u32);
                inverse.push(again);
            }
        }
        Ok((inverse, cursor))
    }

    /// Where these units stand now: starts and lengths, in the order of the text.
    fn standing(&self, document: &Document, units: &[Unit]) -> Vec<(u32, u32)> {
        let mut places: Vec<u32> = units.iter().filter_map(|unit| place_of(document, self.newest(*unit))).collect();
        places.sort_unstable();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for place in places {
            match ranges.last_mut() {
                Some((start, len)) if *start + *len == place => *len += 1,
                _ => ranges.push((place, 1)),
            }
        }
        ranges
    }

    /// Beside a neighbour that was itself written again.
    fn newest_place(&self, place: Anchor) -> Anchor {
        match place {
            Anchor::After { client, clock } => {
                let (client, clock) = self.newest((client, clock));
                Anchor::After { client, clock }
            }
            edge => edge,
        }
    }

    fn newest(&self, mut unit: Unit) -> Unit {
        while let Some(next) = self.moved.get(&unit) {
            unit = *next;
        }
        unit
    }
}

fn perform(target: &mut impl Target, splice: &Splice) -> Result<Change, EditError> {
    let document = target.document();
    let removed = units(document, splice.at, splice.delete);
    let text = if splice.delete > 0 { slice(&document.text(), splice.at, splice.delete) } else { String::new() };
    target.change(splice)?;
    let document = target.document();
    let added = units(document, splice.at, splice.insert.encode_utf16().count() as u32);
    Ok(Change { added, removed, text, place: document.anchor(splice.at, Side::Left) })
}

fn units(document: &Document, at: u32, len: u32) -> Vec<Unit> {
    (at..at + len).filter_map(|at| unit_at(document, at)).collect()
}

fn unit_at(document: &Document, at: u32) -> Option<Unit> {
    match document.anchor(at, Side::Right) {
        Anchor::Before { client, clock } => Some((client, clock)),
        _ => None,
    }
}

/// Where a unit stands; none when it was removed.
fn place_of(document: &Document, unit: Unit) -> Option<u32> {
    let at = document.offset(Anchor::Before { client: unit.0, clock: unit.1 })?;
    (unit_at(document, at) == Some(unit)).then_some(at)
}

/// A piece of a text, in UTF-16 units.
fn slice(text: &str, at: u32, len: u32) -> String {
    let mut offset = 0;
    text.chars()
        .filter(|c| {
            let start = offset;
            offset += c.len_utf16() as u32;
            start >= at && start < at + len
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Replica(Document);

    impl Target for Replica {
        fn document(&self) -> &Document {
            &self.0
        }

        fn change(&mut self, splice: &Splice) -> Result<(), EditError> {
            let done = self.0.splice(splice.at, splice.delete, &splice.insert);
            done.map(drop).map_err(|error| EditError::Document(error.to_string()))
        }
    }

    struct Desk {
        replica: Replica,
        history: History,
    }

    impl Desk {
        fn new() -> Self {
            Self { replica: Replica(Document::new(1)), history: History::default() }
        }

        fn write(&mut self, at: u32, delete: u32, insert: &str) {
            let splice = Splice { at, delete, insert: insert.into() };
            self.history.make(&mut self.replica, &splice, false).unwrap();
        }

        fn undo(&mut self) -> String {
            self.history.undo(&mut self.replica).unwrap();
            self.replica.0.text()
        }

        fn redo(&mut self) -> String {
            self.history.redo(&mut self.replica).unwrap();
            self.replica.0.text()
        }

        /// Somebody else writes.
        fn other(&mut self, client: u64, at: u32, delete: u32, insert: &str) {
            let mut other = Document::new(client);
            other.load(&self.replica.0.state().unwrap()).unwrap();
            let update = other.splice(at, delete, insert).unwrap();
            self.replica.0.load(&update).unwrap();
        }
    }

    #[test]
    fn steps_go_back_and_forth() {
        let mut desk = Desk::new();
        desk.write(0, 0, "one ");
        desk.write(4, 0, "two😀");
        desk.write(0, 3, "ONE");
        assert_eq!(desk.undo(), "one two😀");
        assert_eq!(desk.undo(), "one ");
        assert_eq!(desk.undo(), "");
        assert_eq!(desk.undo(), "");
        assert_eq!(desk.redo(), "one ");
        assert_eq!(desk.redo(), "one two😀");
        assert_eq!(desk.redo(), "ONE two😀");
        assert_eq!(desk.redo(), "ONE two😀");
    }

    #[test]
    fn what_others_wrote_in_the_middle_stays() {
        let mut desk = Desk::new();
        desk.write(0, 0, "hello");
        desk.other(2, 2, 0, "XY");
        desk.other(3, 0, 1, "");
        assert_eq!(desk.undo(), "XY");
        assert_eq!(desk.redo(), "eXYllo");
    }

    #[test]
    fn a_removed_text_comes_back_where_it_was() {
        let mut desk = Desk::new();
        desk.write(0, 0, "one two three");
        desk.write(4, 4, "");
        desk.other(2, 0, 0, ">> ");
        assert_eq!(desk.undo(), ">> one two three");
    }

    #[test]
    fn a_step_finds_its_text_after_that_came_back_from_a_removal() {
        let mut desk = Desk::new();
        desk.write(0, 0, "abc");
        desk.write(2, 1, "");
        assert_eq!(desk.undo(), "abc");
        assert_eq!(desk.undo(), "");
        assert_eq!(desk.redo(), "abc");
        assert_eq!(desk.redo(), "ab");
        assert_eq!(desk.undo(), "abc");
        assert_eq!(desk.undo(), "");
    }

    #[test]
    fn a_new_change_ends_what_could_be_done_again() {
        let mut desk = Desk::new();
        desk.write(0, 0, "a");
        desk.undo();
        desk.write(0, 0, "b");
        assert_eq!(desk.redo(), "b");
    }

    #[test]
    fn a_change_too_large_to_remember_ends_the_history() {
        let mut desk = Desk::new();
        desk.write(0, 0, "a");
        desk.write(1, 0, &"x".repeat(MAX_UNITS + 1));
        assert_eq!(desk.undo().len(), MAX_UNITS + 2);
    }
}
