//! The text in front of the user: what keys change in it, and how it follows the room's.

use std::time::{Duration, Instant};

use collab_client::driver::Driver;
use collab_client::{Document, EditError};
use collab_document::{Anchor, Side};

use super::editor::{Editor, Move, Splice};
use super::keys::Action;
use super::undo::{History, Target};

/// A pause of this length begins a new step for undo.
const STEP_PAUSE: Duration = Duration::from_secs(2);

/// The last change, to tell whether the next belongs to the same step.
#[derive(Debug)]
struct Stroke {
    inserts: bool,
    cursor: u32,
    when: Instant,
}

/// The editor's copy of the room's text, and what the user did to it.
#[derive(Debug)]
pub struct Page {
    editor: Editor,
    history: History,
    stroke: Option<Stroke>,
    /// Where the cursor is, in a form that survives what others write.
    place: Anchor,
    /// The copy is older than the room's text.
    stale: bool,
}

impl Target for Driver {
    fn document(&self) -> &Document {
        self.client().document()
    }

    fn change(&mut self, splice: &Splice) -> Result<(), EditError> {
        self.splice(splice.at, splice.delete, &splice.insert)
    }
}

impl Page {
    /// The room's text as it is now, the cursor at its start.
    pub fn of(driver: &mut Driver) -> Self {
        let editor = Editor::new(driver.client().document().text());
        let mut page = Self { editor, history: History::default(), stroke: None, place: Anchor::Start, stale: false };
        page.moved(driver);
        page
    }

    /// The text and the cursor.
    pub fn editor(&self) -> &Editor {
        &self.editor
    }

    /// The place for the text has this size now, in cells.
    pub fn resize(&mut self, columns: usize, rows: usize) {
        self.editor.resize(columns, rows);
    }

    /// The room's text has changed.
    pub fn out_of_date(&mut self) {
        self.stale = true;
    }

    /// The room has another text now: nothing of what was done can be taken back in it.
    pub fn begin_anew(&mut self) {
        (self.history, self.stroke, self.stale) = (History::default(), None, true);
    }

    /// Takes over what others wrote; the cursor keeps its place between its neighbours.
    pub fn catch_up(&mut self, driver: &Driver) {
        if std::mem::take(&mut self.stale) {
            let document = driver.client().document();
            let cursor = document.offset(self.place).unwrap_or_else(|| self.editor.cursor());
            self.editor.replace(document.text(), cursor);
        }
    }

    /// Does what a key means for the text; a word for the user where there is nothing to do.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn act(&mut self, driver: &mut Driver, action: &Action) -> Result<Option<&'static str>, EditError> {
        match action {
            Action::Go(to) => self.go(driver, *to),
            Action::Page(screens) => self.go_screens(driver, *screens),
            Action::Remove(towards) => self.remove(driver, *towards)?,
            Action::Insert(text) => self.insert(driver, text)?,
            Action::Undo => return self.step(driver, History::undo, "Nothing of yours is left to take back."),
            Action::Redo => return self.step(driver, History::redo, "There is nothing to do again."),
            Action::Save | Action::Help | Action::Redraw | Action::Leave | Action::Escape => {}
        }
        Ok(None)
    }

    fn go(&mut self, driver: &mut Driver, to: Move) {
        self.editor.go(to);
        self.stroke = None;
        self.moved(driver);
    }

    fn go_screens(&mut self, driver: &mut Driver, screens: isize) {
        let rows = self.editor.rows().len().saturating_sub(1).max(1);
        self.go(driver, if screens < 0 { Move::Up(rows) } else { Move::Down(rows) });
    }

    fn insert(&mut self, driver: &mut Driver, text: &str) -> Result<(), EditError> {
        let splice = self.editor.insertion(text);
        self.edit(driver, &splice)?;
        // A step ends with a word or a line.
        if text.ends_with(char::is_whitespace) {
            self.stroke = None;
        }
        Ok(())
    }

    /// Writes at the cursor, as a step of its own.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn paste(&mut self, driver: &mut Driver, text: &str) -> Result<(), EditError> {
        self.stroke = None;
        let inserted = self.insert(driver, text);
        self.stroke = None;
        inserted
    }

    fn remove(&mut self, driver: &mut Driver, towards: Move) -> Result<(), EditError> {
        self.editor.removal(towards).map_or(Ok(()), |splice| self.edit(driver, &splice))
    }

    fn step(
        &mut self,
        driver: &mut Driver,
        step: fn(&mut History, &mut Driver) -> Result<Option<u32>, EditError>,
        nothing: &'static str,
    ) -> Result<Option<&'static str>, EditError> {
        self.stroke = None;
        let Some(cursor) = step(&mut self.history, driver)? else { return Ok(Some(nothing)) };
        self.editor.replace(driver.client().document().text(), cursor);
        self.moved(driver);
        Ok(None)
    }

    fn edit(&mut self, driver: &mut Driver, splice: &Splice) -> Result<(), EditError> {
        let inserts = !splice.insert.is_empty();
        let (cursor, when) = (self.editor.cursor(), Instant::now());
        let goes_on = |last: &Stroke| last.inserts == inserts && last.cursor == cursor && when < last.when + STEP_PAUSE;
        let joins = self.stroke.as_ref().is_some_and(goes_on);
        self.history.make(driver, splice, joins)?;
        self.editor.apply(splice);
        self.stroke = Some(Stroke { inserts, cursor: self.editor.cursor(), when });
        self.moved(driver);
        Ok(())
    }

    /// The cursor moved by the user's own doing.
    fn moved(&mut self, driver: &mut Driver) {
        let cursor = self.editor.cursor();
        self.place = driver.client().document().anchor(cursor, Side::Left);
        driver.set_cursor(Some((cursor, cursor)));
    }
}
