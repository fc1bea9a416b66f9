//! The certificate as a server and its clients see it: over time, over restarts, and over damaged files.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use collab_certs::{CertError, Certificates, Identity, SelfSigned};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn open(folder: &Path, now: SystemTime) -> SelfSigned {
    SelfSigned::open(folder, &[], now).unwrap()
}

fn error<T>(result: Result<T, CertError>) -> String {
    result.err().expect("it is refused").to_string()
}

#[test]
fn a_certificate_is_valid_from_an_hour_ago_and_shorter_than_browsers_allow() {
    let folder = tempfile::tempdir().unwrap();
    let identity = open(folder.path(), noon()).identity();
    assert_eq!(identity.not_before(), 1_800_000_000 - 3600);
    assert!(identity.not_after() - identity.not_before() <= 14 * 24 * 3600);
    assert!(identity.not_after() > 1_800_000_000 + 12 * 24 * 3600);
    assert!(identity.is_self_signed());
}

#[test]
fn names_are_this_machine_and_those_that_were_given() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["Write.Example.org".to_owned(), "192.0.2.7".to_owned(), "2001:DB8::1".to_owned()];
    let identity = SelfSigned::open(folder.path(), &names, noon()).unwrap().identity();
    let expected = ["127.0.0.1", "192.0.2.7", "2001:db8::1", "::1", "localhost", "write.example.org"];
    assert!(identity.names().iter().eq(expected.iter()));
    let refused = SelfSigned::open(folder.path(), &["two words".to_owned()], noon());
    assert_eq!(error(refused), r#""two words" is neither a host name nor an IP address"#);
}

#[test]
fn a_restart_keeps_the_certificate_and_other_names_make_a_new_one_for_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), noon()).identity();
    let again = open(folder.path(), noon() + DAY).identity();
    assert_eq!(first.certificate_hash(), again.certificate_hash());
    let names = ["write.example.org".to_owned()];
    let renamed = SelfSigned::open(folder.path(), &names, noon() + DAY).unwrap().identity();
    assert_ne!(first.certificate_hash(), renamed.certificate_hash());
    assert_eq!(first.fingerprint(), renamed.fingerprint());
}

#[test]
fn rotation_is_due_three_days_before_the_end_and_keeps_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut own = open(folder.path(), noon());
    let before = own.identity();
    let last_moment = SystemTime::UNIX_EPOCH + Duration::from_secs(before.not_after() as u64) - 3 * DAY;
    assert!(!own.rotation_due(noon()));
    assert!(!own.rotation_due(last_moment));
    assert!(own.rotation_due(last_moment + SECOND));
    assert!(own.rotation_due(noon() - DAY), "a certificate of the future helps nobody");

    let after = own.rotate(last_moment + SECOND).unwrap();
    assert_eq!(before.fingerprint(), after.fingerprint());
    assert_ne!(before.certificate_hash(), after.certificate_hash());
    assert!(!own.rotation_due(last_moment + SECOND));
    assert_ne!(serial(&before), serial(&after), "browsers refuse a serial number that they have seen");
    assert_eq!(open(folder.path(), last_moment + DAY).identity().certificate_hash(), after.certificate_hash());
}

fn serial(identity: &Identity) -> Vec<u8> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    X509Certificate::from_der(&identity.chain()[0]).unwrap().1.raw_serial().to_vec()
}

#[test]
fn a_server_that_slept_too_long_starts_with_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), noon()).identity();
    let late = open(folder.path(), noon() + 100 * DAY).identity();
    assert_eq!(first.fingerprint(), late.fingerprint());
    assert!(late.not_after() > first.not_after());
}

#[test]
fn both_files_are_private() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), noon());
    for name in ["certificate.key", "certificate.pem"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_damaged_certificate_is_made_anew_for_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), noon()).identity();
    let path = folder.path().join("certificate.pem");
    let whole = fs::read(&path).unwrap();
    let other = tempfile::tempdir().unwrap();
    open(other.path(), noon());
    let anothers = fs::read(other.path().join("certificate.pem")).unwrap();
    for damaged in [&b""[..], b"no PEM", &whole[..whole.len() / 2], &anothers] {
        fs::write(&path, damaged).unwrap();
        let healed = open(folder.path(), noon()).identity();
        assert_eq!(healed.fingerprint(), first.fingerprint());
        assert_eq!(healed.certificate_hash(), open(folder.path(), noon()).identity().certificate_hash());
    }
}

#[test]
fn a_damaged_key_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), noon());
    let path = folder.path().join("certificate.key");
    let whole = fs::read(&path).unwrap();
    for damaged in [&b""[..], b"no PEM", &whole[..whole.len() / 2]] {
        fs::write(&path, damaged).unwrap();
        let message = error(SelfSigned::open(folder.path(), &[], noon()));
        assert!(message.contains("certificate.key is damaged"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
}

#[test]
fn loading_says_which_file_is_wrong_and_how() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), noon());
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("certificate.key"));
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let load = |certificate: &Path, key: &Path| error(Certificates::load_pem(certificate, key));
    let pem = fs::read(&certificate).unwrap();

    assert!(load(&folder.path().join("none.pem"), &key).contains("cannot read"));
    assert!(load(&certificate, &folder.path().join("none.key")).contains("none.key"));
    assert!(load(&file("text", b"hello"), &key).contains("text holds no certificate in PEM form"));
    assert!(load(&certificate, &file("text", b"hello")).contains("text holds no private key in PEM form"));
    assert!(load(&file("half", &pem[..pem.len() / 2]), &key).contains("half is not a PEM file"));
    let nonsense = file("nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(load(&nonsense, &key).contains("nonsense cannot be used"));

    let other = tempfile::tempdir().unwrap();
    open(other.path(), noon());
    let foreign = other.path().join("certificate.key");
    let message = load(&certificate, &foreign);
    assert!(message.contains("does not belong to the certificate"), "{message}");
}

#[test]
fn exchanged_files_are_loaded_and_broken_ones_leave_the_old_in_use() {
    let (served, renewed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open(served.path(), noon());
    open(renewed.path(), noon());
    let paths = ["certificate.pem", "certificate.key"].map(|name| served.path().join(name));
    let certificates = Certificates::load_pem(&paths[0], &paths[1]).unwrap();
    let before = certificates.current().certificate_hash();
    assert!(!certificates.refresh(noon()).unwrap());

    fs::write(&paths[0], "half").unwrap();
    assert!(certificates.refresh(noon()).is_err());
    assert_eq!(certificates.current().certificate_hash(), before);

    for path in &paths {
        fs::copy(renewed.path().join(path.file_name().unwrap()), path).unwrap();
    }
    assert!(certificates.refresh(noon()).unwrap());
    assert_ne!(certificates.current().certificate_hash(), before);
    assert!(!certificates.refresh(noon()).unwrap());
}

#[test]
fn a_live_connection_goes_on_while_new_handshakes_get_the_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::self_signed(folder.path(), &[], noon()).unwrap();
    let config = Arc::new(certificates.tls(&[b"h3"]).unwrap());
    let old = certificates.current();
    let mut live = Pair::connect(&config, &old, noon());
    live.say(b"before");

    let later = noon() + 11 * DAY;
    assert!(certificates.refresh(later).unwrap());
    let new = certificates.current();
    assert_ne!(old.certificate_hash(), new.certificate_hash());
    live.say(b"after");
    Pair::connect(&config, &new, later).say(b"hello");
}

/// A client and a server in memory. The client checks names, dates and signatures as any other does.
struct Pair {
    client: ClientConnection,
    server: ServerConnection,
}

impl Pair {
    fn connect(config: &Arc<ServerConfig>, trusted: &Identity, now: SystemTime) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.chain()[0].clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut client = ClientConfig::builder_with_details(provider, Arc::new(Clock(now)))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![b"h3".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let mut pair = Self {
            client: ClientConnection::new(Arc::new(client), name).unwrap(),
            server: ServerConnection::new(config.clone()).unwrap(),
        };
        while pair.client.is_handshaking() || pair.server.is_handshaking() {
            pair.exchange();
        }
        assert_eq!(pair.client.peer_certificates().unwrap(), trusted.chain());
        assert_eq!(pair.client.alpn_protocol(), Some(&b"h3"[..]));
        pair
    }

    fn exchange(&mut self) {
        let mut bytes = Vec::new();
        self.client.write_tls(&mut bytes).unwrap();
        self.server.read_tls(&mut bytes.as_slice()).unwrap();
        self.server.process_new_packets().unwrap();
        bytes.clear();
        self.server.write_tls(&mut bytes).unwrap();
        self.client.read_tls(&mut bytes.as_slice()).unwrap();
        self.client.process_new_packets().unwrap();
    }

    fn say(&mut self, text: &[u8]) {
        self.client.writer().write_all(text).unwrap();
        self.exchange();
        let mut heard = vec![0; text.len()];
        self.server.reader().read_exact(&mut heard).unwrap();
        assert_eq!(heard, text);
    }
}

#[derive(Debug)]
struct Clock(SystemTime);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.0.duration_since(SystemTime::UNIX_EPOCH).ok()?))
    }
}
