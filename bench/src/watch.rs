//! Looks at a run while it goes on: what the server and this program use in each second, and what the user sees of it.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use crate::book::Book;
use crate::machine::Usage;
use crate::progress::Progress;
use crate::target::Target;

/// Between two looks. A second's use of the server is known so exactly.
const LOOK: Duration = Duration::from_millis(200);

/// Looks for as long as it is polled.
pub async fn watch(book: &Book, target: &Target, progress: &Progress) -> Infallible {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        looks.tick().await;
        let now = Instant::now();
        let mut recorder = book.recorder();
        recorder.tick(now);
        if seen.replace(recorder.second()) != Some(recorder.second()) {
            let server = target.gauge().and_then(|gauge| gauge.usage());
            server.into_iter().for_each(|usage| recorder.server(usage, now));
            Usage::own().into_iter().for_each(|usage| recorder.own(usage, now));
        }
        progress.look(&recorder, book.totals(), book.errors());
    }
}
