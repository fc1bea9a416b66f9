//! The WebSocket beside WebTransport: the same room and the same frames, and no message that a server does not survive.

use collab_proto::api::LogKind;
use collab_proto::limits::MAX_WEBSOCKET_MESSAGE_BYTES;
use collab_proto::websocket::{DATAGRAM, STREAM};
use collab_proto::{
    ClientFrame, Code, Credential, Cursor, Datagram, EditId, Position, Role, ServerFrame, encode_datagram, encode_frame,
};
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};
use collab_tests::socket::Socket;
use collab_tests::wire::{Wire, join, join_with, replica};
use tokio_tungstenite::tungstenite::Message;

/// The close code of a WebSocket that ends in order.
const NORMAL: u16 = 1000;

#[tokio::test]
async fn a_websocket_is_a_membership_like_any_other() {
    let server = TestServer::start().await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    ada.splice(0, 0, "hello").await;
    ada.wait_saved().await;

    let (asked, mut socket) = (join("demo", "Bob"), Socket::connect(&server).await);
    let welcome = socket.enter(asked.clone()).await;
    assert_eq!((welcome.role, welcome.count), (Role::Editor, 2));
    let mut replica = replica(&asked, &welcome);
    let update = replica.splice(5, 0, " world").expect("a change");
    // Where a message ends means nothing.
    for byte in encode_frame(&ClientFrame::Edit { id: EditId(1), update: update.into() }).chunks(1) {
        socket.bytes(byte).await;
    }
    ada.wait_for("hello world").await;
    assert!(matches!(socket.word().await, Some(ServerFrame::Saved { id: EditId(1), .. })));

    let ping = Datagram::Ping { seq: 7, sent_at: 8 };
    let cursor = Cursor { anchor: Position::Start, head: Position::End };
    let presence = Datagram::Presence { slot: welcome.slot, member: welcome.member, seq: 1, cursor: Some(cursor) };
    for datagram in [ping, presence] {
        socket.send(Message::binary([&[DATAGRAM], &encode_datagram(&datagram)[..]].concat())).await;
    }
    assert_eq!(socket.datagram().await, Datagram::Pong { seq: 7, sent_at: 8 });
    ada.wait("see a cursor", |seen| seen.cursors.len() == 1).await;

    // The token leads back on the other transport, as the same member.
    let wire = Wire::connect(&server).await;
    let (_stream, again) = wire.enter(join_with("demo", "Bob", Credential::Resume(welcome.resume_token))).await;
    assert_eq!((again.member, again.count), (welcome.member, 2));
    assert!(matches!(socket.word().await, Some(ServerFrame::Refused { code: Code::Replaced, .. })));
    assert_eq!(socket.close_code().await, Some(NORMAL));
}

#[tokio::test]
async fn refusals_come_in_frames_and_broken_rules_close_with_a_code() {
    let server = TestServer::start().await;
    server.room("demo").await;
    for (message, code) in [
        (Message::text("hello"), Code::Malformed),
        (Message::binary(vec![9, 1, 2]), Code::Malformed),
        (Message::binary(vec![]), Code::Malformed),
        (Message::binary(vec![STREAM; MAX_WEBSOCKET_MESSAGE_BYTES + 1]), Code::FrameTooLarge),
    ] {
        let mut socket = Socket::connect(&server).await;
        socket.send(message).await;
        assert_eq!(socket.close_code().await, Some(code.number()));
    }
    let mut socket = Socket::connect(&server).await;
    socket.enter(join("demo", "Ada")).await;
    // A datagram that is none is dropped, as on any network.
    socket.send(Message::binary(vec![DATAGRAM; MAX_WEBSOCKET_MESSAGE_BYTES])).await;
    socket.bytes(&[3, 0xff, 0xff, 0xff]).await;
    assert!(matches!(socket.word().await, Some(ServerFrame::Refused { code: Code::Malformed, .. })));
    assert_eq!(socket.close_code().await, Some(NORMAL));
    let mut socket = Socket::connect(&server).await;
    socket.frame(&ClientFrame::Join(join("nowhere", "Ada"))).await;
    assert!(matches!(socket.word().await, Some(ServerFrame::Refused { code: Code::NoSuchRoom, .. })));
    assert_eq!(socket.close_code().await, Some(NORMAL));
}

#[tokio::test]
async fn sessions_are_counted_over_all_transports() {
    let server = TestServer::with(&["--max-sessions", "2"]).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Socket::connect(&server).await;
    bob.enter(join("demo", "Bob")).await;
    let mut cyd = Socket::connect(&server).await;
    assert!(matches!(cyd.next().await, Some(ServerFrame::Refused { code: Code::TooMany, .. })));
    assert_eq!(cyd.close_code().await, Some(NORMAL));
    bob.send(Message::Close(None)).await;
    ada.wait_members(1).await;
    assert_eq!(bob.close_code().await, None);
    let entries = server.entries_until("demo", |entries| entries.iter().any(|entry| entry.kind == LogKind::Left)).await;
    assert!(entries.iter().all(|entry| entry.address.as_deref() == Some("127.0.0.1") || entry.address.is_none()));
}

#[tokio::test]
async fn a_server_that_stops_says_when_to_come_back() {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    let mut socket = Socket::connect(&server).await;
    socket.enter(join("demo", "Ada")).await;
    server.ask_to_stop();
    assert!(matches!(socket.word().await, Some(ServerFrame::GoAway { reason: Code::Draining, .. })));
    assert_eq!(socket.close_code().await, Some(NORMAL));
    assert_eq!(server.stopped().await.0, Some(0));
}
