//! One person in two rooms over one connection, who reads nothing of one of them any more: what the other room notices of it.
//!
//! Each room has a stream of its own. When nobody reads a stream, it fills its window and stands still, while somebody else goes
//! on writing into that room; edits of the other room must arrive as before.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use collab_client::api::{Api, session_address};
use collab_client::driver::{Address, Choice};
use collab_client::trust::{Fingerprint, Trust};
use collab_document::visit_sections;
use collab_proto::api::RoomCreated;
use collab_proto::{ClientId, Credential, EditId, Join, PROTOCOL};
use serde::{Deserialize, Serialize};
use tokio::time::{interval, sleep_until, timeout};

use crate::options::parse::parse_duration;
use crate::report::files;
use crate::stats::{Latency, Precision, Summary};
use crate::user::hand::{Piece, encode, encode_state_vector};
use crate::wire::webtransport::Sockets;
use crate::wire::{Heard, Lost, Say, Wire};

/// Between two edits in the room that is read.
const EVERY: Duration = Duration::from_millis(20);

/// Between two edits in the room that is not read, and how long each is, in bytes: more than a stream's window in the first second.
const FLOOD_EVERY: Duration = Duration::from_millis(20);
const FLOOD_BYTES: usize = 8 * 1024;

/// How long anything may take to be answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the server is.
#[derive(Debug, Clone, Args)]
pub struct StalledOptions {
    /// Address of the API.
    #[arg(long)]
    pub url: String,

    /// SHA-256 of the certificate.
    #[arg(long, value_name = "HEX")]
    pub cert_hash: Fingerprint,

    /// How long each of the two halves is.
    #[arg(long, default_value = "5s", value_parser = parse_duration)]
    pub duration: Duration,

    /// Where the results go.
    #[arg(long, value_name = "FILE")]
    pub json: std::path::PathBuf,
}

/// How long edits took to arrive in the room that is read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Stalled {
    /// While both rooms are read and the other one is still.
    pub before: Summary,
    /// While the other one is written into and not read.
    pub beside: Summary,
    /// What was written there meanwhile, in bytes.
    pub unread_bytes: u64,
}

/// A user who writes one chain of characters into a room, and keeps its own stream read.
struct Writer {
    wire: Wire,
    client: u64,
    clock: u32,
    next: u64,
}

/// Measures both halves and writes them.
pub async fn run(options: &StalledOptions) -> anyhow::Result<std::process::ExitCode> {
    let stalled = measure(options).await?;
    files::write_json(&stalled, &options.json)?;
    Ok(std::process::ExitCode::SUCCESS)
}

async fn measure(options: &StalledOptions) -> anyhow::Result<Stalled> {
    let trust = Trust::Hashes(vec![options.cert_hash.0]);
    let api = Api::new(&options.url, trust.clone(), None)?;
    let info = api.server_info().await?;
    let Address::WebTransport(url) = session_address(&options.url, &info, Choice::WebTransport)? else {
        bail!("the server has no WebTransport");
    };
    let [read, unread] = [api.create_room("read", "a password").await?, api.create_room("unread", "a password").await?];
    let sockets = Sockets::open(&url, &trust, 1).await?;
    let (reading, standing) = sockets.connect_pair(0).await.map_err(failed)?;
    let mut reader = enter(reading, join(&read, 1)).await?;
    let _standing = enter(standing, join(&unread, 2)).await?;
    let mut author = Writer::enter(&sockets, &read, 3).await?;
    let mut flood = Writer::enter(&sockets, &unread, 4).await?;

    let before = half(&mut reader, &mut author, None, options.duration).await?;
    let beside = half(&mut reader, &mut author, Some(&mut flood), options.duration).await?;
    let unread_bytes = u64::from(flood.clock);
    sockets.close().await;
    Ok(Stalled { before, beside, unread_bytes })
}

fn failed(Lost(reason): Lost) -> anyhow::Error {
    anyhow!(reason)
}

fn join(room: &RoomCreated, client: u64) -> Join {
    Join {
        protocol: PROTOCOL,
        room: room.name.to_string(),
        credential: Credential::Token(room.owner_token.clone()),
        name: format!("user {client}"),
        client_id: ClientId(client),
        generation: None,
        state_vector: encode_state_vector(&[]).into(),
    }
}

async fn enter(mut wire: Wire, join: Join) -> anyhow::Result<Wire> {
    wire.mouth.say(Say::Join(Box::new(join)));
    while wire.mouth.has_more() {
        wire.mouth.speak().await.map_err(failed)?;
    }
    let mut is_in = false;
    let entering = async {
        while !is_in {
            wire.ear.listen(|heard| is_in |= matches!(heard, Heard::Entered(_))).await?;
        }
        Ok(())
    };
    timeout(PATIENCE, entering).await.context("no answer to a join")?.map_err(failed)?;
    Ok(wire)
}

impl Writer {
    async fn enter(sockets: &Sockets, room: &RoomCreated, client: u64) -> anyhow::Result<Self> {
        let wire = sockets.connect(0).await.map_err(failed)?;
        Ok(Self { wire: enter(wire, join(room, client)).await?, client, clock: 0, next: 0 })
    }

    /// Writes so many characters behind its last ones.
    async fn write(&mut self, length: usize) -> anyhow::Result<()> {
        let (start, end) = (self.clock, self.clock + length as u32);
        let (left, text) = (start.checked_sub(1), "x".repeat(length));
        let piece = Piece { start, end, left, right: None, text, removed: Vec::new() };
        let update = Bytes::from(encode(self.client, std::iter::once(&piece)));
        self.wire.mouth.say(Say::Edit { id: EditId(self.next), update });
        (self.clock, self.next) = (end, self.next + 1);
        while self.wire.mouth.has_more() {
            self.wire.mouth.speak().await.map_err(failed)?;
        }
        Ok(())
    }

    /// Reads on for ever.
    async fn listen(&mut self) -> anyhow::Error {
        loop {
            if let Err(lost) = self.wire.ear.listen(|_| {}).await {
                return failed(lost);
            }
        }
    }
}

/// Edits of one character, each timed from when it was due to when the reader has it.
async fn half(
    reader: &mut Wire,
    author: &mut Writer,
    mut flood: Option<&mut Writer>,
    duration: Duration,
) -> anyhow::Result<Summary> {
    let (mut latency, first, begun) = (Latency::new(Precision::Finest)?, author.clock, Instant::now());
    let (mut edits, mut floods) = (interval(EVERY), interval(FLOOD_EVERY));
    let due = |clock: u32| begun + EVERY * (clock - first);
    let mut read = first;
    while begun.elapsed() < duration || read < author.clock {
        let mut arrived = read;
        tokio::select! {
            biased;
            heard = reader.ear.listen(|heard| arrived = arrived.max(newest(&heard, author.client))) => heard.map_err(failed)?,
            _ = edits.tick(), if begun.elapsed() < duration => author.write(1).await?,
            _ = floods.tick(), if flood.is_some() => if let Some(flood) = &mut flood {
                flood.write(FLOOD_BYTES).await?;
            },
            error = quiet(&mut flood) => return Err(error),
            () = sleep_until((begun + duration + PATIENCE).into()) => bail!("an edit did not arrive"),
        }
        let now = Instant::now();
        (read..arrived).for_each(|clock| latency.record(now.saturating_duration_since(due(clock))));
        read = arrived;
    }
    Ok(latency.summary())
}

/// How far the author was read, when this is an edit.
fn newest(heard: &Heard<'_>, author: u64) -> u32 {
    let mut end = 0;
    if let Heard::Edited(update) | Heard::CaughtUp(update) = heard {
        // What cannot be read brings nothing, and the run says that an edit did not arrive.
        let _ = visit_sections(update, |section| {
            if section.client == author {
                end = end.max(section.end);
            }
        });
    }
    end
}

async fn quiet(flood: &mut Option<&mut Writer>) -> anyhow::Error {
    match flood {
        Some(flood) => flood.listen().await,
        None => std::future::pending().await,
    }
}
