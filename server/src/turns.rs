//! Turns at the network thread, for those who come.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many handshakes are under way at once. Each holds the network thread up for the better part of a millisecond in all.
const AT_ONCE: usize = 8;

/// How long a handshake counts as under way: beyond, it waits for its client.
const LONGEST: Duration = Duration::from_millis(8);

/// A handshake takes turns with the others that are to be done: so a thousand who come at once wait for each other, and those
/// who are here notice little. Turns are given in the order of asking. Clones share them.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Does this when there is a turn for it, and gives the turn back when it is done, or after 8 ms. Cancel safe as far as the
    /// work is.
    pub async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        // It is never closed.
        let turn = self.0.acquire().await;
        let done = timeout(LONGEST, work.as_mut()).await;
        drop(turn);
        match done {
            Ok(done) => done,
            Err(_) => work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn so_many_have_a_turn_and_the_next_waits_until_one_is_done_or_waits_for_its_client() {
        let turns = Turns::default();
        let slow = std::iter::repeat_with(|| Box::pin(turns.take(pending::<()>())));
        let mut slow: Vec<_> = slow.take(AT_ONCE).collect();
        assert!(slow.iter_mut().all(|slow| slow.now_or_never().is_none()));
        assert!(turns.take(ready(())).now_or_never().is_none(), "all turns are taken");
        slow.pop();
        assert!(turns.take(ready(())).now_or_never().is_some(), "one has gone");
        slow.push(Box::pin(turns.take(pending())));
        let since = std::time::Instant::now();
        let waiting = futures_util::future::join_all(slow);
        tokio::select! {
            biased;
            _ = waiting => panic!("their clients never answer"),
            () = turns.take(ready(())) => {}
        }
        assert!(since.elapsed() >= LONGEST, "{:?}", since.elapsed());
    }
}
