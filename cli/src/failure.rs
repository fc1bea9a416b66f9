//! Errors that say what happened and what to do next.

use std::io::{self, Write};

use collab_proto::Code;

use crate::output;

/// What happened, and what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// A sentence.
    pub what: String,
    /// Another one; may be empty.
    pub next: String,
}

impl Failure {
    /// A failure with advice.
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into() }
    }
}

/// A refusal by the server, with the advice that fits a command line.
pub fn refusal(code: Code, message: &str, room: &str) -> Failure {
    let next = match code {
        Code::WrongPassword => "Try again with the right password (COLLAB_PASSWORD, --password-file or the prompt).".into(),
        Code::BadToken => "Give the room's password (COLLAB_PASSWORD or --password-file).".into(),
        Code::NoSuchRoom => format!("Create it with: collab-cli room create {room}"),
        Code::RoomExists => format!("Enter it with: collab-cli join {room}"),
        Code::Unauthorized => {
            "The server wrote the token to `admin-token` in its data directory: give that file with --admin-token-file, \
             or set COLLAB_ADMIN_TOKEN. Whoever created a room may rule it without, from the same account."
                .into()
        }
        Code::UnsupportedProtocol => "Install the collab-cli that came with this server.".into(),
        Code::Draining => "The server is restarting. Try again in a few seconds.".into(),
        Code::UpdateTooLarge | Code::DocumentFull => "Make the text smaller, or split it over several rooms.".into(),
        Code::ReadOnly => "Ask the room's owner for the editors' password.".into(),
        Code::GenerationChanged => "Run the command again to go on with the room as it is now.".into(),
        _ if code.is_permanent() => String::new(),
        _ => "Try again in a moment.".into(),
    };
    let what = match code {
        // The advice to those who edit is for an editor to give.
        Code::GenerationChanged => "The room was restored or made anew meanwhile.",
        _ if message.is_empty() => code.sentence(),
        _ => message,
    };
    Failure::new(output::escape(what), next)
}

/// An error and its causes, each a sentence or a part of one.
fn in_words(error: &anyhow::Error) -> String {
    let join = |text: String, cause: String| format!("{text}{} {cause}", if text.ends_with('.') { "" } else { ":" });
    error.chain().map(ToString::to_string).reduce(join).unwrap_or_default()
}

/// Prints an error to standard error.
pub fn print(error: &anyhow::Error) {
    let bold =
        |text: &str| if output::stderr_has_colours() { format!("\x1b[1;31m{text}\x1b[0m") } else { text.to_owned() };
    let mut text = format!("{} {}\n", bold("error:"), output::escape(&in_words(error)));
    // As the error itself or as the context of another.
    if let Some(failure) = error.downcast_ref::<Failure>().filter(|failure| !failure.next.is_empty()) {
        text += &format!("{}\n", failure.next);
    }
    // When nobody reads standard error, there is nobody to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_room_names_the_command_that_makes_it() {
        let failure = refusal(Code::NoSuchRoom, "", "demo");
        assert_eq!(failure.next, "Create it with: collab-cli room create demo");
        assert_eq!(failure.what, Code::NoSuchRoom.sentence());
    }

    #[test]
    fn advice_is_found_and_causes_are_read_as_sentences() {
        let cause = io::Error::other("the disk is full");
        let error = anyhow::Error::new(cause).context(Failure::new("Nothing was written.", "Make room."));
        assert_eq!(in_words(&error), "Nothing was written. the disk is full");
        assert_eq!(error.downcast_ref::<Failure>().map(|failure| failure.next.as_str()), Some("Make room."));
        assert_eq!(in_words(&anyhow::anyhow!("low").context("high")), "high: low");
    }

    #[test]
    fn what_the_server_says_cannot_write_to_the_terminal() {
        assert_eq!(refusal(Code::Internal, "a\x1b[2Jb", "demo").what, "a\\u{1b}[2Jb");
    }
}
