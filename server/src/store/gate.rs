//! The bound on what waits for the disk.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{Admission, StoreError};

/// How many bytes of edits may wait for the disk.
pub const WAITING_BYTES: u32 = 64 << 20;

/// What an edit costs besides its bytes: its log entry and its place in the queue.
const APPEND_OVERHEAD: usize = 512;

/// Lets edits in as long as there is room.
#[derive(Debug)]
pub(super) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(WAITING_BYTES as usize)))
    }

    /// Waits for room for `bytes`, or for all the room there is.
    pub(super) async fn admit(&self, bytes: usize) -> Result<Admission, StoreError> {
        let cost = u32::try_from(bytes.saturating_add(APPEND_OVERHEAD)).unwrap_or(u32::MAX).min(WAITING_BYTES);
        let permit = self.0.clone().acquire_many_owned(cost).await;
        permit.map(Admission).map_err(|_| StoreError::Closed)
    }

    /// Lets nobody in any more, nor those who wait.
    pub(super) fn close(&self) {
        self.0.close();
    }
}
