//! The way into a room: a connection, a join, and the answer to it.

use std::rc::Rc;
use std::time::Duration;

use collab_proto::Join;
use tokio::time::{sleep, timeout};

use super::Stage;
use crate::wire::{Ear, Entered, Heard, Lost, Refusal, Say, Wire};

/// Longest time from an open connection to the answer to a join, when others join too.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// A connection on which the user is in the room.
pub struct Arrival {
    /// The connection.
    pub wire: Wire,
    /// What the user learnt.
    pub entered: Box<Entered>,
    /// Edits that came in one breath with the welcome.
    pub edits: Vec<Vec<u8>>,
}

/// Why a user is not, or no longer, in its room.
pub enum End {
    /// The run is over.
    Done,
    /// The connection broke, or did not come about.
    Lost(Lost),
    /// The server sent it away.
    Refused(Refusal),
}

impl From<Lost> for End {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// One connection, from its beginning to the welcome.
pub async fn attempt(stage: Rc<Stage>, user: usize, join: Join, wait: Duration) -> Result<Arrival, End> {
    if !wait.is_zero() {
        sleep(wait).await;
    }
    let mut wire = stage.target.network().connect(user, &join).await?;
    wire.mouth.say(Say::Join(Box::new(join)));
    while wire.mouth.has_more() {
        wire.mouth.speak().await?;
    }
    let mut edits = Vec::new();
    let answer = timeout(ANSWER_LIMIT, welcome(&mut wire.ear, &mut edits)).await;
    let entered = answer.unwrap_or_else(|_| Err(Lost("the server does not answer".to_owned()).into()))?;
    Ok(Arrival { wire, entered, edits })
}

async fn welcome(ear: &mut Ear, edits: &mut Vec<Vec<u8>>) -> Result<Box<Entered>, End> {
    let mut answer = None;
    while answer.is_none() {
        ear.listen(|heard| match heard {
            Heard::Entered(entered) => answer = Some(Ok(entered)),
            Heard::Ended(refusal) => answer = Some(Err(End::Refused(refusal))),
            Heard::Edited(update) => edits.push(update.to_vec()),
            _ => {}
        })
        .await?;
    }
    answer.unwrap_or(Err(End::Done))
}
