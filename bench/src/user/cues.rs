//! What a user is to do, and when.

use std::convert::Infallible;
use std::future::pending;
use std::time::Instant;

use tokio::sync::mpsc;

/// What a user is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Change the text.
    Edit,
    /// Ask the server for an echo.
    Ping,
    /// Move the cursor.
    Cursor,
}

/// A deed, and when it is meant to be done.
#[derive(Debug, Clone, Copy)]
pub struct Cue {
    /// When.
    pub intended: Instant,
    /// What.
    pub deed: Deed,
}

/// Held by everybody who still has something to do. Nothing is ever sent: the other end sees it dropped.
pub type Busy = mpsc::Sender<Infallible>;

/// The cues of one user, who is busy until the last of them is taken and the next one asked for.
///
/// A run must not be counted before that: an edit that lies here is none yet, and would be made when its readers have gone.
#[derive(Debug)]
pub struct Cues {
    receiver: mpsc::UnboundedReceiver<Cue>,
    busy: Option<Busy>,
}

impl Cues {
    /// Those that come from here.
    pub fn new(receiver: mpsc::UnboundedReceiver<Cue>, busy: Busy) -> Self {
        Self { receiver, busy: Some(busy) }
    }

    /// The next one; pending for ever after the last. Cancel safe.
    pub async fn next(&mut self) -> Cue {
        match self.receiver.recv().await {
            Some(cue) => cue,
            None => {
                self.busy = None;
                pending().await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_user_is_busy_until_all_is_done_that_it_was_told() {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (busy, mut idle) = mpsc::channel(1);
        let mut cues = Cues::new(receiver, busy);
        sender.send(Cue { intended: Instant::now(), deed: Deed::Edit }).unwrap();
        drop(sender);
        assert!(idle.recv().now_or_never().is_none(), "there is something to do");
        assert_eq!(cues.next().await.deed, Deed::Edit);
        assert!(idle.recv().now_or_never().is_none(), "it is being done");
        assert!(cues.next().now_or_never().is_none());
        assert_eq!(idle.recv().await, None);
    }

    #[tokio::test]
    async fn who_is_gone_is_not_waited_for() {
        let (_sender, receiver) = mpsc::unbounded_channel();
        let (busy, mut idle) = mpsc::channel(1);
        drop(Cues::new(receiver, busy));
        assert_eq!(idle.recv().await, None);
    }
}
