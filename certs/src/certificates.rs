//! The server's certificate, wherever it comes from.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;

use crate::{CertError, Identity, PemFiles, Resolver, SelfSigned};

/// The server's certificate: made here or loaded, and exchanged under the running server.
pub struct Certificates {
    resolver: Arc<Resolver>,
    source: Mutex<Source>,
}

enum Source {
    SelfSigned(Box<SelfSigned>),
    PemFiles(PemFiles),
}

impl Certificates {
    /// A self-signed certificate kept in `folder`, for `names` (host names and addresses) and this machine's loopback ones.
    pub fn self_signed(folder: &Path, names: &[String], now: SystemTime) -> Result<Self, CertError> {
        let source = SelfSigned::open(folder, names, now)?;
        Ok(Self::new(source.identity(), Source::SelfSigned(Box::new(source))))
    }

    /// A certificate from PEM files: the chain, leaf first, and its key.
    pub fn load_pem(certificate: &Path, key: &Path) -> Result<Self, CertError> {
        let source = PemFiles::load(certificate, key)?;
        Ok(Self::new(source.identity(), Source::PemFiles(source)))
    }

    fn new(identity: Arc<Identity>, source: Source) -> Self {
        Self { resolver: Resolver::new(identity), source: Mutex::new(source) }
    }

    /// Exchanges the certificate when that is due: a self-signed one before it ends, PEM files when they changed. Says
    /// whether it did. On an error the certificate in use stays. Asks the disk when the files changed.
    pub fn refresh(&self, now: SystemTime) -> Result<bool, CertError> {
        let identity = match &mut *self.source() {
            Source::SelfSigned(own) if own.rotation_due(now) => own.rotate(now)?,
            Source::PemFiles(files) if files.changed() => files.reload()?,
            _ => return Ok(false),
        };
        self.resolver.set(identity);
        Ok(true)
    }

    /// Exchanges the certificate now: makes a new self-signed one, or reads the PEM files again. On an error the certificate in
    /// use stays.
    pub fn renew(&self, now: SystemTime) -> Result<(), CertError> {
        let identity = match &mut *self.source() {
            Source::SelfSigned(own) => own.rotate(now)?,
            Source::PemFiles(files) => files.reload()?,
        };
        self.resolver.set(identity);
        Ok(())
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificate that new handshakes get.
    pub fn current(&self) -> Arc<Identity> {
        self.resolver.current()
    }

    /// A TLS configuration whose handshakes always get the newest certificate; `protocols` are offered by ALPN, best first.
    pub fn tls(&self, protocols: &[&[u8]]) -> Result<ServerConfig, CertError> {
        self.resolver.tls(protocols)
    }

    /// Gives handshakes the newest certificate.
    pub fn resolver(&self) -> Arc<Resolver> {
        self.resolver.clone()
    }
}
