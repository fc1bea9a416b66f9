//! A member who reads too slowly costs a bounded amount of memory, holds nobody up, and ends with the same text.

use std::time::{Duration, Instant};

use collab_document::Document;
use collab_proto::api::LogKind;
use collab_proto::{Code, ServerFrame};
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};
use collab_tests::socket::Socket;
use collab_tests::wire::{Stream, Wire, join, replica};
use tokio::time::sleep;

/// How far the server may be ahead of the slow reader, in bytes.
const WINDOW: u32 = 64;

/// What may wait for a member, in bytes: the least that can be configured.
const OUTBOX: usize = 64 * 1024;

/// What an edit of the burst inserts, in bytes.
const PIECE: usize = 4096;

/// Edits of the burst: fifty times what may wait for a member.
const BURST: usize = 800;

/// Ada replaces the text, and it is timed until Bob sees it.
async fn edit(ada: &mut Person, bob: &mut Person, number: usize) -> Duration {
    let text = format!("{number:0>PIECE$}");
    let begun = Instant::now();
    let old = u32::try_from(ada.text().len()).expect("a small text");
    ada.splice(0, old, &text).await;
    bob.wait_for(&text).await;
    begun.elapsed()
}

fn median(latencies: &mut [Duration]) -> Duration {
    latencies.sort_unstable();
    latencies[latencies.len() / 2]
}

/// Reads a byte a second until the others are done.
async fn dawdle(stream: &mut Stream, done: &tokio::sync::Notify) -> usize {
    let mut bytes = 0;
    loop {
        tokio::select! {
            () = done.notified() => return bytes,
            () = sleep(Duration::from_secs(1)) => assert!(stream.read_byte().await, "nobody is cut off who still reads"),
        }
        bytes += 1;
    }
}

/// A stream of frames, whatever carries it.
trait Frames {
    async fn next(&mut self) -> Option<ServerFrame>;
}

impl Frames for Stream {
    async fn next(&mut self) -> Option<ServerFrame> {
        Stream::next(self).await
    }
}

impl Frames for Socket {
    async fn next(&mut self) -> Option<ServerFrame> {
        Socket::next(self).await
    }
}

/// What the slow reader is given until the text is as wanted: bytes of single edits, and how many resyncs.
async fn catch_up(stream: &mut impl Frames, document: &mut Document, wanted: &str) -> (usize, usize) {
    let (mut edits, mut resyncs) = (0, 0);
    while document.text() != wanted {
        match stream.next().await.expect("the stream goes on") {
            ServerFrame::Edited { update, .. } => {
                edits += update.len();
                document.load(&update).expect("an edit that fits");
            }
            ServerFrame::Resync { update, .. } => {
                resyncs += 1;
                document.load(&update).expect("a text that fits");
            }
            ServerFrame::Members { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    (edits, resyncs)
}

#[tokio::test]
async fn who_reads_a_byte_a_second_is_healed_by_one_resync_and_holds_nobody_up() {
    let outbox = OUTBOX.to_string();
    let server = TestServer::with(&[FAST, &["--outbox-bytes", &outbox]].concat()).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    let mut alone = Vec::new();
    for number in 0..100 {
        alone.push(edit(&mut ada, &mut bob, number).await);
    }
    let wire = Wire::connect_slow(&server, WINDOW).await;
    let asked = join("demo", "Cyd");
    let (mut stream, welcome) = wire.enter(asked.clone()).await;
    let mut document = replica(&asked, &welcome);

    let resident = server.resident_kib();
    let done = tokio::sync::Notify::new();
    let burst = async {
        let mut latencies = Vec::new();
        for number in 100..100 + BURST {
            latencies.push(edit(&mut ada, &mut bob, number).await);
        }
        done.notify_one();
        latencies
    };
    let (mut beside, read) = tokio::join!(burst, dawdle(&mut stream, &done));
    let grown = server.resident_kib().saturating_sub(resident);
    let longest = beside.iter().max().copied();
    println!(
        "latency alone {:?}, beside the slow reader {:?}, at most {longest:?}",
        median(&mut alone),
        median(&mut beside)
    );
    println!("{read} bytes read during the burst; the server grew by {grown} KiB");

    let (edits, resyncs) = catch_up(&mut stream, &mut document, &ada.text()).await;
    println!("{edits} bytes of {} came as edits, then {resyncs} resync", BURST * PIECE);
    assert_eq!(resyncs, 1);
    // What was on its way to the reader when the outbox filled, and the outbox.
    assert!(edits <= 2 * OUTBOX + 2 * PIECE, "{edits} bytes waited");
    assert_eq!(document.text(), bob.text());

    // Healed, it gets edits one by one again.
    edit(&mut ada, &mut bob, 9999).await;
    let (edits, resyncs) = catch_up(&mut stream, &mut document, &ada.text()).await;
    assert!(edits >= PIECE && resyncs == 0, "{edits} {resyncs}");
}

#[tokio::test]
async fn who_does_not_read_at_all_is_sent_away_for_now() {
    let server = TestServer::with(&[FAST, &["--stalled-reader-seconds", "2"]].concat()).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    let wire = Wire::connect_slow(&server, WINDOW).await;
    let (mut stream, _) = wire.enter(join("demo", "Cyd")).await;
    ada.wait_members(3).await;
    let begun = Instant::now();
    for number in 0..5 {
        edit(&mut ada, &mut bob, number).await;
    }
    ada.wait_members(2).await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(stream.cut().await, Some(Code::Stalled));
    let entries =
        server.entries_until("demo", |entries| entries.iter().any(|entry| entry.kind == LogKind::Kicked)).await;
    let kicked = entries.iter().find(|entry| entry.kind == LogKind::Kicked).expect("it was waited for");
    assert_eq!((kicked.name.as_deref(), kicked.detail.clone()), (Some("Cyd"), Some(Code::Stalled.to_string())));
    edit(&mut ada, &mut bob, 5).await;
    // It may come back at once.
    Wire::connect(&server).await.enter(join("demo", "Cyd")).await;
}

/// What the systems of both sides may take of a WebSocket before it stands still, in bytes: their smallest buffers.
const IN_SYSTEMS: usize = 256 * 1024;

#[tokio::test]
async fn who_reads_a_websocket_too_late_is_healed_by_one_resync() {
    let outbox = OUTBOX.to_string();
    let server = TestServer::with(&[FAST, &["--outbox-bytes", &outbox]].concat()).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    let mut socket = Socket::connect_slow(&server, 2048).await;
    let asked = join("demo", "Cyd");
    let welcome = socket.enter(asked.clone()).await;
    let mut document = replica(&asked, &welcome);
    for number in 0..BURST {
        edit(&mut ada, &mut bob, number).await;
    }
    let (edits, resyncs) = catch_up(&mut socket, &mut document, &ada.text()).await;
    println!("{edits} bytes of {} came as edits, then {resyncs} resync", BURST * PIECE);
    assert_eq!(resyncs, 1);
    assert!(edits <= IN_SYSTEMS + OUTBOX, "{edits} bytes waited");
    edit(&mut ada, &mut bob, 9999).await;
    let (edits, resyncs) = catch_up(&mut socket, &mut document, &ada.text()).await;
    assert!(edits >= PIECE && resyncs == 0, "{edits} {resyncs}");
}

#[tokio::test]
async fn who_does_not_read_a_websocket_at_all_is_sent_away_with_a_code() {
    let server = TestServer::with(&[FAST, &["--stalled-reader-seconds", "2"]].concat()).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    let mut socket = Socket::connect_slow(&server, 2048).await;
    socket.enter(join("demo", "Cyd")).await;
    ada.wait_members(3).await;
    for number in 0..2 * IN_SYSTEMS / PIECE {
        edit(&mut ada, &mut bob, number).await;
    }
    ada.wait_members(2).await;
    assert_eq!(socket.close_code().await, Some(Code::Stalled.number()));
    let kicked =
        server.entries_until("demo", |entries| entries.iter().any(|entry| entry.kind == LogKind::Kicked)).await;
    assert!(kicked.iter().any(|entry| entry.name.as_deref() == Some("Cyd")));
}
