//! Hands log entries to the store without making anybody wait for the disk.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::audit::NewEntry;
use crate::store::Store;

/// Entries that may wait. Beyond it whoever writes an entry waits too, so that nothing is left out of the log.
const MAX_WAITING: usize = 4096;

/// Entries of one commit.
const MAX_BATCH: usize = 1024;

/// Where entries are handed over. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Auditor(mpsc::Sender<NewEntry>);

impl Auditor {
    /// Starts the task that writes. It ends, with everything written, once every auditor is dropped.
    pub fn start(store: Arc<dyn Store>) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        (Self(sender), tokio::spawn(write(store, receiver)))
    }

    /// Hands an entry over; waits while too many do.
    pub async fn record(&self, entry: NewEntry) {
        if self.0.send(entry).await.is_err() {
            tracing::error!("the audit log is closed; an entry is lost");
        }
    }
}

async fn write(store: Arc<dyn Store>, mut receiver: mpsc::Receiver<NewEntry>) {
    let mut batch = Vec::new();
    while receiver.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let entries = std::mem::take(&mut batch);
        let count = entries.len();
        if let Err(error) = store.log(entries).await {
            tracing::error!(%error, count, "entries of the audit log are lost");
        }
    }
}
