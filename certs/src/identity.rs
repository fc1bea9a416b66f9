//! A certificate with its key, ready for handshakes.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::CertError;

/// A certificate chain with the private key of its leaf, and what people and browsers know it by.
#[derive(Debug)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    certificate_hash: [u8; 32],
    fingerprint: [u8; 32],
    is_self_signed: bool,
    names: BTreeSet<String>,
    not_before: i64,
    not_after: i64,
}

/// Where a certificate and its key came from, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub certificate: &'a Path,
    pub key: &'a Path,
}

impl Identity {
    /// Checks that the chain can be used and that the key belongs to it.
    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        from: Origin<'_>,
    ) -> Result<Self, CertError> {
        let leaf = chain.first().ok_or_else(|| CertError::unusable(from.certificate, "it is empty"))?.clone();
        let bad = |error: &dyn std::fmt::Display| CertError::unusable(from.certificate, error);
        let public_key = ParsedCertificate::try_from(&leaf).map_err(|e| bad(&e))?.subject_public_key_info();
        let (_, x509) = X509Certificate::from_der(&leaf).map_err(|e| bad(&e))?;
        let key =
            default_provider().key_provider.load_private_key(key).map_err(|e| CertError::unusable(from.key, e))?;
        if key.public_key().is_some_and(|own| own != public_key) {
            return Err(CertError::Mismatch { certificate: from.certificate.into(), key: from.key.into() });
        }
        Ok(Self {
            certificate_hash: sha256(&leaf),
            fingerprint: sha256(&public_key),
            is_self_signed: x509.issuer() == x509.subject(),
            names: names(&x509),
            not_before: x509.validity().not_before.timestamp(),
            not_after: x509.validity().not_after.timestamp(),
            certified: Arc::new(CertifiedKey::new(chain, key)),
        })
    }

    /// SHA-256 of the leaf certificate in DER: what a browser takes as `serverCertificateHashes`.
    pub fn certificate_hash(&self) -> [u8; 32] {
        self.certificate_hash
    }

    /// SHA-256 of the leaf's public key (SubjectPublicKeyInfo in DER): stays the same when the certificate is renewed with
    /// its key, so clients may pin it.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Whether the certificate vouches for itself, so that browsers need its hash.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_signed
    }

    /// The host names and addresses it is valid for.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// From when it is valid, in seconds since 1970 (UTC).
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// Until when it is valid, in seconds since 1970 (UTC).
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The chain in DER, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The subject's alternative names; other kinds than names and addresses say nothing to us.
fn names(x509: &X509Certificate<'_>) -> BTreeSet<String> {
    let Ok(Some(extension)) = x509.subject_alternative_name() else { return BTreeSet::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
