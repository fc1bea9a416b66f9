//! What grows with use, and what must not: the file of a room that is edited again and again, and the memory of a server
//! whose rooms are visited once.

use std::collections::VecDeque;
use std::fs;
use std::time::{Duration, Instant};

use collab_proto::api::LogQuery;
use collab_proto::{Credential, Join, Welcome};
use collab_tests::server::{FAST, TestServer, maintain};
use collab_tests::wire::{Stream, Wire, join, join_with, replica};

/// A number from the environment, for runs that may take longer.
fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Edits of one member that are on their way at a time.
const ON_THE_WAY: usize = 100;

/// Enters a room as its owner, which costs no password hash. How long it took to the text.
async fn enter(wire: &Wire, room: &str, owner: &str) -> (Stream, Join, Welcome, Duration) {
    let asked = join_with(room, "Ada", Credential::Token(owner.to_owned()));
    let start = Instant::now();
    let (stream, welcome) = wire.enter(asked.clone()).await;
    (stream, asked, welcome, start.elapsed())
}

/// Changes the text `edits` times, as somebody new with a budget of their own: a sentence at the end, another one's worth away
/// at the beginning. Gives the text.
async fn edit(wire: &Wire, edits: usize) -> String {
    let asked = join("demo", "Bob");
    let (mut stream, welcome) = wire.enter(asked.clone()).await;
    let mut document = replica(&asked, &welcome);
    let mut waiting = VecDeque::new();
    for id in 0..edits as u64 {
        let sentence = format!("{id:>6}. The quick brown fox jumps over the lazy dog, and the dog sleeps on.\n");
        let mut update = document.splice(document.len(), 0, &sentence).expect("an edit");
        if document.len() > 8_000 {
            let gone = document.splice(0, sentence.len() as u32, "").expect("an edit");
            update = collab_document::merge(&[update, gone]).expect("one update");
        }
        stream.edit(id, update).await;
        waiting.push_back(id);
        if waiting.len() == ON_THE_WAY {
            stream.saved(waiting.drain(..).next_back().expect("the last")).await;
        }
    }
    if let Some(last) = waiting.back() {
        stream.saved(*last).await;
    }
    document.text()
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[tokio::test]
async fn a_room_edited_again_and_again_loads_at_once_from_a_file_that_stays_small() {
    let edits = number("COLLAB_SOAK_EDITS", 10_000);
    let mut server = TestServer::with(&[FAST, &["--log-keep-entries", "1000"]].concat()).await;
    let owner = server.room("demo").await.owner_token;
    let wire = Wire::connect(&server).await;
    let file = server.data().join("collab.redb");
    let size = || fs::metadata(&file).expect("the database").len();
    let mut text = String::new();
    for part in 1..=10 {
        text = edit(&wire, edits / 10).await;
        println!("{:>7} edits: {:.1} MB", part * edits / 10, megabytes(size()));
    }
    let grown = size();
    drop(wire);
    // The log is shown behind the snapshots that are on their way, however long the disk takes for them.
    server.api().logs(&LogQuery::default()).await.expect("a page");
    // The first start removes old log entries, the second gives back their space.
    for start in ["killed", "pruned", "shrunk"] {
        server.kill();
        let began = Instant::now();
        server.restart().await;
        let ready = began.elapsed();
        let wire = Wire::connect(&server).await;
        let (_stream, asked, welcome, loaded) = enter(&wire, "demo", &owner).await;
        let (_other, _, _, in_memory) = enter(&wire, "demo", &owner).await;
        assert_eq!(replica(&asked, &welcome).text(), text);
        println!(
            "{start}: ready in {ready:.1?}, entered in {loaded:.1?}, once more in {in_memory:.1?}, {:.1} MB",
            megabytes(size())
        );
        wait_for_pruned(&server).await;
    }
    server.ask_to_stop();
    assert_eq!(server.stopped().await.0, Some(0));
    let checked = maintain("check", &server.data(), &[]).await;
    println!("{}", checked.stdout);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(recent_edits(&checked.stdout) <= 1_000, "the snapshots did not come: {}", checked.stdout);
    assert!(grown < 1_200 * edits as u64 + (8 << 20), "the file grew to {grown} bytes");
    assert!(size() < 32 << 20, "the file stays at {} bytes", size());
}

/// Waits until no more log entries than were asked for are left.
async fn wait_for_pruned(server: &TestServer) {
    loop {
        let page = server.api().logs(&LogQuery { after: Some(0), limit: Some(1), ..LogQuery::default() }).await;
        let oldest = page.expect("a page").entries[0].seq;
        let newest = server.api().logs(&LogQuery::default()).await.expect("a page").last_seq;
        if newest - oldest < 1_100 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// From the report of a check: "Edits 10000, 40 of them since the last snapshots".
fn recent_edits(report: &str) -> usize {
    let line = report.lines().find(|line| line.starts_with("Edits")).expect("a line about edits");
    let recent = line.split(", ").nth(1).and_then(|part| part.split(' ').next());
    recent.and_then(|number| number.parse().ok()).expect("a number")
}

/// Visits a room once: makes it, writes a line, leaves.
async fn visit(server: &TestServer, wire: &Wire, number: usize) {
    let room = format!("room-{number}");
    let owner = server.room(&room).await.owner_token;
    let (mut stream, asked, welcome, _) = enter(wire, &room, &owner).await;
    let mut document = replica(&asked, &welcome);
    stream.edit(0, document.splice(0, 0, "Somebody was here, and wrote a line.\n").expect("an edit")).await;
    stream.saved(0).await;
    stream.finish().await;
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn rooms_that_were_visited_once_leave_the_memory() {
    let rooms = number("COLLAB_SOAK_ROOMS", 400);
    let idle = number("COLLAB_SOAK_IDLE", 0).to_string();
    let server = TestServer::with(&[FAST, &["--idle-room-seconds", &idle, "--hash-threads", "2"]].concat()).await;
    let wire = Wire::connect(&server).await;
    let mut samples = Vec::new();
    for number in 1..=rooms {
        visit(&server, &wire, number).await;
        if number % (rooms / 20) == 0 {
            samples.push((number as f64, server.resident_kib() as f64));
        }
    }
    // What is taken once, by the first visits, does not count.
    let slope = slope(&samples[samples.len() / 2..]);
    println!("{samples:?}\n{rooms} rooms: {slope:.2} KiB a room");
    assert!(slope < 8.0, "memory grows by {slope:.2} KiB a room");
}

/// How much the second number rises with the first, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len() as f64;
    let (x, y) = samples.iter().fold((0.0, 0.0), |sum, sample| (sum.0 + sample.0 / count, sum.1 + sample.1 / count));
    let part = |sample: &(f64, f64)| ((sample.0 - x) * (sample.1 - y), (sample.0 - x).powi(2));
    let (over, under) = samples.iter().map(part).fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    over / under
}
