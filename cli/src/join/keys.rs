//! What each key means.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::editor::Move;

/// What the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Move the cursor.
    Go(Move),
    /// Move the cursor by screens: up when negative.
    Page(isize),
    /// Remove from the cursor to where this move leads.
    Remove(Move),
    /// Write this at the cursor.
    Insert(String),
    /// Take back one's own last change.
    Undo,
    /// Do again what was taken back.
    Redo,
    /// Ctrl-S, which is not needed.
    Save,
    /// Open the help.
    Help,
    /// Draw the whole screen anew.
    Redraw,
    /// Leave the room.
    Leave,
    /// Close what is open, and stay.
    Escape,
}

/// The meaning of a key; none when it has none.
pub fn action(key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Char(c) if control && !alt => with_control(c.to_ascii_lowercase()),
        KeyCode::Char(c) if alt && !control => with_alt(c),
        // Both together is AltGr on some terminals: an ordinary character.
        KeyCode::Char(c) => Some(Action::Insert(c.to_string())),
        KeyCode::Enter => Some(Action::Insert("\n".into())),
        KeyCode::Tab => Some(Action::Insert("\t".into())),
        KeyCode::F(1) => Some(Action::Help),
        KeyCode::Esc => Some(Action::Escape),
        KeyCode::PageUp => Some(Action::Page(-1)),
        KeyCode::PageDown => Some(Action::Page(1)),
        KeyCode::Backspace => Some(Action::Remove(if control || alt { Move::WordLeft } else { Move::Left })),
        KeyCode::Delete => Some(Action::Remove(if control || alt { Move::WordRight } else { Move::Right })),
        code => direction(code, control || alt).map(Action::Go),
    }
}

fn direction(code: KeyCode, far: bool) -> Option<Move> {
    Some(match (code, far) {
        (KeyCode::Left, false) => Move::Left,
        (KeyCode::Left, true) => Move::WordLeft,
        (KeyCode::Right, false) => Move::Right,
        (KeyCode::Right, true) => Move::WordRight,
        (KeyCode::Home, true) => Move::Top,
        (KeyCode::Home, false) => Move::Home,
        (KeyCode::End, true) => Move::Bottom,
        (KeyCode::End, false) => Move::End,
        (KeyCode::Up, _) => Move::Up(1),
        (KeyCode::Down, _) => Move::Down(1),
        _ => return None,
    })
}

fn with_control(c: char) -> Option<Action> {
    Some(match c {
        'q' | 'c' => Action::Leave,
        'z' => Action::Undo,
        'y' => Action::Redo,
        's' => Action::Save,
        'l' => Action::Redraw,
        'a' => Action::Go(Move::Home),
        'e' => Action::Go(Move::End),
        'w' => Action::Remove(Move::WordLeft),
        // What the Backspace key sends on some terminals.
        'h' => Action::Remove(Move::Left),
        _ => return None,
    })
}

fn with_alt(c: char) -> Option<Action> {
    match c {
        'b' => Some(Action::Go(Move::WordLeft)),
        'f' => Some(Action::Go(Move::WordRight)),
        _ => None,
    }
}

/// Pasted text as it goes into the room: line ends are `\n`, and other control characters stay outside, tabs excepted.
pub fn pasted(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        action(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn characters_are_written_and_commands_are_not() {
        let insert = |text: &str| Some(Action::Insert(text.into()));
        assert_eq!(press(KeyCode::Char('É'), KeyModifiers::SHIFT), insert("É"));
        assert_eq!(press(KeyCode::Char('@'), KeyModifiers::CONTROL | KeyModifiers::ALT), insert("@"));
        assert_eq!(press(KeyCode::Enter, KeyModifiers::NONE), insert("\n"));
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::CONTROL), Some(Action::Leave));
        assert_eq!(press(KeyCode::Char('x'), KeyModifiers::ALT), None);
        assert_eq!(press(KeyCode::Char('g'), KeyModifiers::CONTROL), None);
    }

    #[test]
    fn control_makes_steps_larger() {
        assert_eq!(press(KeyCode::Left, KeyModifiers::NONE), Some(Action::Go(Move::Left)));
        assert_eq!(press(KeyCode::Left, KeyModifiers::CONTROL), Some(Action::Go(Move::WordLeft)));
        assert_eq!(press(KeyCode::End, KeyModifiers::CONTROL), Some(Action::Go(Move::Bottom)));
        assert_eq!(press(KeyCode::Backspace, KeyModifiers::ALT), Some(Action::Remove(Move::WordLeft)));
    }

    #[test]
    fn a_released_key_does_nothing() {
        let released = KeyEvent::new_with_kind(KeyCode::Char('a'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(action(released), None);
    }

    #[test]
    fn a_paste_is_text() {
        assert_eq!(pasted("a\r\nb\rc\td\x1b[31m\u{9b}"), "a\nb\nc\td[31m");
    }
}
