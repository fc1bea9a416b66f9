//! A file that is kept equal to a room, as people and editors treat files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use collab_proto::Credential;
use collab_tests::PASSWORD;
use collab_tests::cli::Cli;
use collab_tests::person::Person;
use collab_tests::process::{Ended, Process};
use collab_tests::server::{FAST, TestServer};
use rustix::process::Signal;
use serde_json::Value;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Saves as vim and most editors do: another file takes the name.
fn save_by_renaming(path: &Path, text: &str) {
    let draft = path.with_extension("swp");
    fs::write(&draft, text).expect("a draft");
    fs::rename(draft, path).expect("another file of this name");
}

/// Starts to keep `notes.md` equal to the room.
async fn keep_equal(cli: &Cli) -> Process {
    let mut sync = cli.start(&["sync", "demo", "notes.md"]);
    sync.until("begin", |output| output.stderr().contains("are kept equal")).await;
    sync
}

/// Waits until the file has this text; every change of it is told.
async fn until_file(sync: &mut Process, path: &Path, text: &str) {
    sync.until(&format!("write {text:?}"), |_| read(path) == text).await;
}

async fn told(sync: &mut Process, words: &str) {
    sync.until(&format!("tell {words:?}"), |output| output.stderr().contains(words)).await;
}

/// Ends it by Ctrl-C.
async fn end(sync: Process) -> Ended {
    sync.signal(Signal::INT);
    sync.ended().await
}

/// Copies beside the file, by their text.
fn copies(cli: &Cli) -> Vec<String> {
    let names = fs::read_dir(cli.file(".")).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut texts: Vec<_> =
        names.filter(|path| path.to_string_lossy().contains(".kept-")).map(|it| read(&it)).collect();
    texts.sort();
    texts
}

fn assert_fails(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "no {part:?} in {}", ended.stderr);
    }
}

#[tokio::test]
async fn two_folders_and_a_person_have_one_text() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let (ada, bob) = (Cli::new(&server), Cli::new(&server));
    let (at_ada, at_bob) = (ada.file("notes.md"), bob.file("notes.md"));
    fs::write(&at_ada, "one\ntwo\n").unwrap();
    let (mut ada_syncs, mut bob_syncs) = (keep_equal(&ada).await, keep_equal(&bob).await);
    until_file(&mut bob_syncs, &at_bob, "one\ntwo\n").await;

    // Each saves a change before that of the other has come.
    save_by_renaming(&at_ada, "ONE\ntwo\n");
    fs::write(&at_bob, "one\ntwo\nthree\n").unwrap();
    let mut cyd = Person::join(&server, "demo", "Cyd").await;
    cyd.wait_text("ONE\ntwo\nthree\n").await;
    until_file(&mut ada_syncs, &at_ada, "ONE\ntwo\nthree\n").await;
    until_file(&mut bob_syncs, &at_bob, "ONE\ntwo\nthree\n").await;

    fs::set_permissions(&at_ada, fs::Permissions::from_mode(0o640)).unwrap();
    cyd.type_text("vier 😀\n").await;
    until_file(&mut ada_syncs, &at_ada, "ONE\ntwo\nthree\nvier 😀\n").await;
    assert_eq!(fs::metadata(&at_ada).unwrap().permissions().mode() & 0o777, 0o640);
    save_by_renaming(&at_ada, "");
    until_file(&mut bob_syncs, &at_bob, "").await;
    told(&mut ada_syncs, "saved in demo").await;

    assert_fails(&ada.run(&["sync", "demo", "notes.md", "--once"]).await, &["Another collab-cli keeps notes.md"]);
    for sync in [ada_syncs, bob_syncs] {
        assert_eq!(end(sync).await.code, Some(0));
    }
    assert_eq!((copies(&ada).len(), copies(&bob).len()), (0, 0));
}

#[tokio::test]
async fn what_is_written_while_the_server_is_dead_comes_together_once() {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    let (ada, bob) = (Cli::new(&server), Cli::new(&server));
    let (at_ada, at_bob) = (ada.file("notes.md"), bob.file("notes.md"));
    fs::write(&at_ada, "middle\n").unwrap();
    let (mut ada_syncs, mut bob_syncs) = (keep_equal(&ada).await, keep_equal(&bob).await);
    until_file(&mut bob_syncs, &at_bob, "middle\n").await;
    told(&mut ada_syncs, "saved in demo").await;

    server.kill();
    told(&mut ada_syncs, "connection lost").await;
    told(&mut bob_syncs, "connection lost").await;
    save_by_renaming(&at_ada, "first\nmiddle\n");
    told(&mut ada_syncs, "notes.md → demo (13 bytes)").await;
    // One is killed with its change unsent, the other one ended.
    ada_syncs.kill();
    fs::write(&at_bob, "middle\nlast\n").unwrap();
    assert_fails(&end(bob_syncs).await, &["not saved in demo", "when you run the command again"]);

    // One begins while the server is away, the other one when it is back.
    ada_syncs = ada.start(&["sync", "demo", "notes.md"]);
    told(&mut ada_syncs, "the server is away").await;
    server.restart().await;
    bob_syncs = keep_equal(&bob).await;
    until_file(&mut ada_syncs, &at_ada, "first\nmiddle\nlast\n").await;
    until_file(&mut bob_syncs, &at_bob, "first\nmiddle\nlast\n").await;
    for sync in [ada_syncs, bob_syncs] {
        assert_eq!(end(sync).await.code, Some(0));
    }
    assert_eq!(ada.ok(&["cat", "demo"]).await, "first\nmiddle\nlast\n");
}

#[tokio::test]
async fn changes_between_two_runs_are_merged() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let cli = Cli::new(&server);
    let path = cli.file("notes.md");
    let once = ["sync", "demo", "notes.md", "--once", "--json"];
    fs::write(&path, "one\ntwo\n").unwrap();
    let events = |lines: String| -> Vec<String> {
        let event = |line: &str| serde_json::from_str::<Value>(line).unwrap()["event"].as_str().unwrap().to_owned();
        lines.lines().map(event).collect()
    };
    assert_eq!(events(cli.ok(&once).await), ["to-room", "saved", "equal"]);
    assert_eq!(events(cli.ok(&once).await), ["equal"]);

    let mut ada = Person::join(&server, "demo", "Ada").await;
    ada.splice(0, 3, "ONE").await;
    ada.wait_saved().await;
    save_by_renaming(&path, "one\ntwo\nthree\n");
    assert_eq!(events(cli.ok(&once).await), ["to-room", "to-file", "saved", "equal"]);
    assert_eq!(read(&path), "ONE\ntwo\nthree\n");
    ada.wait_text("ONE\ntwo\nthree\n").await;

    // The same change on both sides, as when both came from elsewhere, is one change.
    ada.type_text("four\n").await;
    ada.wait_saved().await;
    fs::write(&path, "ONE\ntwo\nthree\nfour\n").unwrap();
    assert_eq!(events(cli.ok(&once).await), ["equal"]);
    ada.wait_text("ONE\ntwo\nthree\nfour\n").await;
    fs::remove_file(&path).unwrap();
    assert_eq!(events(cli.ok(&once).await), ["to-file", "equal"]);
    assert_eq!(read(&path), "ONE\ntwo\nthree\nfour\n");
}

#[tokio::test]
async fn two_texts_that_never_met_are_not_mixed() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let [cli, prefers_room, prefers_file] = [Cli::new(&server), Cli::new(&server), Cli::new(&server)];
    assert_eq!(cli.run_with(b"the room's\n", &["write", "demo"]).await.code, Some(0));
    for cli in [&cli, &prefers_room, &prefers_file] {
        fs::write(cli.file("notes.md"), "the file's\n").unwrap();
        let refused = cli.run(&["sync", "demo", "notes.md", "--once"]).await;
        assert_fails(&refused, &["11 bytes", "--prefer room", "--prefer file", "Nothing was changed"]);
        assert_eq!((read(&cli.file("notes.md")), copies(cli).len()), ("the file's\n".to_owned(), 0));
    }
    assert_eq!(cli.ok(&["cat", "demo"]).await, "the room's\n");
    prefers_room.ok(&["sync", "demo", "notes.md", "--once", "--prefer", "room"]).await;
    assert_eq!(
        (read(&prefers_room.file("notes.md")), copies(&prefers_room)),
        ("the room's\n".into(), vec!["the file's\n".into()])
    );
    prefers_file.ok(&["sync", "demo", "notes.md", "--once", "--prefer", "file"]).await;
    assert_eq!(cli.ok(&["cat", "demo"]).await, "the file's\n");
    assert_eq!(copies(&prefers_file), ["the room's\n"]);
    cli.ok(&["sync", "demo", "notes.md", "--once"]).await;
    assert_eq!(cli.run(&["sync", "demo", "notes.md", "--prefer", "me"]).await.code, Some(2));
}

#[tokio::test]
async fn a_room_that_was_made_anew_never_gets_the_old_text_by_itself() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let cli = Cli::new(&server).as_admin(&server);
    fs::write(cli.file("notes.md"), "old\n").unwrap();
    let mut sync = keep_equal(&cli).await;
    told(&mut sync, "saved in demo").await;
    cli.ok(&["room", "delete", "demo", "--yes"]).await;
    assert_fails(&sync.ended().await, &["deleted"]);
    server.room("demo").await;
    let refused = cli.run(&["sync", "demo", "notes.md", "--once"]).await;
    assert_fails(&refused, &["restored or made anew", "--prefer"]);
    assert_eq!((cli.ok(&["cat", "demo"]).await, read(&cli.file("notes.md"))), (String::new(), "old\n".to_owned()));
    cli.ok(&["sync", "demo", "notes.md", "--once", "--prefer", "file"]).await;
    assert_eq!(cli.ok(&["cat", "demo"]).await, "old\n");
}

#[tokio::test]
async fn a_viewers_file_follows_and_their_changes_go_into_a_copy() {
    let server = TestServer::with(FAST).await;
    let owner = Cli::new(&server);
    owner.ok(&["room", "create", "demo"]).await;
    owner.with("COLLAB_PASSWORD", "only to read").ok(&["room", "viewer-password", "demo"]).await;
    let mut ada = Person::join_with(&server, "demo", "Ada", Credential::Password(PASSWORD.to_owned())).await;
    ada.type_text("hers\n").await;
    ada.wait_saved().await;

    let vic = Cli::new(&server).with("COLLAB_PASSWORD", "only to read").with("USER", "Vic");
    let path = vic.file("notes.md");
    let mut sync = keep_equal(&vic).await;
    until_file(&mut sync, &path, "hers\n").await;
    fs::write(&path, "his\n").unwrap();
    told(&mut sync, "you may read this room but not change it").await;
    until_file(&mut sync, &path, "hers\n").await;
    ada.type_text("too\n").await;
    until_file(&mut sync, &path, "hers\ntoo\n").await;
    assert_eq!((end(sync).await.code, copies(&vic)), (Some(0), vec!["his\n".to_owned()]));
    assert_eq!(ada.text(), "hers\ntoo\n");
}

#[tokio::test]
async fn whoever_loses_the_right_to_write_while_away_gets_the_rooms_text_and_a_copy() {
    let mut server = TestServer::with(FAST).await;
    let owner = Cli::new(&server);
    owner.ok(&["room", "create", "demo"]).await;
    let owner = owner.with("COLLAB_PASSWORD", "only to read");
    owner.ok(&["room", "viewer-password", "demo"]).await;
    let vic = Cli::new(&server);
    let path = vic.file("notes.md");
    fs::write(&path, "both\n").unwrap();
    vic.ok(&["sync", "demo", "notes.md", "--once"]).await;
    server.kill();
    fs::write(&path, "both\nand his\n").unwrap();
    let vic = vic.with("COLLAB_PASSWORD", "only to read");
    let mut sync = vic.start(&["sync", "demo", "notes.md"]);
    told(&mut sync, "notes.md → demo").await;
    server.restart().await;
    until_file(&mut sync, &path, "both\n").await;
    assert_eq!((end(sync).await.code, copies(&vic)), (Some(0), vec!["both\nand his\n".to_owned()]));
}

#[tokio::test]
async fn what_cannot_be_exchanged_is_said_and_nothing_is_lost() {
    let server = TestServer::with(&[FAST, &["--max-document-bytes", "4096"]].concat()).await;
    server.room("demo").await;
    let cli = Cli::new(&server);
    let path = cli.file("notes.md");
    let once = ["sync", "demo", "notes.md", "--once"];
    fs::create_dir(cli.file("folder")).unwrap();
    assert_fails(&cli.run(&["sync", "demo", "folder"]).await, &["folder is not a file"]);
    assert_fails(&cli.run(&["sync", "demo", "none/notes.md"]).await, &["no folder"]);
    for (bytes, part) in [(&b"\xff"[..], "not text in UTF-8"), (&[b'x'; 4097], "4097 bytes"), (&[b'x'; 4096], "exceed")]
    {
        fs::write(&path, bytes).unwrap();
        assert_fails(&cli.run(&once).await, &["notes.md", part]);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    let most = "x".repeat(4096 - 200);
    fs::write(&path, &most).unwrap();
    let mut sync = keep_equal(&cli).await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    ada.wait_text(&most).await;

    // Nothing is written over what cannot be read, until it can.
    fs::write(&path, b"\xfe").unwrap();
    told(&mut sync, "not text in UTF-8").await;
    ada.splice(0, 3890, "Y").await;
    ada.wait_saved().await;
    let still = fs::read(&path).unwrap();
    fs::write(&path, &most).unwrap();
    until_file(&mut sync, &path, "Yxxxxxx").await;
    assert_eq!(still, b"\xfe");

    // A file that is gone takes nothing along.
    fs::remove_file(&path).unwrap();
    told(&mut sync, "notes.md is gone").await;
    save_by_renaming(&path, "Yxxxxxx and back");
    ada.wait_text("Yxxxxxx and back").await;

    // Where nothing can be written beside the file, it stays as it was.
    fs::create_dir(cli.file(".notes.md.collab-new")).unwrap();
    ada.type_text("!").await;
    assert_fails(&sync.ended().await, &["notes.md cannot be written; it is as before"]);
    assert_eq!(read(&path), "Yxxxxxx and back");
    fs::remove_dir(cli.file(".notes.md.collab-new")).unwrap();
    cli.ok(&once).await;
    assert_eq!((read(&path), copies(&cli).len()), ("Yxxxxxx and back!".to_owned(), 0));
}
