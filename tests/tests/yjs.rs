//! `/yjs`, by whoever does not speak as a provider does. The stock provider itself is driven in `tests/e2e`.

use collab_proto::Code;
use collab_proto::api::LogKind;
use collab_proto::limits::MAX_CLIENT_FRAME_BYTES;
use collab_tests::person::Person;
use collab_tests::server::TestServer;
use collab_tests::socket::Socket;
use tokio_tungstenite::tungstenite::Message;

/// Sync step 1 of somebody who has nothing.
const STEP_1: [u8; 4] = [0, 0, 1, 0];

/// The end of an update message that holds `bytes`.
fn update(bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).expect("a short update");
    [&[0, 2, len], bytes].concat()
}

async fn provider(server: &TestServer, token: &str) -> Socket {
    let mut socket = Socket::connect_to(server, &format!("/yjs/demo?token={token}&name=Mallory")).await;
    socket.send(Message::binary(STEP_1.to_vec())).await;
    socket
}

#[tokio::test]
async fn hostile_messages_are_answered_by_a_close_code_and_disturb_nobody() {
    let server = TestServer::start().await;
    let token = server.room("demo").await.owner_token;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    for (message, code) in [
        (Message::text("hello"), Code::Malformed),
        (Message::binary(vec![]), Code::Malformed),
        (Message::binary(vec![0, 7, 1]), Code::Malformed),
        (Message::binary(vec![2, 0, 0]), Code::Malformed),
        (Message::binary(vec![0; MAX_CLIENT_FRAME_BYTES + 1]), Code::FrameTooLarge),
        // An update that is none; one with a gap; a state vector that is none.
        (Message::binary(update(&[9, 9, 9])), Code::InvalidUpdate),
        (Message::binary(update(&[1, 1, 5, 9, 4, 1, 4, b't', b'e', b'x', b't', 1, b'x', 0])), Code::ResyncNeeded),
        (Message::binary(vec![0, 0, 2, 9, 9]), Code::InvalidStateVector),
    ] {
        let mut socket = provider(&server, &token).await;
        // It must be let in first.
        assert!(socket.message().await.is_some_and(|answer| answer.starts_with(&[0, 1])));
        socket.send(message.clone()).await;
        assert_eq!(socket.close_code().await, Some(code.number()), "{message:.40}");
    }
    ada.type_text("fine").await;
    ada.wait_saved().await;
    ada.wait_members(1).await;
}

#[tokio::test]
async fn a_token_opens_its_own_room_alone() {
    let server = TestServer::start().await;
    let token = server.room("other").await.owner_token;
    server.room("demo").await;
    for token in ["", "no.token.atall", &token] {
        let mut socket = provider(&server, token).await;
        // Why, for the provider's developer.
        assert!(socket.message().await.is_some_and(|answer| answer.starts_with(&[2, 0])));
        assert_eq!(socket.close_code().await, Some(Code::BadToken.number()));
    }
    let refused = |entries: &[collab_proto::api::LogEntry]| {
        entries.iter().filter(|entry| entry.kind == LogKind::Refused).count() == 3
    };
    server.entries_until("demo", refused).await;
}

#[tokio::test]
async fn a_provider_is_sent_away_by_a_server_that_stops() {
    let mut server = TestServer::start().await;
    let token = server.room("demo").await.owner_token;
    let mut socket = provider(&server, &token).await;
    assert!(socket.message().await.is_some());
    server.ask_to_stop();
    assert_eq!(socket.close_code().await, Some(Code::Draining.number()));
    assert_eq!(server.stopped().await.0, Some(0));
}
