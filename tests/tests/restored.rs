//! Commands that stay in a room, when the server or the room is another one by the time it comes back.

use std::fs;
use std::path::PathBuf;

use collab_proto::{Code, Credential, Role};
use collab_tests::cli::Cli;
use collab_tests::person::Person;
use collab_tests::process::Process;
use collab_tests::server::{FAST, TestServer};

/// Everything that a server holds, in a file beside its data.
async fn backup(server: &TestServer, cli: Cli) -> PathBuf {
    let file = server.data().with_extension("backup");
    cli.as_admin(server).ok(&["backup", file.to_str().expect("a path in UTF-8")]).await;
    file
}

/// A command ends with exit code 1 and says these things.
async fn fails(command: Process, parts: &[&str]) {
    let ended = command.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "no {part:?} in {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_follower_ends_when_the_room_was_restored_and_begins_again_with_what_there_is() {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    let cli = Cli::new(&server);
    cli.run_with(b"in the backup\n", &["write", "demo"]).await;
    let backup = backup(&server, Cli::new(&server)).await;
    cli.run_with(b"in the backup\nand later\n", &["write", "demo"]).await;
    let mut follower = cli.start(&["follow", "demo"]);
    follower.until("print the text", |output| output.stdout().ends_with("later\n")).await;
    server.kill();
    server.restore(&backup).await;
    fails(follower, &["restored or made anew", "again"]).await;
    assert_eq!(cli.ok(&["cat", "demo"]).await, "in the backup\n");
    let mut again = cli.start(&["follow", "demo"]);
    again.until("print the restored text", |output| output.stdout() == "in the backup\n").await;
}

#[tokio::test]
async fn a_text_that_is_half_written_never_goes_on_into_another_life_of_the_room() {
    let mut server = TestServer::with(&["--throttle-ms", "0", "--edits-per-minute", "1", "--burst", "1"]).await;
    server.room("demo").await;
    let backup = backup(&server, Cli::new(&server)).await;
    let cli = Cli::new(&server);
    // Several edits long, of which the budget lets one pass at once.
    let text = "half of it ".repeat(60_000);
    let writer = Process::start(cli.command(&["write", "demo", "--timeout", "60"]), text.as_bytes());
    server.entries_until("demo", |log| log.iter().any(|entry| entry.kind.as_str() == "edited")).await;
    server.kill();
    server.restore(&backup).await;
    fails(writer, &["restored or made anew", "again"]).await;
    assert_eq!(cli.ok(&["cat", "demo"]).await, "");
}

#[tokio::test]
async fn a_follower_ends_when_the_key_it_knows_has_changed() {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    let cli = Cli::at(&server.https_url());
    let mut follower = cli.start(&["follow", "demo"]);
    follower.until("know the server", |output| output.stderr().contains("known_servers")).await;
    server.kill();
    for part in ["certificate.key", "certificate.pem"] {
        fs::remove_file(server.data().join(part)).unwrap();
    }
    server.restart().await;
    fails(follower, &["key of", "changed", "known_servers line 1"]).await;
}

#[tokio::test]
async fn after_a_restore_the_admin_makes_owners_anew_and_may_revoke_them() {
    let mut server = TestServer::with(FAST).await;
    let owner = Cli::new(&server);
    owner.ok(&["room", "create", "demo"]).await;
    let backup = backup(&server, Cli::new(&server)).await;
    server.kill();
    server.restore(&backup).await;
    let void = owner.run(&["room", "show", "demo"]).await;
    assert_eq!(void.code, Some(1), "{}", void.stdout);

    let admin = Cli::new(&server).as_admin(&server);
    let token = admin.ok(&["room", "owner-token", "demo"]).await;
    let wrong = owner.run_with(b"no token\n", &["room", "claim", "demo"]).await;
    assert!(wrong.code == Some(1) && wrong.stderr.contains("no owner token of demo"), "{}", wrong.stderr);
    assert_eq!(owner.run_with(token.as_bytes(), &["room", "claim", "demo"]).await.code, Some(0));
    owner.ok(&["room", "policy", "demo", "--burst", "3"]).await;
    let mut olga = Person::join_with(&server, "demo", "Olga", Credential::Token(token.trim().to_owned())).await;
    assert_eq!(olga.seen().role, Some(Role::Owner));

    admin.ok(&["room", "owner-token", "demo", "--revoke", "--keep"]).await;
    assert_eq!(olga.wait_refused().await.0, Code::BadToken);
    assert_eq!(owner.run(&["room", "show", "demo"]).await.code, Some(1));
    let keeper = admin.with("COLLAB_ADMIN_TOKEN", "");
    keeper.ok(&["room", "show", "demo"]).await;
}
