//! Why there is no certificate.

use std::io;
use std::path::{Path, PathBuf};

/// Why a certificate could not be made, kept or loaded. Every message names the file it is about.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file is missing or must not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not PEM, or a section of it is damaged.
    #[error("{} is not a PEM file: {reason}", path.display())]
    NotPem {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A PEM file has no section of the kind that is needed.
    #[error("{} holds no {wanted}", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// What should be in it.
        wanted: &'static str,
    },
    /// The certificate or the key cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate was made for another key.
    #[error("the key {} does not belong to the certificate {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The server's own key is damaged. It is never replaced silently: clients have pinned it.
    #[error(
        "the server's key {} is damaged ({reason}); bring it back from a copy, \
         or remove it and let every client trust the server anew", path.display()
    )]
    BrokenKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A name for the certificate is neither a host name nor an address.
    #[error("{0:?} is neither a host name nor an IP address")]
    BadName(String),
    /// The certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(String),
}

impl CertError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn unusable(path: &Path, reason: impl ToString) -> Self {
        Self::Unusable { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn broken_key(path: &Path, reason: impl ToString) -> Self {
        Self::BrokenKey { path: path.to_owned(), reason: reason.to_string() }
    }
}
