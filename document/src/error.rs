//! What can be wrong with bytes from outside, told from the caller's side.

use thiserror::Error;

/// The document failed inside and must be loaded again from where it is kept. Nothing that it says can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the document is damaged and must be loaded again")]
pub struct Poisoned;

/// Why an update was not taken. The document is as it was before, except after [`UpdateError::Poisoned`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UpdateError {
    /// Longer than [`Limits::max_update_bytes`](crate::Limits::max_update_bytes).
    #[error("the update is longer than allowed")]
    TooLarge,
    /// The bytes are no Yjs update in format v1.
    #[error("the update is malformed: {0}")]
    Malformed(&'static str),
    /// A Yjs update, but of something else than one plain text under the document's root name.
    #[error("the update is not of a plain text: {0}")]
    NotText(&'static str),
    /// It builds on operations that this document does not have. Compute it again from this document's state vector.
    #[error("the update builds on operations that are missing here")]
    Gap,
    /// It adds operations under a client id that belongs to somebody else.
    #[error("the update adds operations under somebody else's client id")]
    ForeignAuthor,
    /// The document would grow beyond [`Limits::max_document_bytes`](crate::Limits::max_document_bytes). Deleting still works.
    #[error("the document is full")]
    DocumentFull,
    /// Well-formed, but no honest editor writes this.
    #[error("the update contradicts itself or the document: {0}")]
    Invalid(&'static str),
    /// The document failed inside and must be loaded again from where it is kept.
    #[error("the document is damaged and must be loaded again")]
    Poisoned,
}

/// Why a state vector was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StateVectorError {
    /// The bytes are no Yjs state vector in format v1.
    #[error("the state vector is malformed: {0}")]
    Malformed(&'static str),
    /// The document failed inside and must be loaded again from where it is kept.
    #[error("the document is damaged and must be loaded again")]
    Poisoned,
}

/// Why a local edit was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SpliceError {
    /// The range reaches beyond the end of the text.
    #[error("the range reaches beyond the end of the text")]
    OutOfBounds,
    /// One end of the range lies between the two halves of a surrogate pair.
    #[error("the range cuts a character in two")]
    SplitCharacter,
    /// The document failed inside and must be loaded again from where it is kept.
    #[error("the document is damaged and must be loaded again")]
    Poisoned,
}

impl From<Poisoned> for UpdateError {
    fn from(_: Poisoned) -> Self {
        Self::Poisoned
    }
}

impl From<Poisoned> for StateVectorError {
    fn from(_: Poisoned) -> Self {
        Self::Poisoned
    }
}

impl From<Poisoned> for SpliceError {
    fn from(_: Poisoned) -> Self {
        Self::Poisoned
    }
}
