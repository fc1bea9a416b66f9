//! What the status line says, in words.

use std::time::{Duration, Instant};

use collab_client::driver::Way;
use collab_client::{Latency, SaveState, State};

use super::view::{Note, Tone};

/// Where the connection stands.
pub fn connection(state: State, now: Instant) -> Note {
    match state {
        State::Offline => Note::new("offline", Tone::Bad),
        State::Connecting => Note::new("connecting…", Tone::Wait),
        State::Joining => Note::new("joining…", Tone::Wait),
        State::Live => Note::new("connected", Tone::Good),
        State::Draining => Note::new("leaving…", Tone::Wait),
        State::Backoff { until } => {
            let left = until.saturating_duration_since(now);
            Note::new(format!("offline, trying again in {} s", left.as_millis().div_ceil(1000)), Tone::Bad)
        }
        State::Refused(_) => Note::new("not in the room any more", Tone::Bad),
    }
}

/// How safe one's own changes are; `kept` when they outlive the editor.
pub fn saving(state: SaveState, kept: bool) -> Note {
    match state {
        SaveState::OnDevice if kept => Note::new("kept on this device", Tone::Wait),
        SaveState::OnDevice => Note::new("only on this device", Tone::Wait),
        SaveState::Sent => Note::new("sent, not saved yet", Tone::Wait),
        SaveState::Saved => Note::new("saved", Tone::Good),
    }
}

/// How long a message takes to the server and back; none before that is known.
pub fn latency(latency: &Latency) -> Option<Note> {
    let p50 = milliseconds(Duration::from_micros(latency.p50_us?));
    if latency.loss > 0.0 {
        return Some(Note::new(format!("{p50}, {:.0} % lost", latency.loss * 100.0), Tone::Wait));
    }
    Some(Note::new(p50, Tone::Plain))
}

/// What carries the room.
pub fn way(way: Way) -> Note {
    Note::new(way.to_string(), Tone::Plain)
}

/// When waiting changes go out; none when that is now.
pub fn budget(wait: Duration) -> Option<Note> {
    let tenths = wait.as_millis().div_ceil(100);
    (tenths > 0).then(|| Note::new(format!("next edit in {}.{} s", tenths / 10, tenths % 10), Tone::Plain))
}

/// A short time for people: two digits or more that mean something.
pub fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    match ms {
        ..1.0 => format!("{ms:.2} ms"),
        ..10.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_never_says_zero_before_its_time() {
        let now = Instant::now();
        let text = |ms| connection(State::Backoff { until: now + Duration::from_millis(ms) }, now).text;
        assert_eq!(text(2_001), "offline, trying again in 3 s");
        assert_eq!(text(1), "offline, trying again in 1 s");
    }

    #[test]
    fn latency_tells_loss_only_when_there_is_some() {
        let at = |loss| latency(&Latency { p50_us: Some(430), loss, ..Latency::default() }).map(|note| note.text);
        assert_eq!(at(0.0).as_deref(), Some("0.43 ms"));
        assert_eq!(at(0.05).as_deref(), Some("0.43 ms, 5 % lost"));
        assert_eq!(latency(&Latency::default()), None);
    }

    #[test]
    fn the_budget_is_mentioned_only_while_something_waits() {
        assert_eq!(budget(Duration::ZERO), None);
        assert_eq!(budget(Duration::from_millis(1_350)).map(|note| note.text).as_deref(), Some("next edit in 1.4 s"));
    }
}
