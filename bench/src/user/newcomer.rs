//! Somebody who comes to a Yjs server when all others have left, to see what it kept.

use std::time::Duration;

use collab_client::Config;
use collab_document::{Document, EMPTY_UPDATE, sections};
use collab_proto::{Join, PROTOCOL};
use tokio::time::timeout;

use super::Stage;
use super::full::Digest;
use super::hand::encode_state_vector;
use crate::wire::{Heard, Lost, Say};

/// How long the server may take to give everything. Some give an empty text first, and what is on their disk later.
const LIMIT: Duration = Duration::from_secs(10);

/// Reads a room until everything that was written is there; none when that does not happen.
pub async fn read(stage: &Stage, room: usize, config: Config) -> Option<Digest> {
    let _permit = stage.gate.acquire().await.ok()?;
    let mut document = Document::new(config.client_id.0);
    let outcome = timeout(LIMIT, gather(stage, room, config, &mut document)).await;
    match outcome {
        Ok(Ok(())) => return Some(Digest::of(&document.text())),
        Ok(Err(Lost(reason))) => stage.book.error(format!("cannot read a room again: {reason}")),
        Err(_) => (0..missing(stage, room, &document)).for_each(|_| stage.book.error("edit is gone")),
    }
    None
}

async fn gather(stage: &Stage, room: usize, config: Config, document: &mut Document) -> Result<(), Lost> {
    let join = join(config);
    let mut wire = stage.target.network().connect(room, &join).await?;
    wire.mouth.say(Say::Join(Box::new(join)));
    while wire.mouth.has_more() {
        wire.mouth.speak().await?;
    }
    let (mut is_in, mut failure) = (false, None);
    while !is_in || missing(stage, room, document) > 0 {
        let mut load = |update: &[u8]| failure = document.load(update).err();
        wire.ear
            .listen(|heard| match heard {
                Heard::Entered(entered) => {
                    is_in = true;
                    load(&entered.missing);
                }
                Heard::Edited(update) => load(update),
                _ => {}
            })
            .await?;
        if let Some(error) = failure {
            return Err(Lost(format!("what the server gives cannot be read: {error}")));
        }
    }
    wire.mouth.leave().await;
    Ok(())
}

fn missing(stage: &Stage, room: usize, document: &Document) -> u64 {
    let state = document.state().unwrap_or_else(|_| EMPTY_UPDATE.to_vec());
    stage.book.unkept(room, &sections(&state).unwrap_or_default())
}

fn join(config: Config) -> Join {
    Join {
        protocol: PROTOCOL,
        room: config.room.to_string(),
        credential: config.credential,
        name: config.name,
        client_id: config.client_id,
        generation: None,
        state_vector: encode_state_vector(&[]).into(),
    }
}
