//! Which certificate a handshake gets.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::{CertError, Identity};

/// Gives every new handshake the current certificate. Connections that live when it is exchanged go on.
#[derive(Debug)]
pub struct Resolver {
    current: ArcSwap<Identity>,
}

impl Resolver {
    pub(crate) fn new(identity: Arc<Identity>) -> Arc<Self> {
        Arc::new(Self { current: ArcSwap::new(identity) })
    }

    pub(crate) fn set(&self, identity: Arc<Identity>) {
        self.current.store(identity);
    }

    /// The certificate that the next handshake gets.
    pub fn current(&self) -> Arc<Identity> {
        self.current.load_full()
    }

    /// A TLS configuration (1.3 and 1.2, no client certificates) that offers `protocols` by ALPN, the best first.
    pub fn tls(self: &Arc<Self>, protocols: &[&[u8]]) -> Result<ServerConfig, CertError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| CertError::Make(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load().certified())
    }
}
