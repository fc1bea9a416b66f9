use super::*;

fn editor(text: &str, cursor: u32) -> Editor {
    let mut editor = Editor::new(String::new());
    editor.resize(10, 4);
    editor.replace(text.to_owned(), cursor);
    editor
}

fn after(text: &str, cursor: u32, to: Move) -> u32 {
    let mut editor = editor(text, cursor);
    editor.go(to);
    editor.cursor()
}

fn without(text: &str, cursor: u32, towards: Move) -> String {
    let mut editor = editor(text, cursor);
    if let Some(splice) = editor.removal(towards) {
        editor.apply(&splice);
    }
    editor.text().to_owned()
}

fn shown(editor: &Editor) -> Vec<&str> {
    editor.rows().into_iter().map(|row| &editor.text()[row.range]).collect()
}

const FAMILY: &str = "👨‍👩‍👧";

#[test]
fn a_step_is_a_grapheme_whatever_it_is_made_of() {
    let units = FAMILY.encode_utf16().count() as u32;
    assert_eq!(after(FAMILY, 0, Move::Right), units);
    assert_eq!(after(FAMILY, units, Move::Left), 0);
    assert_eq!(after("e\u{301}x", 0, Move::Right), 2);
    assert_eq!(after("日本", 1, Move::Right), 2);
    assert_eq!(after("a\r\nb", 1, Move::Right), 3);
    assert_eq!(after("a\r\nb", 3, Move::Left), 1);
    assert_eq!(after("ab", 0, Move::Left), 0);
    assert_eq!(after("ab", 2, Move::Right), 2);
}

#[test]
fn removing_takes_a_whole_grapheme_or_word_or_line_end() {
    assert_eq!(without(&format!("a{FAMILY}b"), 1, Move::Right), "ab");
    assert_eq!(without("a\r\nb", 3, Move::Left), "ab");
    assert_eq!(without("one two", 7, Move::WordLeft), "one ");
    assert_eq!(without("one two", 0, Move::WordRight), " two");
    assert_eq!(without("one\ntwo", 3, Move::Right), "onetwo");
    assert_eq!(without("x", 0, Move::Left), "x");
}

#[test]
fn a_splice_counts_in_utf16() {
    let mut editor = editor("😀é", 2);
    assert_eq!(editor.insertion("x"), Splice { at: 2, delete: 0, insert: "x".into() });
    let splice = editor.removal(Move::Left).unwrap();
    assert_eq!(splice, Splice { at: 0, delete: 2, insert: String::new() });
    editor.apply(&splice);
    assert_eq!((editor.text(), editor.cursor()), ("é", 0));
}

#[test]
fn words_are_crossed_with_the_space_before_them() {
    assert_eq!(after("one  two", 3, Move::WordRight), 8);
    assert_eq!(after("one  two", 5, Move::WordLeft), 0);
    assert_eq!(after("one\ntwo", 3, Move::WordRight), 4);
    assert_eq!(after("one\ntwo", 4, Move::WordLeft), 3);
    assert_eq!(after("  x", 2, Move::WordLeft), 0);
}

#[test]
fn up_and_down_keep_the_column_over_short_and_wide_lines() {
    let mut editor = editor("abcdef\nx\n日本語", 5);
    editor.go(Move::Down(1));
    assert_eq!(editor.place(), (2, 2));
    editor.go(Move::Down(1));
    assert_eq!(editor.place(), (3, 3), "column 5 lies within the third wide character");
    editor.go(Move::Up(2));
    assert_eq!(editor.place(), (1, 6));
    editor.go(Move::Up(9));
    assert_eq!(editor.place(), (1, 6), "there is nothing above");
}

#[test]
fn up_and_down_walk_the_rows_of_a_long_line() {
    assert_eq!(after("0123456789abcdef", 2, Move::Down(1)), 12);
    assert_eq!(after("0123456789abcdef", 12, Move::Up(1)), 2);
    assert_eq!(after("abc\n0123456789abcdef\nz", 16, Move::Up(2)), 2);
}

#[test]
fn the_view_follows_the_cursor_and_moves_no_more_than_needed() {
    let mut editor = editor("1\n2\n3\n4\n5\n6", 0);
    editor.go(Move::Down(4));
    assert_eq!(shown(&editor), ["2", "3", "4", "5"]);
    editor.go(Move::Up(2));
    assert_eq!(shown(&editor), ["2", "3", "4", "5"]);
    editor.go(Move::Top);
    assert_eq!(shown(&editor), ["1", "2", "3", "4"]);
    editor.go(Move::Bottom);
    assert_eq!(shown(&editor), ["3", "4", "5", "6"]);
    editor.resize(10, 1);
    assert_eq!(shown(&editor), ["6"]);
    editor.resize(10, 3);
    assert_eq!(shown(&editor), ["4", "5", "6"]);
    editor.replace(String::new(), 0);
    assert_eq!(shown(&editor), [""]);
}

#[test]
fn a_cell_is_found_for_every_place_in_view() {
    let editor = editor("日本\nab", 0);
    let rows = editor.rows();
    assert_eq!(editor.cell_of(&rows, 0), Some((0, 0)));
    assert_eq!(editor.cell_of(&rows, 2), Some((4, 0)));
    assert_eq!(editor.cell_of(&rows, 3), Some((0, 1)));
    assert_eq!(editor.cell_of(&rows, 5), Some((2, 1)));
}

#[test]
fn the_cursor_never_stands_inside_a_grapheme() {
    assert_eq!(editor("e\u{301}", 1).cursor(), 0);
    assert_eq!(editor("😀", 1).cursor(), 0);
    assert_eq!(editor("ab", 99).cursor(), 2);
    assert_eq!(editor(FAMILY, 3).cursor(), 0);
}

#[test]
fn a_screen_of_nothing_is_survived() {
    let mut editor = editor("日本 text\nmore", 3);
    editor.resize(0, 0);
    for to in [Move::Up(1), Move::Down(5), Move::Left, Move::Right, Move::Bottom, Move::Top] {
        editor.go(to);
        assert_eq!(editor.rows().len(), 1);
    }
}
