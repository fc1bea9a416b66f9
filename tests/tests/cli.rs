//! The command line client as a person or a script uses it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use collab_proto::api::LogKind;
use collab_proto::{Code, Credential, Role};
use collab_tests::PASSWORD;
use collab_tests::cli::Cli;
use collab_tests::person::Person;
use collab_tests::process::Ended;
use collab_tests::server::{FAST, TestServer};
use rustix::process::Signal;
use serde_json::Value;

/// It failed with this exit code, printed no data, and said these things.
fn assert_fails(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "no {part:?} in {}", ended.stderr);
    }
}

fn json(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn a_room_from_its_making_to_its_end() {
    let server = TestServer::with(FAST).await;
    let (ada, admin) = (Cli::new(&server), Cli::new(&server).as_admin(&server));
    assert!(admin.ok(&["room", "list"]).await.contains("no rooms yet"));
    assert!(ada.ok(&["room", "create", "demo"]).await.contains("collab-cli join demo"));
    assert_fails(&ada.run(&["room", "create", "demo"]).await, 1, &["exists", "collab-cli join demo"]);
    assert_fails(&ada.run(&["room", "create", "Demo"]).await, 2, &["a–z"]);
    assert_fails(&Cli::new(&server).with("COLLAB_PASSWORD", "short").run(&["room", "create", "x"]).await, 1, &["6"]);

    let rooms = json(&admin.ok(&["room", "list", "--json"]).await);
    assert_eq!((rooms.len(), &rooms[0]["name"], &rooms[0]["members"]), (1, &Value::from("demo"), &Value::from(0)));
    assert!(admin.ok(&["room", "list"]).await.starts_with("ROOM "));
    assert_fails(&ada.run(&["room", "list"]).await, 1, &["admin-token"]);

    // Whoever made it rules it; somebody else does not.
    assert!(ada.ok(&["room", "show", "demo"]).await.starts_with("room        demo\n"));
    let eve = Cli::new(&server);
    assert_fails(&eve.run(&["room", "show", "demo"]).await, 1, &["admin-token"]);
    assert_fails(&eve.run(&["room", "delete", "demo", "--yes"]).await, 1, &["admin-token"]);

    let bob = Cli::new(&server).with("COLLAB_PASSWORD", "another one");
    assert_fails(&bob.run(&["cat", "demo"]).await, 1, &["Wrong password for this room.", "COLLAB_PASSWORD"]);
    ada.with("COLLAB_PASSWORD", "another one").ok(&["room", "passwd", "demo"]).await;
    assert_eq!(bob.ok(&["cat", "demo"]).await, "");
    assert_fails(&eve.run(&["cat", "demo"]).await, 1, &["Wrong password"]);

    assert_fails(&admin.run(&["room", "delete", "demo"]).await, 1, &["--yes"]);
    admin.ok(&["room", "delete", "demo", "--yes"]).await;
    assert_fails(&bob.run(&["cat", "demo"]).await, 1, &["no room", "collab-cli room create demo"]);
}

#[tokio::test]
async fn an_owner_sees_and_rules_who_is_in_the_room() {
    let server = TestServer::with(FAST).await;
    let mut ada = Cli::new(&server);
    ada.ok(&["room", "create", "demo"]).await;
    ada = ada.with("COLLAB_PASSWORD", "only to read");
    ada.ok(&["room", "viewer-password", "demo"]).await;
    ada = ada.with("COLLAB_PASSWORD", PASSWORD);
    assert!(ada.ok(&["room", "members", "demo"]).await.contains("Nobody is in demo"));
    let reader = Credential::Password("only to read".to_owned());
    let mut vic = Person::join_with(&server, "demo", "Vic", reader.clone()).await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    assert_eq!(vic.wait("the role", |seen| seen.role.is_some()).await.role, Some(Role::Viewer));
    let members = json(&ada.ok(&["room", "members", "demo", "--json"]).await);
    let roles: Vec<_> = members.iter().map(|member| (member["name"].as_str(), member["role"].as_str())).collect();
    assert_eq!(roles, [(Some("Vic"), Some("viewer")), (Some("Bob"), Some("editor"))]);

    ada.ok(&["room", "role", "demo", "Vic", "editor"]).await;
    vic.wait("another role", |seen| seen.role == Some(Role::Editor)).await;
    vic.type_text("now I write").await;
    bob.wait_text("now I write").await;
    ada.ok(&["room", "role", "demo", "Bob", "viewer"]).await;
    bob.wait("another role", |seen| seen.role == Some(Role::Viewer)).await;
    assert_fails(&ada.run(&["room", "role", "demo", "Cyd", "viewer"]).await, 1, &["room members demo"]);
    assert_fails(&ada.run(&["room", "role", "demo", "Bob", "owner"]).await, 2, &["viewer"]);

    assert_eq!(json(&ada.ok(&["room", "kick", "demo", "Bob", "--json"]).await)[0]["done"], "Bob sent away");
    assert_eq!(bob.wait_refused().await.0, Code::Removed);
    ada.ok(&["room", "viewer-password", "demo", "--none"]).await;
    assert_eq!(vic.wait_refused().await.0, Code::PasswordChanged);
    let again = Person::try_to_join(&server, "demo", "Vic", reader).wait_refused().await;
    assert_eq!(again.0, Code::WrongPassword);
    let mut eve = Person::join(&server, "demo", "Eve").await;
    ada.ok(&["room", "kick", "demo", "Eve", "--ban", "1h"]).await;
    assert_eq!(eve.wait_refused().await.0, Code::Banned);
    assert_fails(&ada.run(&["cat", "demo", "--name", "Eva"]).await, 1, &["may not join"]);
    let kinds =
        server.entries_until("demo", |entries| entries.iter().filter(|e| e.kind == LogKind::Kicked).count() == 2);
    let details: Vec<_> = kinds.await.into_iter().filter(|e| e.kind == LogKind::Kicked).map(|e| e.detail).collect();
    assert_eq!(details[1].as_deref(), Some("banned for 3600 s by the owner"));
}

#[tokio::test]
async fn a_text_is_written_read_and_followed() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let cli = Cli::new(&server);
    let text = "première\n\tdeux 😀\n";
    let written = cli.run_with(text.as_bytes(), &["write", "demo", "--json"]).await;
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    assert_eq!(json(&written.stdout)[0]["changed"], true);
    assert_eq!(cli.ok(&["cat", "demo"]).await, text);
    assert_eq!(json(&cli.ok(&["cat", "demo", "--json"]).await)[0]["text"], text);
    let again = cli.run_with(text.as_bytes(), &["write", "demo", "--json"]).await;
    assert_eq!(json(&again.stdout)[0]["changed"], false);

    let mut follower = cli.start(&["follow", "demo"]);
    follower.until("print the text", |output| output.stdout() == text).await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    ada.type_text("trois\n").await;
    follower.until("print what was added", |output| output.stdout() == format!("{text}trois\n")).await;
    ada.splice(0, 8, "1").await;
    let whole = format!("{text}trois\n\u{c}1\n\tdeux 😀\ntrois\n");
    follower.until("print the whole anew", |output| output.stdout() == whole).await;
    follower.signal(Signal::INT);
    assert_eq!(follower.ended().await.code, Some(0));

    // A small difference is a small edit: what others write meanwhile stays.
    let written = cli.run_with("1\n\tzwei 😀\ntrois\n".as_bytes(), &["write", "demo"]).await;
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""), "{}", written.stderr);
    ada.wait_text("1\n\tzwei 😀\ntrois\n").await;
    assert_fails(&cli.run_with(b"\xff\xfe", &["write", "demo"]).await, 1, &["UTF-8"]);
    ada.wait_text("1\n\tzwei 😀\ntrois\n").await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_the_right_exit_code() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let cli = Cli::new(&server);
    for wrong in [&["frobnicate"][..], &["cat"], &["cat", "demo", "--password", "x"], &["logs", "--kind", "nonsense"]] {
        assert_fails(&cli.run(wrong).await, 2, &["--help"]);
    }
    let nobody = cli.with("COLLAB_PASSWORD", "");
    assert_fails(&nobody.run(&["cat", "demo"]).await, 1, &["--password-file"]);
    let file = nobody.config_file("../password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    nobody.ok(&["cat", "demo", "--password-file", file.to_str().unwrap()]).await;
    assert_fails(&nobody.run(&["cat", "demo", "--password-file", "nowhere"]).await, 1, &["nowhere"]);

    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = Cli::at(&format!("http://{unused}"));
    assert_fails(&away.run(&["cat", "demo"]).await, 1, &["cannot reach", "--url"]);
    assert_fails(&Cli::at("gopher://x").run(&["cat", "demo"]).await, 1, &["--url"]);
}

#[tokio::test]
async fn the_log_is_filtered_and_followed() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    server.room("other").await;
    let admin = Cli::new(&server).as_admin(&server);
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let bob = Person::join(&server, "other", "Bob").await;
    ada.type_text("hello").await;
    ada.wait_saved().await;
    bob.leave().await.unwrap();
    server.entries_until("other", |log| log.iter().any(|entry| entry.kind.as_str() == "left")).await;

    // Reading the log is itself in the log, under the room that was asked for. The last line may be on its way.
    let kinds = |lines: String| {
        let whole = lines.rfind('\n').map_or("", |end| &lines[..end]);
        let all = json(whole).into_iter().map(|entry| entry["kind"].as_str().unwrap().to_owned());
        all.filter(|kind| kind != "admin-query").collect::<Vec<_>>()
    };
    assert_eq!(kinds(admin.ok(&["logs", "--room", "demo", "--json"]).await), ["room-created", "joined", "edited"]);
    assert_eq!(kinds(admin.ok(&["logs", "--user", "bob", "--json"]).await), ["joined", "left"]);
    assert_eq!(kinds(admin.ok(&["logs", "--kind", "room-created", "--json"]).await).len(), 2);
    let newest = json(&admin.ok(&["logs", "--kind", "joined", "--limit", "1", "--json"]).await);
    assert_eq!(newest[0]["name"], "Bob");
    assert_eq!(kinds(admin.ok(&["logs", "--room", "demo", "--since", "1h", "--json"]).await).len(), 3);
    assert_eq!(admin.ok(&["logs", "--room", "demo", "--until", "1h", "--json"]).await, "");
    let lines = admin.ok(&["logs", "--room", "demo"]).await;
    assert!(lines.starts_with("TIME ") && lines.matches(" joined ").count() == 1, "{lines}");
    assert_fails(&Cli::new(&server).run(&["logs"]).await, 1, &["admin-token"]);

    let mut follower = admin.start(&["logs", "--follow", "--room", "demo", "--kind", "left", "--json"]);
    let mut busy = admin.start(&["logs", "--follow", "--room", "demo", "--json"]);
    busy.until("print what there was", |output| kinds(output.stdout()).len() == 3).await;
    ada.type_text(" again").await;
    busy.until("print the new edit", |output| kinds(output.stdout()).len() == 4).await;
    ada.leave().await.unwrap();
    follower.until("print that Ada left, and nothing else", |output| kinds(output.stdout()) == ["left"]).await;
    for follower in [follower, busy] {
        follower.signal(Signal::INT);
        assert_eq!(follower.ended().await.code, Some(0));
    }
}

#[tokio::test]
async fn ping_measures_datagrams_and_streams() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let cli = Cli::new(&server);
    let results = json(&cli.ok(&["ping", "demo", "--count", "3", "--interval", "0.02", "--json"]).await);
    for kind in ["datagram", "stream"] {
        assert_eq!(results[0][kind]["sent"], 3, "{results:?}");
        let median = results[0][kind]["p50_us"].as_u64().unwrap();
        assert!((1..5_000_000).contains(&median), "{median}");
    }
    assert_eq!(results[0]["transport"], "webtransport");
    for (transport, first) in [("webtransport", "over WebTransport"), ("websocket", "over WebSocket")] {
        let lines = cli.ok(&["ping", "--count", "2", "--interval", "0.02", "--transport", transport]).await;
        assert_eq!((lines.lines().next(), lines.lines().count()), (Some(first), 4), "{lines}");
    }
}

#[tokio::test]
async fn a_server_is_trusted_at_the_first_meeting_and_refused_when_its_key_changes() {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    let cli = Cli::at(&server.https_url());
    let fingerprint = hex::encode(server.fingerprint);
    let first = cli.run_with(b"over TLS", &["write", "demo"]).await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(first.stderr.contains(&fingerprint) && first.stderr.contains("known_servers"), "{}", first.stderr);
    let file = cli.config_file("known_servers");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
    let second = cli.run(&["cat", "demo"]).await;
    assert_eq!((second.code, second.stdout.as_str(), second.stderr.as_str()), (Some(0), "over TLS", ""));

    server.kill();
    fs::remove_file(server.data().join("certificate.key")).unwrap();
    fs::remove_file(server.data().join("certificate.pem")).unwrap();
    server.restart().await;
    let refused = cli.run(&["cat", "demo"]).await;
    assert_fails(&refused, 1, &["key of", "changed", &fingerprint, "known_servers line 1"]);
    let pinned = Cli::at(&server.https_url());
    assert_fails(&pinned.run(&["cat", "demo", "--cert-hash", &fingerprint]).await, 1, &["fingerprint"]);
    fs::remove_file(&file).unwrap();
    assert_eq!(cli.ok(&["cat", "demo"]).await, "over TLS");
    let now = fs::read_to_string(&file).unwrap();
    let now = now.trim().rsplit(' ').next().unwrap();
    assert_eq!(pinned.ok(&["cat", "demo", "--cert-hash", now]).await, "over TLS");
    assert!(!pinned.config_file("known_servers").exists());
}
