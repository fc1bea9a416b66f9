//! A refusal as every face gives it: a code, a sentence, and when to try again.

use collab_proto::{Code, ServerFrame};

use crate::store::StoreError;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// The reason as a sentence.
    pub message: String,
    /// When to try again at the earliest, in milliseconds from now.
    pub retry_after_ms: Option<u32>,
}

impl Refusal {
    /// A refusal with a sentence of its own.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None }
    }

    /// Says when to try again. Rounded up: whoever waits exactly that long is not too early.
    #[must_use]
    pub fn retry_after(mut self, wait: std::time::Duration) -> Self {
        self.retry_after_ms = Some(u32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX));
        self
    }

    /// The frame that ends a membership with this refusal.
    pub fn into_frame(self) -> ServerFrame {
        ServerFrame::Refused { code: self.code, message: self.message, retry_after_ms: self.retry_after_ms }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::new(code, code.sentence())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchRoom => Code::NoSuchRoom.into(),
            StoreError::RoomExists => Code::RoomExists.into(),
            StoreError::Closed => Code::Draining.into(),
            error => {
                tracing::error!(%error, "the store failed");
                Code::Storage.into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_is_never_told_too_short() {
        let told = |wait| Refusal::from(Code::RateLimited).retry_after(wait).retry_after_ms;
        assert_eq!(told(Duration::from_micros(1)), Some(1));
        assert_eq!(told(Duration::from_millis(500)), Some(500));
        assert_eq!(told(Duration::from_micros(500_001)), Some(501));
        assert_eq!(told(Duration::MAX), Some(u32::MAX));
    }
}
