//! Which servers are believed, and by what sign.
//!
//! The sign of a server with its own certificate is the fingerprint of its public key: the key stays when the certificate is
//! renewed. Whatever the trust, the server must prove in the handshake that it holds the key.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{fmt, str};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CipherSuite, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

pub use crate::known_servers::{KnownServers, KnownServersError, NewServer};

/// Which servers are believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Those with a certificate from an authority that this machine trusts, for the name in the URL.
    WebPki,
    /// Those whose certificate or public key has one of these SHA-256 hashes, whatever their name and dates say.
    Hashes(Vec<[u8; 32]>),
    /// As [`Trust::WebPki`], and those that have the same public key as the first time.
    KnownServers(KnownServers),
    /// The one whose key was told over a way that nobody can be in between.
    Told(Told),
}

/// A server's key as it was told last, for example by the server itself on this machine. A server that shows another one was set up
/// anew since, so that it is to be asked again. Clones share it.
#[derive(Debug, Clone)]
pub struct Told {
    key: Arc<Mutex<Option<Fingerprint>>>,
    untold: KnownServers,
}

impl Told {
    /// Nothing was told yet. A server that tells no key must be known.
    pub fn before(untold: KnownServers) -> Self {
        Self { key: Arc::default(), untold }
    }

    /// The newest word; none from a server that has a certificate from an authority.
    pub fn tell(&self, key: Option<Fingerprint>) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    fn key(&self) -> Option<Fingerprint> {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The SHA-256 hash of a server's public key (its SubjectPublicKeyInfo in DER). Written `sha256:` and lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// Why a text is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 hexadecimal digits, with or without `sha256:` in front")]
pub struct FingerprintError;

impl Fingerprint {
    fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl str::FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Colons between the digits, as other tools print them, are taken too.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits: Vec<u8> =
            text.strip_prefix("sha256:").unwrap_or(text).bytes().filter(|byte| *byte != b':').collect();
        let mut hash = [0; 32];
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(FingerprintError);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            let pair = str::from_utf8(pair).map_err(|_| FingerprintError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| FingerprintError)?;
        }
        Ok(Self(hash))
    }
}

impl Trust {
    /// The TLS configuration for one server, `authority` being its `host:port`, and the verifier in it.
    pub(crate) fn tls(&self, authority: &str, alpn: &[&[u8]]) -> Result<(ClientConfig, Arc<Verifier>), rustls::Error> {
        let provider = Arc::new(provider());
        let verifier = Arc::new(Verifier {
            trust: self.clone(),
            authority: authority.to_owned(),
            authorities: self.authorities(&provider),
            provider: provider.clone(),
            refusal: Mutex::default(),
        });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok((config, verifier))
    }

    /// The TLS configuration for one server, `authority` being its `host:port`, for those who open connections themselves.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn tls_config(&self, authority: &str, alpn: &[&[u8]]) -> Result<ClientConfig, rustls::Error> {
        self.tls(authority, alpn).map(|(config, _)| config)
    }

    /// The check against the machine's authorities; none where they have no say, or where the machine has none.
    fn authorities(&self, provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
        if matches!(self, Self::Hashes(_)) {
            return None;
        }
        WebPkiServerVerifier::builder_with_provider(machine_roots(), provider.clone()).build().ok()
    }
}

/// ring's, with AES-128 before AES-256, as browsers have them: the hash that goes with it is SHA-256, for which processors have
/// instructions, and a handshake derives all its keys by it.
fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider
}

/// The authorities of this machine, not a list that was compiled in: so an administrator's own authority counts, and one that
/// the system gave up does not.
fn machine_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    ROOTS.get_or_init(load).clone()
}

/// Decides about one server's certificate, and remembers why it said no.
#[derive(Debug)]
pub(crate) struct Verifier {
    trust: Trust,
    authority: String,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    refusal: Mutex<Option<String>>,
}

impl Verifier {
    /// Why the last certificate was refused, and whether trying again is pointless; none when it was accepted.
    pub(crate) fn refusal(&self) -> Option<(String, bool)> {
        let reason = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        reason.map(|reason| (reason, !matches!(self.trust, Trust::Told(_))))
    }

    fn decide(&self, certificate: &CertificateDer<'_>, by_authority: Result<(), String>) -> Result<(), String> {
        match &self.trust {
            Trust::WebPki => by_authority,
            Trust::Hashes(hashes) => self.is_one_of(hashes, certificate),
            Trust::Told(told) => match told.key() {
                Some(Fingerprint(key)) => self.is_one_of(&[key], certificate),
                None => self.is_known(&told.untold, certificate, by_authority),
            },
            Trust::KnownServers(servers) => self.is_known(servers, certificate, by_authority),
        }
    }

    fn is_one_of(&self, hashes: &[[u8; 32]], certificate: &CertificateDer<'_>) -> Result<(), String> {
        let key = key_of(certificate)?;
        let known = |fingerprint: Fingerprint| hashes.contains(&fingerprint.0);
        match known(key) || known(Fingerprint::of(certificate)) {
            true => Ok(()),
            false => Err(format!("{} has the fingerprint {key}, which is not the one given", self.authority)),
        }
    }

    fn is_known(
        &self,
        servers: &KnownServers,
        certificate: &CertificateDer<'_>,
        by_authority: Result<(), String>,
    ) -> Result<(), String> {
        if by_authority.is_ok() {
            return Ok(());
        }
        servers.check(&self.authority, key_of(certificate)?).map_err(|error| error.to_string())
    }
}

fn key_of(certificate: &CertificateDer<'_>) -> Result<Fingerprint, String> {
    let parsed =
        ParsedCertificate::try_from(certificate).map_err(|error| format!("the certificate is unreadable: {error}"))?;
    Ok(Fingerprint::of(&parsed.subject_public_key_info()))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let by_authority = match &self.authorities {
            Some(check) => check.verify_server_cert(certificate, intermediates, name, ocsp, now).map(drop),
            None => Err(rustls::Error::General("this machine trusts no authorities".into())),
        };
        let untrusted = |error| format!("the certificate of {} is not trusted: {error}", self.authority);
        let decision = self.decide(certificate, by_authority.map_err(untrusted));
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = decision.clone().err();
        decision.map(|()| ServerCertVerified::assertion()).map_err(rustls::Error::General)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let print = Fingerprint::of(b"key");
        let text = print.to_string();
        assert!(text.starts_with("sha256:") && text.len() == 71);
        assert_eq!(text.parse(), Ok(print));
        assert_eq!(text["sha256:".len()..].to_uppercase().parse(), Ok(print));
        for bad in ["", "sha256:", &text[..70], &format!("{text}0"), &text.replace('a', "g").replace('b', "+")] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
