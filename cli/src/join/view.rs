//! The screen: drawn from values alone, at any size, down to nothing.

use collab_proto::colour::Colour;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};
use unicode_width::UnicodeWidthStr;

use super::colours::Colours;
use super::editor::{Editor, Row};
use super::layout::glyphs;
use crate::output::escape;

/// The people's panel, in cells, with its line to the left.
const PANEL_WIDTH: u16 = 22;

/// Narrower screens have no panel.
const PANEL_FROM_WIDTH: u16 = 64;

const HELP: &str = "\
Write: everybody sees it at once, and it saves itself.

arrows, Home, End, PgUp, PgDn   move
Ctrl-Left, Ctrl-Right           move by words
Ctrl-Home, Ctrl-End             to the start, to the end
Backspace, Delete               remove a character
Ctrl-W, Ctrl-Delete             remove a word
Ctrl-Z, Ctrl-Y                  undo, redo what you did
Ctrl-L                          draw the screen anew
Ctrl-Q, Ctrl-C                  leave, when all is saved
                                (again: leave at once)

Any key closes this.";

/// How good a piece of news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// It takes its time.
    Wait,
    /// It needs the user.
    Bad,
    /// Neither.
    Plain,
}

/// A piece of the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it says.
    pub text: String,
    /// How good it is.
    pub tone: Tone,
}

impl Note {
    /// A note.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// Somebody in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their number.
    pub id: u64,
    /// Their colour in this room.
    pub colour: Colour,
    /// Their name.
    pub name: String,
    /// Whether it is the user.
    pub me: bool,
    /// Where their cursor is, in UTF-16 units; none when it is not known.
    pub cursor: Option<u32>,
}

/// Everything that is on the screen.
#[derive(Debug)]
pub struct View<'a> {
    /// The text and the cursor.
    pub editor: &'a Editor,
    /// The room's name.
    pub room: &'a str,
    /// Those who are known by name.
    pub people: &'a [Person],
    /// How many there are.
    pub count: u32,
    /// The status line, the most important first.
    pub status: &'a [Note],
    /// A message above the status line.
    pub message: Option<&'a Note>,
    /// Whether the help is open.
    pub help: bool,
    /// What the terminal shows of colours.
    pub colours: Colours,
}

/// Where everything goes on a screen of this size.
#[derive(Debug, Clone, Copy, Default)]
pub struct Areas {
    title: Rect,
    /// The text.
    pub text: Rect,
    panel: Rect,
    message: Rect,
    status: Rect,
}

/// Divides a screen. The text is the last to go.
pub fn areas(screen: Rect, message: bool) -> Areas {
    let row = |wanted: bool, from: u16| u16::from(wanted && screen.height >= from);
    let heights = [row(true, 4), row(true, 1).min(screen.height), row(message, 3), row(true, 2)];
    let [title, middle, message, status] = Layout::vertical([
        Constraint::Length(heights[0]),
        Constraint::Min(heights[1]),
        Constraint::Length(heights[2]),
        Constraint::Length(heights[3]),
    ])
    .areas(screen);
    let panel = if screen.width >= PANEL_FROM_WIDTH && screen.height >= 6 { PANEL_WIDTH } else { 0 };
    let [text, panel] = Layout::horizontal([Constraint::Min(0), Constraint::Length(panel)]).areas(middle);
    Areas { title, text, panel, message, status }
}

/// Draws everything.
pub fn draw(frame: &mut Frame, view: &View) {
    let areas = areas(frame.area(), view.message.is_some());
    let rows = view.editor.rows();
    view.title(areas.title, frame.buffer_mut());
    view.text(&rows, areas.text, frame.buffer_mut());
    view.panel(areas.panel, frame.buffer_mut());
    view.message(areas.message, frame.buffer_mut());
    view.status(areas.status, frame.buffer_mut());
    if view.help {
        help(frame.area(), frame.buffer_mut());
    } else if let Some(cell) = view.cell(&rows, view.editor.cursor(), areas.text) {
        frame.set_cursor_position(cell);
    }
}

impl View<'_> {
    fn title(&self, area: Rect, buf: &mut Buffer) {
        let style = Style::new().add_modifier(Modifier::REVERSED);
        buf.set_style(area, style);
        let hint = "F1 help  Ctrl-Q leave ";
        let [left, right] = Layout::horizontal([Constraint::Min(0), Constraint::Length(hint.len() as u16)]).areas(area);
        Line::styled(format!(" {}", self.room), style.add_modifier(Modifier::BOLD)).render(left, buf);
        if left.width as usize > self.room.len() {
            Line::styled(hint, style).render(right, buf);
        }
    }

    fn text(&self, rows: &[Row], area: Rect, buf: &mut Buffer) {
        for (row, y) in rows.iter().zip(area.y..area.bottom()) {
            let mut x = area.x;
            for glyph in glyphs(&self.editor.text()[row.range.clone()], row.range.start) {
                if x >= area.right() {
                    break;
                }
                (x, _) = buf.set_stringn(x, y, glyph.shown(), (area.right() - x) as usize, Style::new());
            }
        }
        for person in self.people.iter().filter(|person| !person.me) {
            if let Some(cell) = person.cursor.and_then(|offset| self.cell(rows, offset, area)) {
                buf[cell].set_style(self.colours.cursor(person.colour));
            }
        }
    }

    /// The cell of a place in the text, when it is in view.
    fn cell(&self, rows: &[Row], offset: u32, area: Rect) -> Option<Position> {
        let (column, row) = self.editor.cell_of(rows, offset)?;
        let cell = Position::new(area.x.checked_add(column as u16)?, area.y.checked_add(row as u16)?);
        area.contains(cell).then_some(cell)
    }

    fn panel(&self, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let line = Style::new().add_modifier(Modifier::DIM);
        let block = Block::new().borders(ratatui::widgets::Borders::LEFT).border_style(line);
        let inner = block.inner(area);
        block.render(area, buf);
        let mut lines = vec![Line::styled(format!(" {}", people(self.count)), Modifier::BOLD)];
        let fits = (inner.height as usize).saturating_sub(1);
        let hidden = self.people.len().saturating_sub(fits);
        let shown = if hidden > 0 { fits.saturating_sub(1) } else { self.people.len() };
        lines.extend(self.people[..shown].iter().map(|person| self.person(person, inner.width)));
        let unnamed = (self.count as usize).saturating_sub(shown);
        if unnamed > 0 {
            lines.push(Line::styled(format!("   and {unnamed} more"), Modifier::DIM));
        }
        Paragraph::new(lines).render(inner, buf);
    }

    fn person(&self, person: &Person, width: u16) -> Line<'static> {
        let you = if person.me { " (you)" } else { "" };
        let name = fit(&escape(&person.name), (width as usize).saturating_sub(3 + you.len()));
        Line::from(vec![
            Span::raw(" "),
            Span::styled("●", self.colours.letters(person.colour)),
            Span::raw(format!(" {name}{you}")),
        ])
    }

    fn message(&self, area: Rect, buf: &mut Buffer) {
        let Some(note) = self.message else { return };
        let style = self.style(note.tone).add_modifier(Modifier::BOLD);
        let text = format!(" {}", escape(&note.text));
        Line::styled(fit(&text, area.width as usize), style).render(area, buf);
    }

    /// As many notes as fit, the place in the text at the right.
    fn status(&self, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let (line, column) = self.editor.place();
        let place = format!("{line}:{column} ");
        let mut spans = Vec::new();
        let mut used = 0;
        for note in self.status {
            let text = if spans.is_empty() { format!(" {}", note.text) } else { format!(" · {}", note.text) };
            let style = self.style(note.tone);
            used += text.width();
            if used > area.width as usize && !spans.is_empty() {
                break;
            }
            spans.push(Span::styled(text, style));
        }
        let written: usize = spans.iter().map(Span::width).sum();
        Line::from(spans).render(area, buf);
        if written + 2 + place.len() <= area.width as usize {
            buf.set_string(area.right() - place.len() as u16, area.y, &place, Modifier::DIM);
        }
    }

    fn style(&self, tone: Tone) -> Style {
        match (tone, self.colours) {
            (Tone::Bad, Colours::None) => Style::new().add_modifier(Modifier::BOLD),
            (Tone::Plain, _) | (_, Colours::None) => Style::new(),
            (Tone::Good, _) => Style::new().fg(Color::Green),
            (Tone::Wait, _) => Style::new().fg(Color::Yellow),
            (Tone::Bad, _) => Style::new().fg(Color::Red),
        }
    }
}

/// How many people, in words.
pub fn people(count: u32) -> String {
    if count == 1 { "1 person".into() } else { format!("{count} people") }
}

/// Cuts a text to a width, with an ellipsis where something is gone.
fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let kept: String = glyphs(text, 0)
        .take_while(|glyph| {
            used += glyph.width;
            used <= width
        })
        .map(|glyph| glyph.text)
        .collect();
    if width == 0 { kept } else { kept + "…" }
}

fn help(screen: Rect, buf: &mut Buffer) {
    let width = HELP.lines().map(UnicodeWidthStr::width).max().unwrap_or(0) as u16 + 4;
    let height = HELP.lines().count() as u16 + 2;
    let area =
        screen.centered(Constraint::Length(width.min(screen.width)), Constraint::Length(height.min(screen.height)));
    Clear.render(area, buf);
    let block = Block::bordered().title(" Help ").padding(ratatui::widgets::Padding::horizontal(1));
    Paragraph::new(HELP).block(block).render(area, buf);
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
