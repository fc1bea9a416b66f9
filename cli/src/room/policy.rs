//! How often people may write in a room.

use std::str::FromStr;

use clap::Args;
use collab_proto::RoomName;
use collab_proto::api::{ChangePolicy, RoomInfo, RoomPolicy};
use collab_proto::limits::{MAX_ROOM_BURST, MAX_ROOM_EDITS_PER_MINUTE, MAX_ROOM_THROTTLE_MS};

use crate::args::Global;
use crate::{connect, output};

pub const POLICY: &str = "\
Examples:
  collab-cli room policy demo                                shows it
  collab-cli room policy demo --edits-per-minute 6           people slow down at once
  collab-cli room policy demo --throttle-ms default          goes by the server again

What is not named stays as it is. Where a room has its own number of edits a minute and none at once, that many may come at once.";

/// What a new room decides for itself.
#[derive(Debug, Args)]
pub struct Numbers {
    /// Edits a minute that each user may make, 600 at most
    #[arg(long, value_name = "EDITS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ROOM_EDITS_PER_MINUTE)))]
    edits_per_minute: Option<u32>,
    /// Edits that each user may make at once, 600 at most [default: as many as a minute]
    #[arg(long, value_name = "EDITS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ROOM_BURST)))]
    burst: Option<u32>,
    /// Shortest time between two edits of a user, in milliseconds, 60000 at most
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_ROOM_THROTTLE_MS)))]
    throttle_ms: Option<u32>,
}

impl Numbers {
    pub fn to_policy(&self) -> RoomPolicy {
        let Self { edits_per_minute, burst, throttle_ms } = *self;
        RoomPolicy { edits_per_minute, burst, throttle_ms }
    }
}

/// What is to be changed.
#[derive(Debug, Args)]
pub struct Change {
    /// Edits a minute that each user may make: 1 to 600, or default
    #[arg(long, value_name = "EDITS")]
    edits_per_minute: Option<Wanted>,
    /// Edits that each user may make at once: 1 to 600, or default
    #[arg(long, value_name = "EDITS")]
    burst: Option<Wanted>,
    /// Shortest time between two edits of a user, in milliseconds: 0 to 60000, or default
    #[arg(long, value_name = "MS")]
    throttle_ms: Option<Wanted>,
}

/// A number, or none to go by the server.
#[derive(Debug, Clone, Copy)]
struct Wanted(Option<u32>);

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(Self(None)),
            number => {
                number.parse().map(|number| Self(Some(number))).map_err(|_| "neither a number nor default".into())
            }
        }
    }
}

pub async fn policy(global: &Global, room: &RoomName, change: &Change) -> anyhow::Result<()> {
    let server = connect::as_owner(global, room)?;
    let named = |wanted: Option<Wanted>| wanted.map(|Wanted(number)| number);
    let change = ChangePolicy {
        edits_per_minute: named(change.edits_per_minute),
        burst: named(change.burst),
        throttle_ms: named(change.throttle_ms),
    };
    let answer = match change == ChangePolicy::default() {
        true => server.api.room(room).await,
        false => server.api.change_policy(room, change).await,
    };
    let info = server.answer(answer, room.as_str())?;
    if global.json {
        return output::print_json(&info);
    }
    output::print(&in_words(&info))
}

/// What holds in a room, a number a line, and whose number it is.
pub fn in_words(info: &RoomInfo) -> String {
    let RoomInfo { pace, policy, .. } = info;
    let line = |name: &str, number: u32, unit: &str, own: bool| {
        format!("{name:<10}  {number} {unit} ({})\n", if own { "this room's" } else { "the server's" })
    };
    let own_burst = policy.burst.or(policy.edits_per_minute).is_some();
    line("edits", pace.edits_per_minute, "a minute", policy.edits_per_minute.is_some())
        + &line("at once", pace.burst, "edits", own_burst)
        + &line("throttle", pace.throttle_ms, "ms between two edits", policy.throttle_ms.is_some())
}
