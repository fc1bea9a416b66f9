//! The certificate of a server that nobody gave one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd,
};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};

use crate::identity::Origin;
use crate::{CertError, Identity, private_file};

/// How long a certificate is valid, in seconds: browsers accept the hash of one of 14 days at most.
const LIFETIME: i64 = 13 * DAY;
/// How long it was valid already when it was made, in seconds, for clients whose clock is behind.
const HEAD_START: i64 = 3600;
/// How long before its end it is exchanged, in seconds.
const ROTATE_BEFORE_END: i64 = 3 * DAY;
const DAY: i64 = 24 * 3600;

/// Names that a server on this machine always answers to.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A self-signed ECDSA P-256 certificate in a folder, as `certificate.pem` beside its key `certificate.key`.
///
/// The key is made once and kept. The certificate is made anew when there are less than 3 days left of it, when its names
/// changed, and when its file is missing or damaged.
pub struct SelfSigned {
    certificate_path: PathBuf,
    key_path: PathBuf,
    key: KeyPair,
    names: BTreeSet<String>,
    identity: Arc<Identity>,
}

impl SelfSigned {
    /// Opens the certificate in `folder`, or makes one for `names` and this machine.
    ///
    /// A damaged key is an error: it is never replaced, because clients have pinned it.
    pub fn open(folder: &Path, names: &[String], now: SystemTime) -> Result<Self, CertError> {
        let key_path = folder.join("certificate.key");
        let certificate_path = folder.join("certificate.pem");
        let names = all_names(names)?;
        let key = open_key(&key_path)?;
        let from = Origin { certificate: &certificate_path, key: &key_path };
        let identity = match stored(&key, from) {
            Some(identity) if *identity.names() == names && !is_due(&identity, now) => identity,
            _ => make(&key, &names, now, from)?,
        };
        Ok(Self { identity: Arc::new(identity), certificate_path, key_path, key, names })
    }

    /// The certificate with its key.
    pub fn identity(&self) -> Arc<Identity> {
        self.identity.clone()
    }

    /// Whether the certificate should be exchanged: less than 3 days are left of it, or it is not valid yet.
    pub fn rotation_due(&self, now: SystemTime) -> bool {
        is_due(&self.identity, now)
    }

    /// Makes and keeps a new certificate for the same key.
    pub fn rotate(&mut self, now: SystemTime) -> Result<Arc<Identity>, CertError> {
        let from = Origin { certificate: &self.certificate_path, key: &self.key_path };
        self.identity = Arc::new(make(&self.key, &self.names, now, from)?);
        Ok(self.identity())
    }
}

/// The name that this machine gives itself, when it is one that a certificate can hold.
pub fn machine_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_ascii_lowercase();
    ServerName::try_from(name.as_str()).is_ok().then_some(name)
}

fn all_names(extra: &[String]) -> Result<BTreeSet<String>, CertError> {
    let mut names: BTreeSet<_> = OWN_NAMES.map(str::to_owned).into();
    for name in extra {
        match ServerName::try_from(name.as_str()) {
            Ok(ServerName::IpAddress(address)) => names.insert(std::net::IpAddr::from(address).to_string()),
            Ok(_) => names.insert(name.to_ascii_lowercase()),
            Err(_) => return Err(CertError::BadName(name.clone())),
        };
    }
    Ok(names)
}

fn open_key(path: &Path) -> Result<KeyPair, CertError> {
    let pem = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return make_key(path),
        other => other.map_err(|error| CertError::read(path, error))?,
    };
    let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|error| CertError::broken_key(path, error))?;
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)
        .map_err(|error| CertError::broken_key(path, error))
}

fn make_key(path: &Path) -> Result<KeyPair, CertError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| CertError::Make(error.to_string()))?;
    private_file::write(path, key.serialize_pem().as_bytes()).map_err(|error| CertError::write(path, error))?;
    Ok(key)
}

/// The certificate on the disk, unless it is missing, damaged or another key's: then a new one costs nothing.
fn stored(key: &KeyPair, from: Origin<'_>) -> Option<Identity> {
    let pem = fs::read(from.certificate).ok()?;
    let certificate = CertificateDer::from_pem_slice(&pem).ok()?;
    Identity::new(vec![certificate], private(key), from).ok()
}

fn make(key: &KeyPair, names: &BTreeSet<String>, now: SystemTime, from: Origin<'_>) -> Result<Identity, CertError> {
    let failed = |error: rcgen::Error| CertError::Make(error.to_string());
    let certificate = parameters(names, now)?.self_signed(key).map_err(failed)?;
    private_file::write(from.certificate, certificate.pem().as_bytes())
        .map_err(|error| CertError::write(from.certificate, error))?;
    Identity::new(vec![certificate.der().clone()], private(key), from)
}

fn parameters(names: &BTreeSet<String>, now: SystemTime) -> Result<CertificateParams, CertError> {
    let names: Vec<_> = names.iter().cloned().collect();
    let mut parameters = CertificateParams::new(names).map_err(|error| CertError::Make(error.to_string()))?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "collab");
    parameters.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs((seconds(now) - HEAD_START).max(0) as u64);
    parameters.not_after = parameters.not_before + Duration::from_secs(LIFETIME as u64);
    parameters.serial_number = Some(serial()?);
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

/// Drawn at random: a browser that has seen the same issuer and serial number on another certificate refuses this one.
fn serial() -> Result<SerialNumber, CertError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| CertError::Make("no random numbers".to_owned()))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn private(key: &KeyPair) -> rustls::pki_types::PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

fn is_due(identity: &Identity, now: SystemTime) -> bool {
    let now = seconds(now);
    now < identity.not_before() || now + ROTATE_BEFORE_END > identity.not_after()
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
