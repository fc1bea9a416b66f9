//! A server that is killed and started again while everybody edits: who noticed when, and who was back when.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::options::load::Fault;
use crate::server_process::ServerProcess;
use crate::stats::{Latency, Precision, Summary};
use crate::user::Stage;

/// How long all may take to be back; who is not by then is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// The width of a bar of the histogram, in milliseconds.
const BAR_MS: u64 = 100;

/// Who lost the server, and who has found it again. All users live on one thread.
#[derive(Debug, Default)]
pub struct Comeback {
    trips: RefCell<HashMap<u64, Trip>>,
    arrived: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Trip {
    lost: Instant,
    live: Option<Instant>,
}

/// What a reconnect run shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reconnect {
    /// How long the server was away, in seconds: from the kill to its listening again.
    pub down_s: f64,
    /// Clients that were back in the end.
    pub back: usize,
    /// From the kill to a client's noticing.
    pub noticed: Summary,
    /// From the server's listening again to a client's being in its room with the text.
    pub live: Summary,
    /// How many were back in each tenth of a second after the server listened.
    pub back_per_100_ms: Vec<u64>,
    /// Processor time of the new server until all were back, in seconds.
    pub server_cpu_s: f64,
}

impl Comeback {
    /// A client has no connection any more.
    pub fn lost(&self, client: u64, now: Instant) {
        let mut trips = self.trips.borrow_mut();
        trips.entry(client).or_insert(Trip { lost: now, live: None }).live = None;
    }

    /// A client is in its room. One that was never away is not counted.
    pub fn live(&self, client: u64, now: Instant) {
        if let Some(trip) = self.trips.borrow_mut().get_mut(&client) {
            trip.live = Some(now);
        }
        self.arrived.notify_waiters();
    }

    fn back(&self) -> usize {
        self.trips.borrow().values().filter(|trip| trip.live.is_some()).count()
    }

    async fn all_back(&self, clients: usize) {
        loop {
            let arrived = self.arrived.notified();
            if self.back() == clients {
                return;
            }
            arrived.await;
        }
    }

    fn figures(&self, killed: Instant, open: Instant, server_cpu_s: f64) -> anyhow::Result<Reconnect> {
        let (mut noticed, mut bars) = (Latency::new(Precision::Finest)?, Vec::new());
        let mut live = noticed.clone();
        for trip in self.trips.borrow().values() {
            noticed.record(trip.lost.saturating_duration_since(killed));
            let Some(at) = trip.live else { continue };
            let after = at.saturating_duration_since(open);
            live.record(after);
            let bar = after.as_millis() as usize / BAR_MS as usize;
            bars.resize(bars.len().max(bar + 1), 0);
            bars[bar] += 1;
        }
        Ok(Reconnect {
            down_s: (open - killed).as_secs_f64(),
            back: self.back(),
            noticed: noticed.summary(),
            live: live.summary(),
            back_per_100_ms: bars,
            server_cpu_s,
        })
    }
}

/// Kills the server, starts it again on the same ports, and waits until all are back.
pub async fn kill_and_wait(
    fault: Fault,
    server: &mut ServerProcess,
    stage: &Stage,
    clients: usize,
) -> anyhow::Result<Reconnect> {
    let comeback = stage.comeback.as_ref().context("nobody counts who comes back")?;
    sleep(fault.kill_after).await;
    server.kill();
    let killed = Instant::now();
    sleep(fault.down).await;
    server.start_again(stage.target.webtransport_port()?).await.context("the server does not start again")?;
    let open = Instant::now();
    // Who is missing after the limit shows in the figures.
    let _ = timeout(PATIENCE, comeback.all_back(clients)).await;
    comeback.figures(killed, open, server.gauge().usage().unwrap_or_default().cpu.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn all_are_back_when_the_last_one_is_and_each_counts_once() {
        let (comeback, killed) = (Comeback::default(), Instant::now());
        let at = |ms| killed + Duration::from_millis(ms);
        comeback.live(1, at(0));
        assert_eq!(comeback.back(), 0, "it was never away");
        comeback.lost(1, at(10));
        comeback.lost(2, at(20));
        comeback.live(1, at(1050));
        comeback.lost(1, at(1060));
        comeback.live(2, at(1150));
        let mut all = std::pin::pin!(comeback.all_back(2));
        assert!(all.as_mut().now_or_never().is_none());
        comeback.live(1, at(1290));
        assert!(all.now_or_never().is_some());
        let figures = comeback.figures(killed, at(1000), 0.5).unwrap();
        assert_eq!((figures.back, figures.back_per_100_ms), (2, vec![0, 1, 1]));
        assert_eq!((figures.down_s, figures.noticed.count, figures.live.count), (1.0, 2, 2));
        assert!((290_000..291_000).contains(&figures.live.max_us));
    }
}
