//! How text becomes cells: what each grapheme looks like, and where a long line breaks into rows.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A tab reaches to the next multiple of this many cells.
const TAB: usize = 4;

/// A grapheme and how it is shown.
pub struct Glyph<'a> {
    /// The grapheme as it is in the text.
    pub text: &'a str,
    /// Where it begins in the line, in bytes.
    pub at: usize,
    /// How many cells it takes; at least one, so that the cursor can stand on everything.
    pub width: usize,
}

impl Glyph<'_> {
    /// What to put on the screen. Control characters and invisible ones become visible, and harmless.
    pub fn shown(&self) -> String {
        match self.text.chars().next() {
            Some('\t') => " ".repeat(self.width),
            Some(c @ '\0'..='\x1f') => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}').to_string(),
            Some('\x7f') => '\u{2421}'.to_string(),
            Some(c) if c.is_control() || self.text.width() == 0 => '\u{fffd}'.to_string(),
            _ => self.text.to_owned(),
        }
    }
}

/// The glyphs of a piece of a line that begins at byte `start` of the line; `column` counts from the row's left edge.
pub fn glyphs(piece: &str, start: usize) -> impl Iterator<Item = Glyph<'_>> {
    let mut column = 0;
    piece.grapheme_indices(true).map(move |(at, text)| {
        let width = match text {
            "\t" => TAB - column % TAB,
            _ => text.width().max(1),
        };
        column += width;
        Glyph { text, at: start + at, width }
    })
}

/// Breaks a line into rows of at most `width` cells, after a space where there is one. There is always one row at least, and
/// the rows' ranges, in bytes, join without a gap.
pub fn wrap(line: &str, width: usize) -> Vec<Range<usize>> {
    let width = width.max(1);
    let (mut rows, mut start, mut used, mut last_space) = (Vec::new(), 0, 0, None);
    for (at, text) in line.grapheme_indices(true) {
        let mut cells = cells(text, used);
        if used + cells > width && at > start {
            let cut = last_space.filter(|cut| *cut > start).unwrap_or(at);
            rows.push(start..cut);
            start = cut;
            used = columns(&line[start..at]);
            cells = self::cells(text, used);
            last_space = None;
        }
        used += cells;
        if text == " " || text == "\t" {
            last_space = Some(at + text.len());
        }
    }
    rows.push(start..line.len());
    rows
}

/// The cells of a grapheme that begins at a column.
fn cells(grapheme: &str, column: usize) -> usize {
    if grapheme == "\t" { TAB - column % TAB } else { grapheme.width().max(1) }
}

/// The cells of a piece of text that begins at the left edge.
pub fn columns(piece: &str) -> usize {
    glyphs(piece, 0).map(|glyph| glyph.width).sum()
}

/// The byte in `piece` of the grapheme that covers a column, or the end of the piece.
pub fn byte_at_column(piece: &str, column: usize) -> usize {
    let mut used = 0;
    for glyph in glyphs(piece, 0) {
        used += glyph.width;
        if used > column {
            return glyph.at;
        }
    }
    piece.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(line: &str, width: usize) -> Vec<&str> {
        wrap(line, width).into_iter().map(|range| &line[range]).collect()
    }

    #[test]
    fn a_line_breaks_after_spaces_and_within_long_words() {
        assert_eq!(rows("", 5), [""]);
        assert_eq!(rows("one two", 20), ["one two"]);
        assert_eq!(rows("one two three", 8), ["one two ", "three"]);
        assert_eq!(rows("abcdefgh", 3), ["abc", "def", "gh"]);
    }

    #[test]
    fn wide_graphemes_are_never_cut() {
        assert_eq!(rows("日本語", 4), ["日本", "語"]);
        assert_eq!(rows("👨‍👩‍👧👨‍👩‍👧", 3), ["👨‍👩‍👧", "👨‍👩‍👧"]);
        assert_eq!(rows("日本", 1), ["日", "本"], "a grapheme wider than the screen still gets its row");
    }

    #[test]
    fn tabs_reach_the_next_stop() {
        assert_eq!(columns("\tx"), 5);
        assert_eq!(columns("ab\tx"), 5);
        assert_eq!(byte_at_column("ab\tx", 3), 2);
    }

    #[test]
    fn nothing_invisible_or_dangerous_reaches_the_screen() {
        let shown: Vec<_> = glyphs("\x1b[\u{9b}\u{202e}\u{200b}e\u{301}", 0).map(|glyph| glyph.shown()).collect();
        assert_eq!(shown, ["␛", "[", "\u{fffd}", "\u{fffd}", "\u{fffd}", "e\u{301}"]);
    }
}
