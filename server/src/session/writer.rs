//! The sending half of a membership: what its outbox holds goes to the sink.
//!
//! While there is nothing to do, the sink lies where the room's turn finds it, and writes to it. Whatever the sink does not take at
//! once, and all that takes long, is done here, in the membership's task, which has the sink for itself meanwhile.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use collab_proto::{Code, ServerFrame, encode_frame};

use super::Session;
use super::wire::{Datagrams, Lost, Sink};
use crate::metrics::Metrics;
use crate::room::outbox::{FastPath, Next, Outbox};
use crate::room::registry::Membership;
use crate::room::task::Command;

/// How long the last frame of a membership may take to arrive.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

/// Why not all frames were written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The connection is lost.
    Lost,
    /// The reader took nothing for too long.
    Stalled,
}

impl From<Lost> for Stop {
    fn from(Lost: Lost) -> Self {
        Self::Lost
    }
}

impl From<Stop> for Lost {
    fn from(_: Stop) -> Self {
        Self
    }
}

/// Sends what the room has for this member, in batches, until the last frame.
pub(super) async fn write(session: &Session, membership: &Membership, sink: impl Sink) -> Result<(), Stop> {
    let outbox = &membership.joined().outbox;
    let lent = Lent::new(session, outbox);
    let mut sink = sink;
    loop {
        lent.put(sink);
        let next = poll_fn(|cx| outbox.poll_next(cx)).await;
        sink = lent.take().ok_or(Stop::Lost)?;
        match next {
            Next::Send { mut frames, datagrams } => {
                datagrams.into_iter().for_each(|datagram| session.datagrams.send(datagram));
                let bytes = len(&frames);
                write_all(&mut sink, &mut frames, session.hall.stalled).await?;
                session.hall.metrics.counts.bytes_out.inc_by(bytes);
            }
            Next::Heal(since) => {
                // A room that has closed ends the outbox, which is what comes next.
                membership.tell(Command::Sync(membership.joined().seat, since.into())).await;
            }
            Next::End => return Ok(finish(sink).await?),
        }
    }
}

/// A sink that the room's turn may write to, as long as it lies here.
struct Lent<'o, S> {
    outbox: &'o Outbox,
    place: Place<S>,
}

type Place<S> = Arc<Mutex<Option<S>>>;

impl<'o, S: Sink> Lent<'o, S> {
    fn new(session: &Session, outbox: &'o Outbox) -> Self {
        let place = Place::<S>::default();
        let (datagrams, metrics) = (session.datagrams.clone(), session.hall.metrics.clone());
        outbox.set_fast_path(Some(Box::new(Borrower { place: place.clone(), datagrams, metrics })));
        Self { outbox, place }
    }

    fn put(&self, sink: S) {
        *lock(&self.place) = Some(sink);
    }

    fn take(&self) -> Option<S> {
        lock(&self.place).take()
    }
}

impl<S> Drop for Lent<'_, S> {
    /// The sink ends with the membership's task, not with the outbox, which the room has too.
    fn drop(&mut self) {
        self.outbox.set_fast_path(None);
    }
}

struct Borrower<S> {
    place: Place<S>,
    datagrams: Arc<dyn Datagrams>,
    metrics: Arc<Metrics>,
}

impl<S: Sink> FastPath for Borrower<S> {
    fn write(&mut self, frames: &mut [Bytes]) {
        if let Some(sink) = &mut *lock(&self.place) {
            let before = len(frames);
            sink.try_write(frames);
            self.metrics.counts.bytes_out.inc_by(before - len(frames));
        }
    }

    fn datagram(&mut self, datagram: Bytes) {
        self.datagrams.send(datagram);
    }
}

fn lock<S>(place: &Mutex<Option<S>>) -> MutexGuard<'_, Option<S>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says one thing and ends the stream.
pub(super) async fn say_last(mut sink: impl Sink, frame: ServerFrame) -> Result<(), Lost> {
    write_all(&mut sink, &mut [encode_frame(&frame)], FINISH_TIMEOUT).await?;
    finish(sink).await
}

/// Writes all frames; the stream of a reader that takes not a byte for as long as `stalled` is cut.
async fn write_all(sink: &mut impl Sink, mut frames: &mut [Bytes], stalled: Duration) -> Result<(), Stop> {
    while !frames.is_empty() {
        let Ok(written) = tokio::time::timeout(stalled, sink.write(frames)).await else {
            sink.cut(Code::Stalled);
            return Err(Stop::Stalled);
        };
        written?;
        let sent = frames.iter().take_while(|frame| frame.is_empty()).count();
        frames = &mut frames[sent..];
    }
    Ok(())
}

async fn finish(mut sink: impl Sink) -> Result<(), Lost> {
    tokio::time::timeout(FINISH_TIMEOUT, sink.finish()).await.map_err(|_| Lost)?
}

fn len(frames: &[Bytes]) -> u64 {
    frames.iter().map(|frame| frame.len() as u64).sum()
}
