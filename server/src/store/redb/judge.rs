//! What is said to the jobs of a batch.

use std::collections::HashSet;

use collab_proto::RoomName;

use super::StoreError;
use super::apply::Stop;
use super::pending::Write;
use super::queue::{Job, Op};

/// The answers to a batch, in its order, to be given once it is durable.
pub(super) type Answers = Vec<Result<u64, StoreError>>;

/// Does a batch, one by one. A refusal is the answer to one write, anything else stops them all. `broken` are the rooms in which
/// an append failed and that were not loaded since.
pub(super) fn judge(
    batch: &[Job],
    broken: &mut HashSet<RoomName>,
    mut number: impl FnMut(&Op) -> Result<u64, Stop>,
) -> Result<Answers, StoreError> {
    let judged = batch.iter().map(|job| match check_broken(broken, &job.op).and_then(|()| number(&job.op)) {
        Ok(number) => Ok(Ok(number)),
        Err(Stop::Refused(error)) => Ok(Err(error)),
        Err(Stop::Broken(error)) => Err(error),
    });
    judged.collect()
}

/// Refuses an append behind a failed one. A load, and the end of a room, make up for the failure.
fn check_broken(broken: &mut HashSet<RoomName>, op: &Op) -> Result<(), Stop> {
    match op {
        Op::Write(Write::Append(append)) if broken.contains(&append.room) => Err(Stop::Refused(StoreError::Failed(
            "an earlier edit of this room failed, and the room was not loaded since".into(),
        ))),
        Op::Load(name) | Op::Delete(name, _) => {
            broken.remove(name);
            Ok(())
        }
        _ => Ok(()),
    }
}
