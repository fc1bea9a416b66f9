//! A server that cannot start says why in one line, ends with the right exit code, and breaks nothing.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use collab_proto::PROTOCOL;
use collab_tests::person::Person;
use collab_tests::process::Ended;
use collab_tests::server::{TestServer, fails};
use collab_tests::wire::{Wire, join};

const FREE: [&str; 4] = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

/// One line on standard error, with all of these in it, and nothing on standard output.
fn assert_one_line(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("collab-server: "), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "no {part:?} in {}", ended.stderr);
    }
}

#[tokio::test]
async fn one_data_folder_has_one_server() {
    let server = TestServer::start().await;
    server.room("demo").await;
    let second = fails(&server.data(), &FREE).await;
    assert_one_line(&second, 1, &["another collab-server uses", &server.data().display().to_string()]);
    Person::join(&server, "demo", "Ada").await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap().to_string();
    let ended = fails(folder.path(), &["--listen", &address, "--http", "127.0.0.1:0"]).await;
    assert_one_line(&ended, 1, &[&address, "UDP", "in use"]);

    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let ended = fails(folder.path(), &["--listen", &address, "--http", "127.0.0.1:0"]).await;
    assert_one_line(&ended, 1, &[&address, "TCP", "in use"]);
    let ended = fails(folder.path(), &["--listen", "127.0.0.1:0", "--http", &address]).await;
    assert_one_line(&ended, 1, &[&address, "TCP", "in use"]);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), |name: &str| folder.path().join(name).display().to_string());
    fs::write(file("noise"), [0xff; 100]).unwrap();
    fs::write(file("empty"), "").unwrap();
    fs::create_dir(file("folder")).unwrap();
    for (cert, key, named) in [
        ("missing", "noise", "missing"),
        ("folder", "noise", "folder"),
        ("noise", "noise", "noise"),
        ("empty", "empty", "empty"),
    ] {
        let (cert, key) = (file(cert), file(key));
        let arguments = [&FREE[..], &["--cert", &cert, "--key", &key]].concat();
        assert_one_line(&fails(&data, &arguments).await, 1, &[&file(named)]);
    }
    let noise = file("noise");
    let arguments = [&FREE[..], &["--cert", &noise]].concat();
    assert_one_line(&fails(&data, &arguments).await, 2, &["key"]);
}

#[tokio::test]
async fn a_damaged_file_in_the_data_folder_is_named_and_left_alone() {
    for name in ["collab.redb", "admin-token", "certificate.key"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), "this is something else").unwrap();
        assert_one_line(&fails(folder.path(), &FREE).await, 1, &[name]);
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "this is something else");
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_told_with_what_was_probably_meant() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collab.toml");
    let file_name = file.display().to_string();
    let with = |text: &str| {
        fs::write(&file, text).unwrap();
        [&FREE[..], &["--config", &file_name]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let ended = fails(folder.path(), &with("throtle_ms = 100\n")).await;
    assert_one_line(&ended, 2, &[&file_name, "throtle_ms", "did you mean throttle_ms?"]);
    let ended = fails(folder.path(), &with("burst = 0\n")).await;
    assert_one_line(&ended, 2, &[&file_name, "burst", "between 1 and"]);
    let ended = fails(folder.path(), &with("burst = \n")).await;
    assert_one_line(&ended, 2, &[&file_name, "line 1"]);
    let ended = fails(folder.path(), &["--http", "0.0.0.0:0"]).await;
    assert_one_line(&ended, 2, &["loopback"]);
    let ended = fails(folder.path(), &["--throtle-ms", "100"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--throttle-ms"), "{}", ended.stderr);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was begun");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test]
async fn what_the_server_keeps_is_private_and_lasts() {
    let mut server = TestServer::start().await;
    server.room("demo").await;
    let (_stream, _) = Wire::connect(&server).await.enter(join("demo", "Ada")).await;
    assert_eq!(mode(&server.data()), 0o700);
    let files: Vec<_> = fs::read_dir(server.data()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    let before = (server.admin_token(), server.fingerprint, server.certificate_hash);
    server.ask_to_stop();
    assert_eq!(server.stopped().await.0, Some(0));
    server.restart().await;
    let info = server.api_with(None).server_info().await.unwrap();
    assert_eq!(info.certificate_hashes, [hex::encode(before.2)]);
    assert_eq!((info.protocol, info.webtransport_port), (PROTOCOL, Some(server.port)));
    assert_eq!(server.admin_token(), before.0);
    Person::join(&server, "demo", "Ada").await;
}
