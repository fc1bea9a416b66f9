//! A certificate that somebody else made, in two PEM files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::identity::Origin;
use crate::{CertError, Identity};

/// A chain and a key in PEM files that may be exchanged while the server runs.
pub struct PemFiles {
    certificate_path: PathBuf,
    key_path: PathBuf,
    seen: [Stamp; 2],
    identity: Arc<Identity>,
}

/// What tells an exchanged file from the one that was read.
type Stamp = Option<(SystemTime, u64)>;

impl PemFiles {
    /// Loads the chain (leaf first) and its key. The key may be PKCS #8, PKCS #1 or SEC 1.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertError> {
        let seen = [stamp(certificate), stamp(key)];
        let identity = Arc::new(read(certificate, key)?);
        Ok(Self { certificate_path: certificate.to_owned(), key_path: key.to_owned(), seen, identity })
    }

    /// The certificate with its key, as last loaded.
    pub fn identity(&self) -> Arc<Identity> {
        self.identity.clone()
    }

    /// Whether a file changed since it was loaded.
    pub fn changed(&self) -> bool {
        self.seen != [stamp(&self.certificate_path), stamp(&self.key_path)]
    }

    /// Loads both files again. On an error what was loaded before stays in use.
    pub fn reload(&mut self) -> Result<Arc<Identity>, CertError> {
        *self = Self::load(&self.certificate_path, &self.key_path)?;
        Ok(self.identity())
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(certificate: &Path, key: &Path) -> Result<Identity, CertError> {
    let bytes = fs::read(certificate).map_err(|error| CertError::read(certificate, error))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| in_file(certificate, "certificate", error))?;
    if chain.is_empty() {
        return Err(CertError::Missing { path: certificate.to_owned(), wanted: "certificate in PEM form" });
    }
    let bytes = fs::read(key).map_err(|error| CertError::read(key, error))?;
    let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| in_file(key, "private key", error))?;
    Identity::new(chain, private, Origin { certificate, key })
}

fn in_file(path: &Path, what: &'static str, error: pem::Error) -> CertError {
    match error {
        pem::Error::NoItemsFound if what == "private key" => {
            CertError::Missing { path: path.to_owned(), wanted: "private key in PEM form (without a passphrase)" }
        }
        error => CertError::NotPem { path: path.to_owned(), reason: error.to_string() },
    }
}
