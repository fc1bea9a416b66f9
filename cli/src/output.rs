//! What is written to standard output, and how: no escape codes in a pipe, none from strangers on a terminal.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

/// Whether standard output is a terminal that wants colours.
pub fn stdout_has_colours() -> bool {
    io::stdout().is_terminal() && wants_colours()
}

/// Whether standard error is a terminal that wants colours.
pub fn stderr_has_colours() -> bool {
    io::stderr().is_terminal() && wants_colours()
}

/// Whether colours are wanted: <https://no-color.org>, and terminals that know none.
pub fn wants_colours() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Writes text to standard output, at once.
///
/// # Errors
/// As writing does; a reader that has gone is recognised by [`is_broken_pipe`].
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Writes what people wrote in a room: byte for byte into a pipe, without control characters on a terminal.
///
/// # Errors
/// As [`print()`].
pub fn print_text(text: &str) -> anyhow::Result<()> {
    if io::stdout().is_terminal() { print(&escape_lines(text)) } else { print(text) }
}

/// Writes a value as one line of JSON.
///
/// # Errors
/// As [`print()`].
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string(value)? + "\n"))
}

/// Tells the user something on standard error. When nobody reads there, that is no reason to stop.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "collab-cli: {text}");
}

/// Whether an error says only that the reader of our output has gone.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &&(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    };
    error.chain().find(broken).is_some()
}

/// Text from elsewhere in a form that cannot act on a terminal: control characters, and those that turn the direction of
/// writing, become visible escapes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_control() => safe.extend(c.escape_default()),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                safe.extend(c.escape_unicode())
            }
            _ => safe.push(c),
        }
    }
    safe
}

/// As [`escape`], line by line, with tabs kept.
fn escape_lines(text: &str) -> String {
    text.split_inclusive(['\n', '\t']).fold(String::with_capacity(text.len()), |safe, piece| {
        let kept = piece.trim_end_matches(['\n', '\t']);
        safe + &escape(kept) + &piece[kept.len()..]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_visible_and_other_scripts_stay() {
        assert_eq!(escape("né 日本 👍"), "né 日本 👍");
        assert_eq!(escape("\x1b]0;x\x07\n\u{9b}\u{202e}"), "\\u{1b}]0;x\\u{7}\\n\\u{9b}\\u{202e}");
    }

    #[test]
    fn text_keeps_its_lines_and_loses_its_power() {
        assert_eq!(escape_lines("a\n\tb\x1b[2J\n\nc"), "a\n\tb\\u{1b}[2J\n\nc");
    }

    #[test]
    fn a_gone_reader_is_told_from_other_failures() {
        let broken = anyhow::Error::from(io::Error::from(ErrorKind::BrokenPipe)).context("printing");
        assert!(is_broken_pipe(&broken));
        assert!(!is_broken_pipe(&anyhow::anyhow!("broken pipe")));
    }
}
