//! The certificate is renewed while the server runs: who is connected stays, and who comes meets the new one.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use collab_certs::SelfSigned;
use collab_client::driver::{Endpoint, Way};
use collab_client::trust::Trust;
use collab_proto::Credential;
use collab_tests::PASSWORD;
use collab_tests::cli::Cli;
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};

const FILES: [&str; 2] = ["certificate.pem", "certificate.key"];

/// The certificate's hash and the key's, as the server tells them.
async fn hashes(server: &TestServer) -> ([u8; 32], String) {
    let info = server.api().server_info().await.expect("it answers");
    let [hash] = info.certificate_hashes.as_slice() else { panic!("{info:?}") };
    let hash = hex::decode(hash).expect("hex").try_into().expect("a SHA-256");
    (hash, info.public_key_hash.expect("it is self-signed"))
}

/// Somebody who comes by WebTransport and believes one certificate alone, as a browser does.
fn visitor(server: &TestServer, name: &str, certificate: [u8; 32]) -> Person {
    let endpoint = Endpoint::new(Trust::Hashes(vec![certificate])).expect("TLS");
    let password = Credential::Password(PASSWORD.to_owned());
    Person::try_by(server.webtransport_url().as_str(), endpoint, "demo", name, password)
}

#[tokio::test]
async fn a_renewed_certificate_is_met_by_newcomers_and_felt_by_nobody_else() {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    let far = Cli::at(&server.https_url());
    assert_eq!(far.ok(&["cat", "demo"]).await, "");
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let (old, key) = hashes(&server).await;

    server.renew_certificate().await;
    let (new, same_key) = hashes(&server).await;
    assert_ne!(old, new);
    assert_eq!(key, same_key, "clients that pin the key notice nothing");
    ada.type_text("still here; ").await;
    ada.wait_saved().await;

    let mut bob = visitor(&server, "Bob", new);
    bob.wait_live().await;
    assert_eq!(bob.seen().way, Some(Way::WebTransport));
    bob.type_text("new here").await;
    ada.wait_text("still here; new here").await;
    let lost = visitor(&server, "Eve", old).wait("a refusal", |seen| !seen.lost.is_empty()).await.lost;
    assert!(lost[0].contains("which is not the one given"), "{lost:?}");
    assert_eq!(far.ok(&["cat", "demo"]).await, "still here; new here");
    assert_eq!((ada.seen().entered, ada.seen().lost.len()), (1, 0), "the first connection stands");
}

#[tokio::test]
async fn files_that_an_authority_renewed_are_read_again_and_broken_ones_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for issued in [&first, &second] {
        fs::create_dir(issued).expect("a folder");
        SelfSigned::open(issued, &[], SystemTime::now()).expect("a certificate");
    }
    let path = |folder: &Path, name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let [certificate, key] = FILES.map(|name| path(&first, name));
    let mut server = TestServer::with(&["--cert", &certificate, "--key", &key]).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let (old, _) = hashes(&server).await;

    fs::copy(second.join(FILES[0]), &certificate).expect("copied");
    server.renew_certificate().await;
    assert!(server.log().contains("does not belong to the certificate"), "{}", server.log());
    assert_eq!(hashes(&server).await.0, old, "half an exchange is none");
    visitor(&server, "Bob", old).wait_live().await;

    fs::copy(second.join(FILES[1]), &key).expect("copied");
    server.renew_certificate().await;
    let (new, _) = hashes(&server).await;
    assert_ne!(new, old);
    visitor(&server, "Cyd", new).wait_live().await;
    ada.type_text("still here").await;
    ada.wait_saved().await;
    assert_eq!(ada.seen().entered, 1);
}
