//! What waits to be sent to one member: bounded in bytes, healed by one diff when the member reads too slowly.
//!
//! Edits that do not fit are dropped, and the state vector from before the first dropped one is kept. Once the member has read
//! what was queued, the room answers with one [`ServerFrame::Resync`] from that state vector: it holds everything that was
//! dropped. So the memory per member is bounded and no edit is lost.
//!
//! Whatever is pushed waits until the outbox is flushed, at the end of the room's [`Turn`]. While the member's task has nothing to
//! do, a flush writes to the connection itself, by a [`FastPath`]: nobody need be woken where the connection takes everything.
//!
//! No runtime is named here: the sending side polls with a [`Context`].
//!
//! [`ServerFrame::Resync`]: collab_proto::ServerFrame::Resync

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::turn::Turn;

/// How many datagrams may wait; the newest win.
const MAX_DATAGRAMS: usize = 64;

/// Writes to a member's connection without waiting.
pub trait FastPath: Send {
    /// Sends as much of the frames as the connection takes now, and cuts it off their front. What is left goes through the
    /// member's task, which also finds out when the connection is lost.
    fn write(&mut self, frames: &mut [Bytes]);

    /// Sends a datagram, or drops it.
    fn datagram(&mut self, datagram: Bytes);
}

/// The queue between a room and the task that writes to one member.
#[derive(Debug)]
pub struct Outbox {
    turn: Turn,
    inner: Mutex<Inner>,
}

struct Inner {
    frames: VecDeque<Bytes>,
    datagrams: VecDeque<Bytes>,
    /// Bytes in `frames`.
    bytes: usize,
    /// Above this many bytes edits are dropped.
    limit: usize,
    /// The state vector from before the first dropped edit, while edits are dropped.
    lag: Lag,
    /// Bytes of the resync among `frames`; 0 when there is none. It may be as large as the document, whatever the limit.
    resync_bytes: usize,
    ended: bool,
    /// Whether the turn knows that there is something to flush.
    noted: bool,
    fast_path: Option<Box<dyn FastPath>>,
    /// The member's task while it waits, which it does only when everything it took is written.
    waker: Option<Waker>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("bytes", &self.bytes).field("lag", &self.lag).finish_non_exhaustive()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Lag {
    None,
    /// Edits are dropped; the reader has not caught up with what was queued.
    Behind(Vec<u8>),
    /// The reader has caught up and the room was asked for a diff; edits are still dropped, the diff will hold them.
    Healing,
}

/// What the writing task does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send these, in this order.
    Send {
        /// Frames for the stream.
        frames: Vec<Bytes>,
        /// Datagrams.
        datagrams: Vec<Bytes>,
    },
    /// Everything queued is sent and edits were dropped: ask the room for a diff from this state vector.
    Heal(Vec<u8>),
    /// Everything is sent and nothing will follow.
    End,
}

/// An outbox in which more than twice its limit waits, besides one resync. The member must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

impl Outbox {
    /// An empty outbox that drops edits above `limit` bytes, and is flushed at the end of each turn in which something was
    /// pushed.
    pub fn new(limit: usize, turn: Turn) -> Arc<Self> {
        let inner = Inner {
            frames: VecDeque::new(),
            datagrams: VecDeque::new(),
            bytes: 0,
            limit,
            lag: Lag::None,
            resync_bytes: 0,
            ended: false,
            noted: false,
            fast_path: None,
            waker: None,
        };
        Arc::new(Self { turn, inner: Mutex::new(inner) })
    }

    /// What flushes use from now on. None when the connection's sending half is gone.
    pub fn set_fast_path(&self, fast_path: Option<Box<dyn FastPath>>) {
        self.lock().fast_path = fast_path;
    }

    /// Queues an edit, or drops it when it does not fit. `before` gives the state vector from before the edit.
    pub fn push_edit(self: &Arc<Self>, frame: Bytes, before: impl FnOnce() -> Vec<u8>) {
        let mut inner = self.lock();
        if inner.lag != Lag::None {
            return;
        }
        if inner.bytes + frame.len() > inner.limit && !inner.frames.is_empty() {
            inner.lag = Lag::Behind(before());
            return;
        }
        inner.push(frame);
        self.note(inner);
    }

    /// Queues a frame that may not be dropped.
    ///
    /// # Errors
    ///
    /// [`Overflow`] when more than twice the limit would wait besides a resync; the frame is not queued.
    pub fn push(self: &Arc<Self>, frame: Bytes) -> Result<(), Overflow> {
        let mut inner = self.lock();
        let besides = inner.bytes - inner.resync_bytes;
        if besides > 0 && besides + frame.len() > 2 * inner.limit {
            return Err(Overflow);
        }
        inner.push(frame);
        self.note(inner);
        Ok(())
    }

    /// Queues the answer to [`Next::Heal`], or to a request for everything. Edits flow again.
    ///
    /// While an earlier answer still waits here, a second one is not queued, since what follows the first completes it, be it
    /// edits or the diff for those that were dropped: so somebody who asks and never reads makes nothing grow.
    pub fn push_resync(self: &Arc<Self>, frame: impl FnOnce() -> Bytes) {
        let mut inner = self.lock();
        if inner.resync_bytes > 0 {
            return;
        }
        inner.lag = Lag::None;
        let frame = frame();
        inner.resync_bytes = frame.len();
        inner.push(frame);
        self.note(inner);
    }

    /// Queues a datagram; the oldest goes when too many wait.
    pub fn push_datagram(self: &Arc<Self>, datagram: Bytes) {
        let mut inner = self.lock();
        if inner.datagrams.len() == MAX_DATAGRAMS {
            inner.datagrams.pop_front();
        }
        inner.datagrams.push_back(datagram);
        self.note(inner);
    }

    /// Ends the queue after a last frame. What waits is still sent; later pushes are for nothing.
    pub fn end(&self, last: Option<Bytes>) {
        let mut inner = self.lock();
        if inner.ended {
            return;
        }
        if let Some(frame) = last {
            inner.push(frame);
        }
        inner.lag = Lag::None;
        inner.ended = true;
        inner.wake();
    }

    /// Sends what waits, as far as it goes at once; the member's task does the rest.
    pub fn flush(&self) {
        let mut inner = self.lock();
        inner.noted = false;
        // A task that is at work looks here again before it waits.
        if inner.waker.is_some() {
            inner.send_fast();
            if inner.has_work() {
                inner.wake();
            }
        }
    }

    /// Takes everything that waits, or says what else to do. Pending while there is nothing.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut inner = self.lock();
        inner.waker = None;
        if !inner.frames.is_empty() || !inner.datagrams.is_empty() {
            inner.bytes = 0;
            inner.resync_bytes = 0;
            let frames = inner.frames.drain(..).collect();
            let datagrams = inner.datagrams.drain(..).collect();
            return Poll::Ready(Next::Send { frames, datagrams });
        }
        if inner.ended {
            return Poll::Ready(Next::End);
        }
        if let Lag::Behind(since) = &mut inner.lag {
            let since = std::mem::take(since);
            inner.lag = Lag::Healing;
            return Poll::Ready(Next::Heal(since));
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// How many bytes of frames wait.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the turn, once, that there is something to flush. Nothing is once it has ended: its task was woken for the rest.
    fn note(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>) {
        if !inner.ended && !std::mem::replace(&mut inner.noted, true) {
            drop(inner);
            self.turn.note(Arc::downgrade(self));
        }
    }
}

impl Inner {
    fn push(&mut self, frame: Bytes) {
        if self.ended {
            return;
        }
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// A resync is left to the task, since it may be large, and so is the end.
    fn send_fast(&mut self) {
        let Some(fast_path) = &mut self.fast_path else { return };
        if self.ended || self.resync_bytes > 0 {
            return;
        }
        fast_path.write(self.frames.make_contiguous());
        while self.frames.front().is_some_and(Bytes::is_empty) {
            self.frames.pop_front();
        }
        self.bytes = self.frames.iter().map(Bytes::len).sum();
        self.datagrams.drain(..).for_each(|datagram| fast_path.datagram(datagram));
    }

    /// Whether the member's task has something to do.
    fn has_work(&self) -> bool {
        !self.frames.is_empty() || !self.datagrams.is_empty() || self.ended || matches!(self.lag, Lag::Behind(_))
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
