use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn new(limit: usize) -> Arc<Outbox> {
    Outbox::new(limit, Turn::default())
}

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
    let outbox = new(100);
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
    let outbox = new(10);
    outbox.push_edit(frame(50), Vec::new);
    assert_eq!(sent(&outbox), 1);
    assert_eq!(outbox.push(frame(50)), Ok(()));
    assert_eq!(sent(&outbox), 1);
}

#[test]
fn frames_that_cannot_be_dropped_are_bounded_at_twice_the_limit() {
    let outbox = new(10);
    assert_eq!(outbox.push(frame(10)), Ok(()));
    assert_eq!(outbox.push(frame(10)), Ok(()));
    assert_eq!(outbox.push(frame(1)), Err(Overflow));
    assert_eq!(outbox.bytes(), 20);
}

#[test]
fn a_resync_larger_than_the_limit_leaves_room_for_what_cannot_be_dropped() {
    let outbox = new(10);
    outbox.push_resync(|| frame(500));
    assert_eq!(outbox.push(frame(20)), Ok(()));
    assert_eq!(outbox.push(frame(1)), Err(Overflow));
    assert_eq!(outbox.bytes(), 520);
}

#[test]
fn the_last_frame_is_sent_before_the_end() {
    let outbox = new(10);
    outbox.end(Some(frame(1)));
    outbox.end(Some(frame(1)));
    outbox.push_edit(frame(1), Vec::new);
    assert_eq!(sent(&outbox), 1);
    assert_eq!(next(&outbox), Poll::Ready(Next::End));
}

#[test]
fn asking_again_without_reading_queues_nothing() {
    let outbox = new(10);
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
    let outbox = new(10);
    for i in 0..=MAX_DATAGRAMS as u8 {
        outbox.push_datagram(vec![i].into());
    }
    let Poll::Ready(Next::Send { datagrams, .. }) = next(&outbox) else { panic!("nothing to send") };
    assert_eq!((datagrams.len(), datagrams[0][0]), (MAX_DATAGRAMS, 1));
}

#[derive(Default)]
struct Count(AtomicUsize);

impl std::task::Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    /// A task that waits for the outbox.
    fn waiting(outbox: &Outbox) -> Arc<Self> {
        let count = Arc::new(Self::default());
        assert_eq!(outbox.poll_next(&mut Context::from_waker(&count.clone().into())), Poll::Pending);
        count
    }

    fn woken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that takes so many bytes more.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<(usize, Vec<u8>)>>);

impl Pipe {
    fn of(outbox: &Outbox, takes: usize) -> Self {
        let pipe = Self(Arc::new(Mutex::new((takes, Vec::new()))));
        outbox.set_fast_path(Some(Box::new(pipe.clone())));
        pipe
    }

    fn taken(&self) -> Vec<u8> {
        self.0.lock().expect("whole").1.clone()
    }
}

impl FastPath for Pipe {
    fn write(&mut self, frames: &mut [Bytes]) {
        let (takes, taken) = &mut *self.0.lock().expect("whole");
        for frame in frames {
            let piece = frame.split_to(frame.len().min(*takes));
            *takes -= piece.len();
            taken.extend(piece);
        }
    }

    fn datagram(&mut self, datagram: Bytes) {
        self.0.lock().expect("whole").1.extend(datagram);
    }
}

#[test]
fn the_end_of_a_turn_wakes_the_sender_once() {
    let turn = Turn::default();
    let outbox = Outbox::new(10, turn.clone());
    let task = Count::waiting(&outbox);
    outbox.push_edit(frame(1), Vec::new);
    outbox.push_edit(frame(1), Vec::new);
    assert_eq!(task.woken(), 0, "more may follow in the same turn");
    turn.end();
    turn.end();
    assert_eq!(task.woken(), 1);
}

#[test]
fn a_turn_that_never_ends_keeps_nothing() {
    let turn = Turn::default();
    let outbox = Outbox::new(10, turn.clone());
    outbox.push_edit(frame(1), Vec::new);
    let left = Arc::downgrade(&outbox);
    drop(outbox);
    assert!(left.upgrade().is_none());
    turn.end();
}

#[test]
fn a_flush_writes_to_the_connection_of_a_sender_that_waits() {
    let outbox = new(10);
    let pipe = Pipe::of(&outbox, 100);
    outbox.push_edit(vec![1, 2].into(), Vec::new);
    outbox.flush();
    assert_eq!(pipe.taken(), [0; 0], "the sender is at work: it has taken frames that come before these");
    assert_eq!(sent(&outbox), 1);
    let task = Count::waiting(&outbox);
    outbox.push_edit(vec![3].into(), Vec::new);
    outbox.push_datagram(vec![9].into());
    outbox.push_edit(vec![4].into(), Vec::new);
    outbox.flush();
    assert_eq!((pipe.taken(), outbox.bytes(), task.woken()), (vec![3, 4, 9], 0, 0));
}

#[test]
fn what_the_connection_does_not_take_is_left_to_the_sender_in_order() {
    let outbox = new(10);
    let pipe = Pipe::of(&outbox, 3);
    let task = Count::waiting(&outbox);
    outbox.push_edit(vec![1, 2].into(), Vec::new);
    outbox.push_edit(vec![3, 4].into(), Vec::new);
    outbox.flush();
    outbox.push_edit(vec![5].into(), Vec::new);
    outbox.flush();
    assert_eq!((pipe.taken(), outbox.bytes(), task.woken()), (vec![1, 2, 3], 2, 1));
    let rest = vec![Bytes::from_static(&[4]), Bytes::from_static(&[5])];
    assert_eq!(next(&outbox), Poll::Ready(Next::Send { frames: rest, datagrams: vec![] }));
}

#[test]
fn a_resync_a_cure_and_the_end_are_the_senders() {
    let outbox = new(10);
    let pipe = Pipe::of(&outbox, 100);
    let task = Count::waiting(&outbox);
    outbox.push_resync(|| frame(1));
    outbox.flush();
    assert_eq!((pipe.taken().len(), task.woken(), sent(&outbox)), (0, 1, 1));
    let task = Count::waiting(&outbox);
    outbox.push_edit(frame(10), Vec::new);
    outbox.push_edit(frame(1), || vec![7]);
    outbox.flush();
    assert_eq!((pipe.taken().len(), task.woken()), (10, 1), "an edit was dropped in this turn");
    assert_eq!(next(&outbox), Poll::Ready(Next::Heal(vec![7])));
    let task = Count::waiting(&outbox);
    outbox.end(Some(frame(1)));
    outbox.flush();
    assert_eq!((pipe.taken().len(), task.woken(), sent(&outbox)), (10, 1, 1));
}
