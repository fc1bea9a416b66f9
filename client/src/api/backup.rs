//! Everything that a server holds, as one file.

use std::time::Duration;

use reqwest::Method;

use super::{ANSWER_LIMIT, Api, ApiFailure};
use crate::seal::Seal;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupFailure {
    /// The request had no success.
    #[error(transparent)]
    Api(#[from] ApiFailure),
    /// It could not be kept.
    #[error(transparent)]
    Sink(#[from] std::io::Error),
    /// It ended too early, or is not what the server sent.
    #[error("the backup is not whole")]
    Cut,
}

/// Longest time for a backup.
const BACKUP_LIMIT: Duration = Duration::from_secs(3600);

impl Api {
    /// Takes a backup and hands it to `sink` as it comes. It is whole when this succeeds: what came is checked against the
    /// digest at its end. Needs the admin token. Ends when nothing comes for 30 seconds.
    ///
    /// # Errors
    ///
    /// [`BackupFailure`].
    pub async fn backup(&self, mut sink: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<u64, BackupFailure> {
        let request = self.request(Method::GET, &["backup"]).timeout(BACKUP_LIMIT);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await.into());
        }
        let (mut response, mut seal) = (response, Seal::default());
        loop {
            let chunk = tokio::time::timeout(ANSWER_LIMIT, response.chunk()).await;
            let Ok(Ok(chunk)) = chunk else { return Err(BackupFailure::Cut) };
            let Some(chunk) = chunk else { break };
            seal.look(&chunk);
            sink(&chunk)?;
        }
        if seal.holds() { Ok(seal.bytes) } else { Err(BackupFailure::Cut) }
    }
}
