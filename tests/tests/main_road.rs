//! People write one text together: everybody sees everything, it is saved, and the log tells who did what.

use collab_client::State;
use collab_proto::api::LogKind;
use collab_proto::{Credential, Role};
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};

#[tokio::test]
async fn two_people_write_at_once_and_a_third_finds_the_same_text() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    ada.wait_members(2).await;
    bob.wait_members(2).await;

    for i in 0..20 {
        ada.splice(0, 0, &format!("<a{i} 😀>")).await;
        bob.type_text(&format!("<b{i} é>")).await;
    }
    ada.wait_for("<b19 é>").await;
    bob.wait_for("<a19 😀>").await;
    ada.wait_saved().await;
    bob.wait_saved().await;
    let text = ada.text();
    bob.wait_text(&text).await;
    for i in 0..20 {
        assert_eq!(text.matches(&format!("<a{i} 😀>")).count(), 1, "{text}");
        assert_eq!(text.matches(&format!("<b{i} é>")).count(), 1, "{text}");
    }

    let mut cyd = Person::join(&server, "demo", "Cyd").await;
    cyd.wait_text(&text).await;
    ada.wait_members(3).await;
    cyd.splice(0, text.encode_utf16().count() as u32, "all new").await;
    ada.wait_text("all new").await;
    bob.wait_text("all new").await;
    assert_eq!(server.api().rooms().await.unwrap()[0].members, 3);
}

#[tokio::test]
async fn the_log_tells_who_came_wrote_and_left() {
    let server = TestServer::start().await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    bob.type_text("hello").await;
    bob.wait_saved().await;
    ada.wait_text("hello").await;
    ada.wait_members(2).await;
    bob.leave().await.unwrap();
    ada.wait_members(1).await;
    assert_eq!(ada.seen().names, ["Ada"]);

    let entries = server.entries_until("demo", |log| log.iter().any(|entry| entry.kind == LogKind::Left)).await;
    let told: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.name.as_deref())).collect();
    assert_eq!(
        told,
        [
            (LogKind::RoomCreated, None),
            (LogKind::Joined, Some("Ada")),
            (LogKind::Joined, Some("Bob")),
            (LogKind::Edited, Some("Bob")),
            (LogKind::Left, Some("Bob")),
        ]
    );
    let edited = &entries[3];
    assert!(edited.bytes.is_some_and(|bytes| (5..100).contains(&bytes)), "{edited:?}");
    assert_eq!(entries[2].address.as_deref(), Some("127.0.0.1"));
    assert_eq!(entries[2].member, edited.member);
}

#[tokio::test]
async fn names_are_cleaned_and_can_be_changed() {
    let server = TestServer::start().await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut eve = Person::join(&server, "demo", "<b>Eve</b><script>alert(1)</script>\u{202e}").await;
    eve.wait("her clean name", |seen| seen.name == "Eve").await;
    ada.wait_members(2).await;
    assert_eq!(ada.seen().names, ["Ada", "Eve"]);
    eve.act(|driver| driver.set_name("  Eva\u{0} <i>Luna</i> ")).await;
    ada.wait("the new name", |seen| seen.names == ["Ada", "Eva Luna"]).await;
    eve.wait("the new name", |seen| seen.names == ["Ada", "Eva Luna"]).await;
    let cleaned = |kind: LogKind| kind == LogKind::Sanitised;
    server.entries_until("demo", |log| log.iter().filter(|entry| cleaned(entry.kind)).count() == 2).await;
}

#[tokio::test]
async fn cursors_and_latency_are_seen() {
    let server = TestServer::start().await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    ada.type_text("one two").await;
    bob.wait_text("one two").await;
    ada.wait_members(2).await;
    bob.act(|driver| driver.set_cursor(Some((4, 7)))).await;
    let member = bob.seen().member.unwrap();
    ada.wait("Bob's selection", |seen| seen.cursors.get(&member) == Some(&(4, 7))).await;
    ada.splice(0, 0, "😀 ").await;
    ada.wait("Bob's selection where it was meant", |seen| seen.cursors.get(&member) == Some(&(7, 10))).await;
    ada.wait("a round trip", |seen| seen.latency.is_some()).await;
}

#[tokio::test]
async fn rooms_are_apart_and_the_owner_is_known() {
    let server = TestServer::with(FAST).await;
    let token = server.room("one").await.owner_token;
    server.room("two").await;
    let mut owner = Person::join_with(&server, "one", "Olga", Credential::Token(token)).await;
    let mut guest = Person::join(&server, "one", "Gus").await;
    let mut other = Person::join(&server, "two", "Tom").await;
    assert_eq!(owner.seen().role, Some(Role::Owner));
    assert_eq!(guest.seen().role, Some(Role::Editor));
    owner.type_text("in one").await;
    other.type_text("in two").await;
    guest.wait_text("in one").await;
    other.wait_saved().await;
    assert_eq!(other.text(), "in two");
    assert_eq!(other.seen().names, ["Tom"]);
    assert_eq!(guest.seen().state, State::Live);
}
