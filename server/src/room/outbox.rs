//! What waits to be sent to one member: bounded in bytes, healed by one diff when the member reads too slowly.
//!
//! Edits that do not fit are dropped, and the state vector from before the first dropped one is kept. Once the member has read
//! what was queued, the room answers with one [`ServerFrame::Resync`] from that state vector: it holds everything that was
//! dropped. So the memory per member is bounded and no edit is lost.
//!
//! No runtime is named here: the sending side polls with a [`Context`].
//!
//! [`ServerFrame::Resync`]: collab_proto::ServerFrame::Resync

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// How many datagrams may wait; the newest win.
const MAX_DATAGRAMS: usize = 64;

/// The queue between a room and the task that writes to one member.
#[derive(Debug)]
pub struct Outbox(Mutex<Inner>);

#[derive(Debug)]
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
    waker: Option<Waker>,
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
    /// An empty outbox that drops edits above `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self(Mutex::new(Inner {
            frames: VecDeque::new(),
            datagrams: VecDeque::new(),
            bytes: 0,
            limit,
            lag: Lag::None,
            resync_bytes: 0,
            ended: false,
            waker: None,
        }))
    }

    /// Queues an edit, or drops it when it does not fit. `before` gives the state vector from before the edit.
    pub fn push_edit(&self, frame: Bytes, before: impl FnOnce() -> Vec<u8>) {
        let mut inner = self.lock();
        if inner.lag != Lag::None {
            return;
        }
        if inner.bytes + frame.len() > inner.limit && !inner.frames.is_empty() {
            inner.lag = Lag::Behind(before());
            return;
        }
        inner.push(frame);
    }

    /// Queues a frame that may not be dropped.
    ///
    /// # Errors
    ///
    /// [`Overflow`] when more than twice the limit would wait besides a resync; the frame is not queued.
    pub fn push(&self, frame: Bytes) -> Result<(), Overflow> {
        let mut inner = self.lock();
        let besides = inner.bytes - inner.resync_bytes;
        if besides > 0 && besides + frame.len() > 2 * inner.limit {
            return Err(Overflow);
        }
        inner.push(frame);
        Ok(())
    }

    /// Queues the answer to [`Next::Heal`], or to a request for everything. Edits flow again.
    ///
    /// While an earlier answer still waits here, a second one is not queued, since what follows the first completes it, be it
    /// edits or the diff for those that were dropped: so somebody who asks and never reads makes nothing grow.
    pub fn push_resync(&self, frame: impl FnOnce() -> Bytes) {
        let mut inner = self.lock();
        if inner.resync_bytes > 0 {
            return;
        }
        inner.lag = Lag::None;
        let frame = frame();
        inner.resync_bytes = frame.len();
        inner.push(frame);
    }

    /// Queues a datagram; the oldest goes when too many wait.
    pub fn push_datagram(&self, datagram: Bytes) {
        let mut inner = self.lock();
        if inner.datagrams.len() == MAX_DATAGRAMS {
            inner.datagrams.pop_front();
        }
        inner.datagrams.push_back(datagram);
        inner.wake();
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

    /// Takes everything that waits, or says what else to do. Pending while there is nothing.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut inner = self.lock();
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, frame: Bytes) {
        if self.ended {
            return;
        }
        self.bytes += frame.len();
        self.frames.push_back(frame);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(outbox: &Outbox) -> Poll<Next> {
        outbox.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    fn sent(outbox: &Outbox) -> usize {
        match next(outbox) {
            Poll::Ready(Next::Send { frames, .. }) => frames.len(),
            other => panic!("nothing to send: {other:?}"),
        }
    }

    fn frame(len: usize) -> Bytes {
        vec![0; len].into()
    }

    #[test]
    fn edits_are_dropped_beyond_the_limit_and_healed_from_before_the_first() {
        let outbox = Outbox::new(100);
        outbox.push_edit(frame(60), || vec![0]);
        outbox.push_edit(frame(40), || vec![1]);
        outbox.push_edit(frame(1), || vec![2]);
        outbox.push_edit(frame(1), || vec![3]);
        assert_eq!(outbox.bytes(), 100);
        assert_eq!(sent(&outbox), 2);
        assert_eq!(next(&outbox), Poll::Ready(Next::Heal(vec![2])));
        outbox.push_edit(frame(1), || vec![4]);
        assert_eq!(next(&outbox), Poll::Pending, "the diff will hold it");
        outbox.push_resync(|| frame(500));
        outbox.push_edit(frame(1), || vec![5]);
        assert_eq!(sent(&outbox), 1);
        assert_eq!(next(&outbox), Poll::Ready(Next::Heal(vec![5])), "a large diff fills the queue by itself");
    }

    #[test]
    fn one_frame_always_fits_an_empty_queue() {
        let outbox = Outbox::new(10);
        outbox.push_edit(frame(50), Vec::new);
        assert_eq!(sent(&outbox), 1);
        assert_eq!(outbox.push(frame(50)), Ok(()));
        assert_eq!(sent(&outbox), 1);
    }

    #[test]
    fn frames_that_cannot_be_dropped_are_bounded_at_twice_the_limit() {
        let outbox = Outbox::new(10);
        assert_eq!(outbox.push(frame(10)), Ok(()));
        assert_eq!(outbox.push(frame(10)), Ok(()));
        assert_eq!(outbox.push(frame(1)), Err(Overflow));
        assert_eq!(outbox.bytes(), 20);
    }

    #[test]
    fn a_resync_larger_than_the_limit_leaves_room_for_what_cannot_be_dropped() {
        let outbox = Outbox::new(10);
        outbox.push_resync(|| frame(500));
        assert_eq!(outbox.push(frame(20)), Ok(()));
        assert_eq!(outbox.push(frame(1)), Err(Overflow));
        assert_eq!(outbox.bytes(), 520);
    }

    #[test]
    fn the_last_frame_is_sent_before_the_end() {
        let outbox = Outbox::new(10);
        outbox.end(Some(frame(1)));
        outbox.end(Some(frame(1)));
        outbox.push_edit(frame(1), Vec::new);
        assert_eq!(sent(&outbox), 1);
        assert_eq!(next(&outbox), Poll::Ready(Next::End));
    }

    #[test]
    fn asking_again_without_reading_queues_nothing() {
        let outbox = Outbox::new(10);
        (0..9).for_each(|_| outbox.push_resync(|| frame(500)));
        assert_eq!(outbox.bytes(), 500);
        assert_eq!(sent(&outbox), 1);
        outbox.push_resync(|| frame(500));
        assert_eq!(outbox.bytes(), 500);
        outbox.push_edit(frame(1), || vec![7]);
        outbox.push_resync(|| frame(500));
        assert_eq!(outbox.bytes(), 500, "nor when an edit was dropped meanwhile");
        assert_eq!(sent(&outbox), 1);
        assert_eq!(next(&outbox), Poll::Ready(Next::Heal(vec![7])), "which the next diff holds");
    }

    #[test]
    fn datagrams_keep_the_newest() {
        let outbox = Outbox::new(10);
        for i in 0..=MAX_DATAGRAMS as u8 {
            outbox.push_datagram(vec![i].into());
        }
        let Poll::Ready(Next::Send { datagrams, .. }) = next(&outbox) else { panic!("nothing to send") };
        assert_eq!((datagrams.len(), datagrams[0][0]), (MAX_DATAGRAMS, 1));
    }

    #[test]
    fn a_push_wakes_the_sender_once() {
        struct Count(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let count = std::sync::Arc::new(Count(0.into()));
        let outbox = Outbox::new(10);
        assert_eq!(outbox.poll_next(&mut Context::from_waker(&count.clone().into())), Poll::Pending);
        outbox.push_edit(frame(1), Vec::new);
        outbox.push_edit(frame(1), Vec::new);
        assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
