//! Disks that are full or read-only, databases that are cut or flipped, and backups: the real programs, with real faults.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use collab_client::{SaveState, State};
use collab_proto::Code;
use collab_proto::api::{LogKind, LogQuery};
use collab_tests::cli::Cli;
use collab_tests::person::{Person, Seen};
use collab_tests::process::Ended;
use collab_tests::server::{FAST, TestServer, fails, maintain};
use tempfile::TempDir;

const FREE: [&str; 4] = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

/// A data folder with one room, and what is written in it.
async fn sample() -> (TestServer, &'static str) {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    for _ in 0..20 {
        ada.type_text("Das bleibt. 😀\n").await;
    }
    ada.wait_saved().await;
    ada.leave().await.expect("in order");
    server.ask_to_stop();
    assert_eq!(server.stopped().await.0, Some(0));
    (server, "Das bleibt. 😀\n")
}

/// A copy of a data folder.
fn copy_of(data: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for file in fs::read_dir(data).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), copy.path().join(file.file_name())).expect("a copy");
    }
    copy
}

fn is_one_line(ended: &Ended, part: &str) {
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1), "{ended:?}");
    assert!(ended.stderr.contains(part), "no {part:?} in {}", ended.stderr);
}

#[tokio::test]
async fn a_cut_or_flipped_database_is_refused_by_server_and_check_and_left_alone() {
    let (server, _) = sample().await;
    let good = fs::read(server.data().join("collab.redb")).expect("the database");
    let whole = maintain("check", &server.data(), &[]).await;
    assert_eq!(whole.code, Some(0), "{whole:?}");
    assert!(whole.stdout.contains("Rooms        1\n") && whole.stdout.contains("in order"), "{}", whole.stdout);

    let mut refused = 0;
    let text = good.windows(11).position(|bytes| bytes == b"Das bleibt.").expect("the text in the file");
    let flips = [text, 100, 4096 + 5].into_iter().chain((0..good.len()).step_by(good.len() / 16));
    let cuts = [0, 320, good.len() / 2, good.len() - 1].map(|len| good[..len].to_vec());
    let flipped = flips.map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        bytes
    });
    for (i, bytes) in cuts.into_iter().chain(flipped).enumerate() {
        let copy = copy_of(&server.data());
        let path = copy.path().join("collab.redb");
        fs::write(&path, &bytes).expect("written");
        let checked = maintain("check", copy.path(), &[]).await;
        if i > 4 && checked.code == Some(0) {
            // It hit a page that holds nothing.
            assert!(checked.stdout.contains("Rooms        1\n"), "{checked:?}");
            continue;
        }
        refused += 1;
        is_one_line(&checked, "collab.redb");
        is_one_line(&fails(copy.path(), &FREE).await, "collab.redb");
        assert_eq!(fs::read(&path).expect("it is still there").len(), bytes.len(), "nothing is made in its place");
    }
    assert!(refused >= 5, "only {refused} were refused");
}

#[tokio::test]
async fn a_check_needs_a_database_that_nobody_uses() {
    let server = TestServer::start().await;
    is_one_line(&maintain("check", &server.data(), &[]).await, "another collab-server uses");
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("nowhere");
    is_one_line(&maintain("check", &nowhere, &[]).await, "there is no database in");
    assert!(!nowhere.exists(), "a check makes nothing");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let (server, _) = sample().await;
    let Some(mount) = Mount::read_only(&server.data()) else {
        // Without the right to mount; root may write everywhere, so file modes show nothing.
        println!("not shown: this process may not mount");
        return;
    };
    is_one_line(&fails(mount.path(), &FREE).await, "cannot open");
    is_one_line(&maintain("check", mount.path(), &[]).await, "cannot open");
}

/// A file system of our own, gone when it is dropped. None without the right to mount.
struct Mount(TempDir);

impl Mount {
    fn new(arguments: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount").args(arguments).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }

    /// One with room for so many bytes.
    fn small(bytes: u64) -> Option<Self> {
        Self::new(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
    }

    /// One that shows what is in a folder, and takes nothing.
    fn read_only(folder: &Path) -> Option<Self> {
        Self::new(&["-o", "bind,ro", folder.to_str().expect("UTF-8")])
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: the server in it may not have ended altogether.
        let done = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(done.is_ok_and(|status| status.success()), "{} stays mounted", self.path().display());
    }
}

#[tokio::test]
async fn on_a_full_disk_what_is_saved_stays_readable_and_the_rest_is_saved_once_there_is_space() {
    let Some(disk) = Mount::small(48 << 20) else {
        println!("not shown: this process may not mount");
        return;
    };
    let mut server = TestServer::in_folder(&disk.path().join("data"), FAST).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    ada.type_text("saved before; ").await;
    ada.wait_saved().await;

    let ballast = fill(disk.path());
    let unsaved = write_until_sent_away(&mut ada).await;
    let cli = Cli::new(&server).as_admin(&server);
    assert!(cli.ok(&["cat", "demo"]).await.starts_with("saved before; "), "what is saved can be read");
    assert_eq!(server.api().rooms().await.expect("the list needs the log").len(), 1);
    assert_ne!(ada.seen().save, SaveState::Saved);
    assert!(ada.text().ends_with(&unsaved), "she keeps what is not saved");

    fs::remove_file(ballast).expect("space");
    ada.wait_saved().await;
    assert_eq!(ada.seen().state, State::Live);
    let text = ada.text();
    server.kill();
    server.restart().await;
    assert_eq!(cli.ok(&["cat", "demo"]).await, text);
}

/// Replaces the end of a text again and again, by more in all than the journal takes and than can hide in pages that the database
/// has already. Gives what could not be saved.
async fn write_until_sent_away(person: &mut Person) -> String {
    let full = |seen: &Seen| seen.sent_away.contains(&Code::Storage);
    let (at, mut end) = (person.text().len() as u32, String::new());
    for letter in ('a'..='z').cycle() {
        let Seen { saved, .. } = person.seen();
        let before = end.len() as u32;
        end = letter.to_string().repeat(200_000);
        person.splice(at, before, &end).await;
        if full(&person.wait("saved, or sent away", |seen| seen.saved > saved || full(seen)).await) {
            break;
        }
    }
    end
}

/// Takes all the space there is.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("ballast");
    let mut file = fs::File::create(&path).expect("a file");
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    path
}

#[tokio::test]
async fn a_backup_of_a_running_server_is_restored_as_another_life() {
    let (mut server, line) = sample().await;
    server.restart().await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.backup");
    let name = file.to_str().expect("UTF-8");
    let cli = Cli::new(&server).as_admin(&server);
    cli.ok(&["backup", name]).await;
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let again = cli.run(&["backup", name]).await;
    assert!(again.code == Some(1) && again.stderr.contains("exists already"), "{again:?}");
    let refused = Cli::new(&server).run(&["backup", &format!("{name}2")]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("token"), "{refused:?}");

    // What comes later is lost with the old server, and stays with its author.
    ada.type_text("later").await;
    ada.wait_saved().await;
    let before = server.api().rooms().await.expect("rooms")[0].generation;
    let entries = server.entries(LogQuery::default()).await;
    server.kill();

    let data = folder.path().join("new");
    let restored = maintain("restore", &data, &[name]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.stdout.starts_with("Restored 1 rooms"), "{}", restored.stdout);
    assert_eq!(maintain("check", &data, &[]).await.code, Some(0));
    is_one_line(&maintain("restore", &data, &[name]).await, "is not empty (");

    let new = TestServer::in_folder(&data, FAST).await;
    assert_ne!(new.api().rooms().await.expect("rooms")[0].generation, before);
    let bob = Person::join(&new, "demo", "Bob").await;
    assert_eq!(bob.text(), line.repeat(20));
    let log = new.entries(LogQuery::default()).await;
    let kept = log.iter().position(|entry| entry.kind == LogKind::Restored).expect("an entry of the restore");
    assert_eq!(log[kept - 1].kind, LogKind::BackedUp);
    assert_eq!(log[..kept], entries[..kept], "the log goes on where the backup was taken");
    assert_eq!(log[kept].detail.as_deref(), Some("from a.backup"));
}

#[tokio::test]
async fn a_damaged_backup_is_refused_before_anything_is_written() {
    let (mut server, _) = sample().await;
    server.restart().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.backup");
    let name = file.to_str().expect("UTF-8");
    Cli::new(&server).as_admin(&server).ok(&["backup", name]).await;
    let good = fs::read(&file).expect("a backup");
    let data = folder.path().join("data");
    let flip = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damaged =
        [good[..good.len() - 1].to_vec(), good[..100].to_vec(), Vec::new(), flip(15), flip(good.len() / 2), flip(20)];
    for bytes in damaged {
        fs::write(&file, bytes).expect("written");
        is_one_line(&maintain("restore", &data, &[name]).await, "nothing was restored");
        assert!(!data.exists(), "nothing was written");
    }
    is_one_line(&maintain("restore", &data, &["/nowhere/at.all"]).await, "cannot be read");
}
