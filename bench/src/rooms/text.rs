//! What the rooms of a run hold: text that is put in before, and what must be there in the end.

use std::time::Duration;

use anyhow::{Context, ensure};
use collab_client::Config;
use collab_document::sections;
use futures_util::future::{join_all, try_join_all};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::Rooms;
use crate::cast::{Play, config};
use crate::options::JoinBy;
use crate::user::full::{self, Digest};
use crate::user::{Outcome, Stage, newcomer};

/// How long a text may take to be saved.
const PREFILL_LIMIT: Duration = Duration::from_secs(30);

/// Lets each room hold so many bytes, written by somebody who leaves again.
pub async fn prefill(play: Play<'_>) -> anyhow::Result<()> {
    let Play { load, rooms, deal, stage, .. } = play;
    if load.prefill == 0 {
        return Ok(());
    }
    let line = "All of this was written before anybody came. ";
    let text: String = line.chars().cycle().take(load.prefill as usize).collect();
    let mut random = StdRng::seed_from_u64(load.seed.rotate_left(32));
    let configs = (0..load.rooms()).map(|room| {
        let number = load.clients() + load.rooms() + room;
        (room, by_token(config(load, rooms, room, number, &mut random), rooms, room))
    });
    let here = configs.filter(|(room, _)| deal.has_room(*room));
    try_join_all(here.map(|(_, config)| write(stage, config, &text))).await.map(drop)
}

/// Quick, whatever users come in with.
fn by_token(config: Config, rooms: &Rooms, room: usize) -> Config {
    Config { credential: rooms.credential(room, JoinBy::Token), ..config }
}

async fn write(stage: &Stage, config: Config, text: &str) -> anyhow::Result<()> {
    let entered = full::enter(stage, config, None).await;
    let (mut driver, _) = entered.context("whoever was to write the rooms' first text did not get in")?;
    driver.splice(0, 0, text).context("the rooms' first text was refused")?;
    let saved = driver.finish(PREFILL_LIMIT).await;
    ensure!(saved.is_ok(), "the rooms' first text was not saved within {} s", PREFILL_LIMIT.as_secs());
    Ok(())
}

/// Whether in each room the server gives somebody new every saved edit, and the text that every replica has.
pub async fn converged(play: Play<'_>, outcomes: &[Outcome]) -> bool {
    let Play { load, rooms, deal, stage, .. } = play;
    let mut random = StdRng::seed_from_u64(!load.seed);
    let readers = (0..load.rooms()).map(|room| {
        let config = config(load, rooms, room, load.clients() + room, &mut random);
        async move { if deal.has_room(room) { kept(stage, room, by_token(config, rooms, room)).await } else { None } }
    });
    let kept = join_all(readers).await;
    let differ = outcomes.iter().filter(|it| it.digest.is_some() && it.digest != kept[it.seat.room]).count();
    (0..differ).for_each(|_| stage.book.error("replica differs"));
    differ == 0 && (0..load.rooms()).all(|room| kept[room].is_some() || !deal.has_room(room))
}

/// What the server gives to somebody new; none when that is not all that it has promised to keep.
async fn kept(stage: &Stage, room: usize, config: Config) -> Option<Digest> {
    if stage.target.network().is_yjs() {
        return newcomer::read(stage, room, config).await;
    }
    let (driver, _) = full::enter(stage, config, None).await?;
    let document = driver.client().document();
    let kept = document.state().ok().and_then(|state| sections(&state).ok())?;
    let gone = stage.book.unkept(room, &kept);
    (0..gone).for_each(|_| stage.book.error("saved edit is gone"));
    (gone == 0).then(|| Digest::of(&document.text()))
}
