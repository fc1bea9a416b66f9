//! What happened in the room, in words.

use collab_client::Event;
use collab_proto::{Code, Policy};

use super::view::{Note, Tone};
use crate::failure::refusal;

/// What the user should know of an event; none when the status line tells enough.
pub fn of(event: &Event, room: &str) -> Option<Note> {
    match event {
        // The question what becomes of the text follows.
        Event::Refused { code: Code::GenerationChanged, .. } => None,
        Event::Refused { code, message, .. } => {
            let failure = refusal(*code, message, room);
            let tone = if code.is_permanent() { Tone::Bad } else { Tone::Wait };
            Some(Note::new(format!("{} {}", failure.what, failure.next), tone))
        }
        Event::Rejected { code: Code::RateLimited | Code::ResyncNeeded, .. } => None,
        Event::Rejected { code, message, .. } => Some(Note::new(refusal(*code, message, room).what, Tone::Bad)),
        Event::RoleChanged(role) => Some(Note::new(format!("You are now {role:?} here.").to_lowercase(), Tone::Plain)),
        Event::PolicyChanged(Policy { edits_per_minute, throttle_ms, .. }) => {
            let words =
                format!("This room now takes {edits_per_minute} edits a minute, one every {throttle_ms} ms at most.");
            Some(Note::new(words, Tone::Plain))
        }
        Event::NameChanged(name) => Some(Note::new(format!("Others see you as {name}."), Tone::Plain)),
        Event::GoAway { .. } => {
            Some(Note::new("The server is restarting; your changes wait on this device.", Tone::Wait))
        }
        Event::Unreachable { reason, permanent: true } => Some(Note::new(reason.clone(), Tone::Bad)),
        _ => None,
    }
}
