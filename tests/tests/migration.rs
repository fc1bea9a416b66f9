//! A client whose address changes stays in the room: the same connection goes on, and nothing is lost.

use collab_proto::api::{LogKind, LogQuery};
use collab_tests::person::Person;
use collab_tests::relay::Relay;
use collab_tests::server::{FAST, TestServer};

#[tokio::test]
async fn a_client_that_moves_to_other_addresses_goes_on_in_the_same_session() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let relay = Relay::to(server.port).await;
    let mut ada = Person::join_through(&relay, &server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    for i in 0..50 {
        if i % 10 == 5 {
            relay.move_client().await;
        }
        ada.type_text(&format!("<a{i}>")).await;
        bob.splice(0, 0, &format!("<b{i}>")).await;
        // Some are on the road when the address changes, some come after it.
        if i % 10 == 9 {
            ada.wait_for(&format!("<b{i}>")).await;
            bob.wait_for(&format!("<a{i}>")).await;
        }
    }
    ada.wait_saved().await;
    bob.wait_saved().await;
    let text = ada.text();
    bob.wait_text(&text).await;
    for word in (0..50).flat_map(|i| [format!("<a{i}>"), format!("<b{i}>")]) {
        assert_eq!(text.matches(&word).count(), 1, "{word} in {text}");
    }
    let seen = ada.seen();
    assert_eq!((seen.entered, seen.lost.as_slice()), (1, [].as_slice()), "the first connection stands");
    let joined = LogQuery { kind: Some(LogKind::Joined), ..LogQuery::default() };
    assert_eq!(server.entries(joined).await.len(), 2, "nobody joined again");
    let resumed = LogQuery { kind: Some(LogKind::Resumed), ..LogQuery::default() };
    assert_eq!(server.entries(resumed).await, []);
}

#[tokio::test]
async fn a_client_that_only_reads_is_found_at_its_new_address() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let relay = Relay::to(server.port).await;
    let mut ada = Person::join_through(&relay, &server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    bob.type_text("before ").await;
    ada.wait_text("before ").await;
    relay.move_client().await;
    // The server cannot know before it hears from the new address: the next ping tells it.
    bob.type_text("after").await;
    ada.wait_text("before after").await;
    assert_eq!(ada.seen().entered, 1);
}
