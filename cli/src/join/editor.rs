//! The editor without a screen: a copy of the text, a cursor, and what each key does to them.
//!
//! Positions inside are bytes, which Rust's strings need; positions outside are UTF-16 code units, which the shared text
//! counts in. The cursor always stands between two graphemes, also after others have edited.

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::layout::{byte_at_column, columns, wrap};

/// A change for the shared text, in UTF-16 code units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// Where.
    pub at: u32,
    /// How many units go.
    pub delete: u32,
    /// What comes in their place.
    pub insert: String,
}

/// Where the cursor can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// One grapheme back.
    Left,
    /// One grapheme on.
    Right,
    /// To the word before.
    WordLeft,
    /// To the word after.
    WordRight,
    /// Up that many rows of the screen.
    Up(usize),
    /// Down that many rows of the screen.
    Down(usize),
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    /// To the start of the text.
    Top,
    /// To the end of the text.
    Bottom,
}

/// Where a line begins.
#[derive(Debug, Clone, Copy)]
struct LineStart {
    byte: usize,
    utf16: usize,
}

/// A row of the screen: a piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where in the text, in bytes.
    pub range: Range<usize>,
    /// Whether the row is the last of its line.
    pub ends_line: bool,
}

/// The text, the cursor and the part of the text that is in view.
#[derive(Debug)]
pub struct Editor {
    text: String,
    lines: Vec<LineStart>,
    cursor: usize,
    /// The column that moving up and down tries to keep.
    goal: Option<usize>,
    /// The first row in view: a line, and a row of it.
    top: (usize, usize),
    width: usize,
    height: usize,
}

impl Editor {
    /// An editor of a text, the cursor at the start, on a screen of 80 × 24.
    pub fn new(text: String) -> Self {
        let lines = line_starts(&text);
        Self { text, lines, cursor: 0, goal: None, top: (0, 0), width: 80, height: 24 }
    }

    /// Tells the size of the text area, in cells. Zero is allowed.
    pub fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width.max(1), height.max(1));
        self.scroll_to_cursor();
    }

    /// The text changed, here or elsewhere; the cursor is now at this place, in UTF-16 units.
    pub fn replace(&mut self, text: String, cursor: u32) {
        self.lines = line_starts(&text);
        self.text = text;
        self.cursor = self.snap(self.byte_of(cursor));
        self.goal = None;
        self.scroll_to_cursor();
    }

    /// Applies one's own change; the cursor stands behind what came in.
    pub fn apply(&mut self, splice: &Splice) {
        let start = self.byte_of(splice.at);
        let end = self.byte_of(splice.at + splice.delete);
        self.text.replace_range(start..end, &splice.insert);
        self.lines = line_starts(&self.text);
        self.cursor = self.snap(start + splice.insert.len());
        self.goal = None;
        self.scroll_to_cursor();
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor, in UTF-16 units from the start of the text.
    pub fn cursor(&self) -> u32 {
        self.utf16_of(self.cursor)
    }

    /// The cursor's line and column as people count them, from one.
    pub fn place(&self) -> (usize, usize) {
        let line = self.line_of(self.cursor);
        (line + 1, self.text[self.lines[line].byte..self.cursor].graphemes(true).count() + 1)
    }

    /// The change that puts a text at the cursor.
    pub fn insertion(&self, text: &str) -> Splice {
        Splice { at: self.cursor(), delete: 0, insert: text.to_owned() }
    }

    /// The change that removes everything between the cursor and where a move would lead; none when it leads nowhere.
    pub fn removal(&self, towards: Move) -> Option<Splice> {
        let target = self.target(towards);
        let (start, end) = (self.cursor.min(target), self.cursor.max(target));
        let (at, until) = (self.utf16_of(start), self.utf16_of(end));
        (start < end).then(|| Splice { at, delete: until - at, insert: String::new() })
    }

    /// Moves the cursor.
    pub fn go(&mut self, to: Move) {
        match to {
            Move::Up(rows) => self.vertical(-(rows as isize)),
            Move::Down(rows) => self.vertical(rows as isize),
            _ => {
                self.cursor = self.target(to);
                self.goal = None;
            }
        }
        self.scroll_to_cursor();
    }

    /// The rows in view, from the top.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.height);
        let (first, mut skip) = self.top;
        for line in first..self.lines.len() {
            let wrapped = self.wrapped(line);
            let last = wrapped.len() - 1;
            let visible = wrapped.into_iter().enumerate().skip(std::mem::take(&mut skip));
            rows.extend(visible.map(|(index, range)| Row { range, ends_line: index == last }));
            if rows.len() >= self.height {
                break;
            }
        }
        rows.truncate(self.height);
        rows
    }

    /// The cell of a place in the text, from the top left of the text area; none when it is not in view.
    pub fn cell_of(&self, rows: &[Row], offset: u32) -> Option<(usize, usize)> {
        let byte = self.snap(self.byte_of(offset));
        let row = rows.iter().position(|row| row.range.contains(&byte) || (row.ends_line && row.range.end == byte))?;
        let column = columns(&self.text[rows[row].range.start..byte]);
        Some((column.min(self.width - 1), row))
    }

    fn target(&self, to: Move) -> usize {
        let line = self.line_range(self.line_of(self.cursor));
        match to {
            Move::Left => self.before(self.cursor),
            Move::Right => self.after(self.cursor),
            Move::WordLeft => self.word_before(),
            Move::WordRight => self.word_after(),
            Move::Home => line.start,
            Move::End => line.end,
            Move::Top | Move::Up(_) => 0,
            Move::Bottom | Move::Down(_) => self.text.len(),
        }
    }

    /// The start of the grapheme before a place. A line's end, `\n` or `\r\n`, is one step.
    fn before(&self, at: usize) -> usize {
        let line = self.line_range(self.line_of(at));
        match self.text[line.start..at].graphemes(true).next_back() {
            Some(grapheme) => at - grapheme.len(),
            None if self.text[..at].ends_with("\r\n") => at - 2,
            None => at.saturating_sub(1),
        }
    }

    /// The end of the grapheme after a place.
    fn after(&self, at: usize) -> usize {
        let line = self.line_range(self.line_of(at));
        match self.text[at..line.end].graphemes(true).next() {
            Some(_) if self.text[at..].starts_with("\r\n") => at + 2,
            Some(grapheme) => at + grapheme.len(),
            None => (at + 1).min(self.text.len()),
        }
    }

    fn word_before(&self) -> usize {
        let line = self.line_range(self.line_of(self.cursor));
        let words = self.text[line.start..self.cursor].split_word_bound_indices();
        let start = words.rev().find(|(_, word)| !word.trim().is_empty()).map(|(at, _)| line.start + at);
        start.unwrap_or(if line.start < self.cursor { line.start } else { self.before(self.cursor) })
    }

    fn word_after(&self) -> usize {
        let line = self.line_range(self.line_of(self.cursor));
        let mut words = self.text[self.cursor..line.end].split_word_bound_indices();
        let end = words.find(|(_, word)| !word.trim().is_empty()).map(|(at, word)| self.cursor + at + word.len());
        end.unwrap_or(if self.cursor < line.end { line.end } else { self.after(self.cursor) })
    }

    fn vertical(&mut self, rows: isize) {
        let line = self.line_of(self.cursor);
        let wrapped = self.wrapped(line);
        let row = row_of(&wrapped, self.cursor);
        let goal = self.goal.unwrap_or_else(|| columns(&self.text[wrapped[row].start..self.cursor]));
        let (line, row) = self.step((line, row), rows);
        self.cursor = self.at_column((line, row), goal);
        self.goal = Some(goal);
    }

    /// Goes that many rows up (negative) or down from a row, as far as the text reaches.
    fn step(&self, (mut line, row): (usize, usize), rows: isize) -> (usize, usize) {
        let mut row = row as isize + rows;
        while row < 0 && line > 0 {
            line -= 1;
            row += self.wrapped(line).len() as isize;
        }
        loop {
            let count = self.wrapped(line).len() as isize;
            if row < count || line + 1 == self.lines.len() {
                return (line, row.clamp(0, count - 1) as usize);
            }
            row -= count;
            line += 1;
        }
    }

    /// The place in a row that is nearest to a column. The end of a row that goes on below is the start of the next, so there
    /// the place before the last grapheme is taken.
    fn at_column(&self, (line, row): (usize, usize), column: usize) -> usize {
        let wrapped = self.wrapped(line);
        let range = wrapped[row].clone();
        let at = range.start + byte_at_column(&self.text[range.clone()], column);
        if at == range.end && row + 1 < wrapped.len() { self.before(at) } else { at }
    }

    /// Moves the view no more than needed, but leaves no empty rows below while there is text above.
    fn scroll_to_cursor(&mut self) {
        let line = self.line_of(self.cursor);
        let row = row_of(&self.wrapped(line), self.cursor);
        let back = 1 - self.height as isize;
        let last_line = self.lines.len() - 1;
        let end = (last_line, self.wrapped(last_line).len() - 1);
        let top_line = self.top.0.min(last_line);
        let top = (top_line, self.top.1.min(self.wrapped(top_line).len() - 1)).min(self.step(end, back));
        self.top = top.clamp(self.step((line, row), back), (line, row));
    }

    /// The rows of a line, as bytes of the text.
    fn wrapped(&self, line: usize) -> Vec<Range<usize>> {
        let range = self.line_range(line);
        let rows = wrap(&self.text[range.clone()], self.width).into_iter();
        rows.map(|row| range.start + row.start..range.start + row.end).collect()
    }

    /// A line without its `\n`.
    fn line_range(&self, line: usize) -> Range<usize> {
        let end = self.lines.get(line + 1).map_or(self.text.len(), |next| next.byte - 1);
        self.lines[line].byte..end
    }

    fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|line| line.byte <= byte) - 1
    }

    fn utf16_of(&self, byte: usize) -> u32 {
        let line = self.lines[self.line_of(byte)];
        (line.utf16 + utf16_len(&self.text[line.byte..byte])) as u32
    }

    /// The byte of a place given in UTF-16 units, at most the end of the text; within a surrogate pair, before the character.
    fn byte_of(&self, utf16: u32) -> usize {
        let line = self.lines[self.lines.partition_point(|line| line.utf16 <= utf16 as usize) - 1];
        let mut left = utf16 as usize - line.utf16;
        for (at, c) in self.text[line.byte..].char_indices() {
            if left < c.len_utf16() {
                return line.byte + at;
            }
            left -= c.len_utf16();
        }
        self.text.len()
    }

    /// The nearest place at or before this one that is between two graphemes.
    fn snap(&self, byte: usize) -> usize {
        let range = self.line_range(self.line_of(byte));
        let line = &self.text[range.clone()];
        let mut cursor = GraphemeCursor::new(byte - range.start, line.len(), true);
        match cursor.is_boundary(line, 0) {
            Ok(false) => cursor.prev_boundary(line, 0).ok().flatten().map_or(range.start, |at| range.start + at),
            _ => byte,
        }
    }
}

fn line_starts(text: &str) -> Vec<LineStart> {
    let mut lines = vec![LineStart { byte: 0, utf16: 0 }];
    let (mut byte, mut utf16) = (0, 0);
    for line in text.split_inclusive('\n') {
        byte += line.len();
        utf16 += utf16_len(line);
        if line.ends_with('\n') {
            lines.push(LineStart { byte, utf16 });
        }
    }
    lines
}

/// The length in UTF-16 units: every character counts one, those of four bytes two.
fn utf16_len(text: &str) -> usize {
    text.bytes().map(|byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum()
}

fn row_of(rows: &[Range<usize>], byte: usize) -> usize {
    rows.partition_point(|row| row.start <= byte).saturating_sub(1)
}

#[cfg(test)]
#[path = "editor_tests.rs"]
mod tests;
