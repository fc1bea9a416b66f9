//! A server that dies or stops is survived: people go on typing, come back by themselves, and nothing is lost or doubled.

use std::time::{Duration, Instant};

use collab_client::State;
use collab_proto::Code;
use collab_proto::api::{LogKind, LogQuery};
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};

fn assert_once(text: &str, words: impl Iterator<Item = String>) {
    for word in words {
        assert_eq!(text.matches(&word).count(), 1, "{word} in {text}");
    }
}

#[tokio::test]
async fn people_type_on_while_the_server_is_killed_and_started_again() {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    let members = (ada.seen().member, bob.seen().member);
    for i in 0..30 {
        ada.splice(0, 0, &format!("<a{i}>")).await;
        bob.type_text(&format!("<b{i}>")).await;
        match i {
            9 => server.kill(),
            19 => server.restart().await,
            _ => {}
        }
    }
    ada.wait("herself back in the room", |seen| seen.entered == 2).await;
    bob.wait("himself back in the room", |seen| seen.entered == 2).await;
    ada.wait_for("<b29>").await;
    bob.wait_for("<a29>").await;
    ada.wait_saved().await;
    bob.wait_saved().await;
    assert_eq!((ada.seen().member, bob.seen().member), members, "they are who they were");
    ada.wait_members(2).await;

    let text = ada.text();
    bob.wait_text(&text).await;
    assert_once(&text, (0..30).flat_map(|i| [format!("<a{i}>"), format!("<b{i}>")]));
    let cyd = Person::join(&server, "demo", "Cyd").await;
    assert_eq!(cyd.text(), text);
    let resumed = LogQuery { kind: Some(LogKind::Resumed), ..LogQuery::default() };
    assert_eq!(server.entries(resumed).await.len(), 2);
}

#[tokio::test]
async fn a_server_that_stops_tells_everybody_saves_everything_and_ends_well() {
    let mut server = TestServer::with(FAST).await;
    server.room("demo").await;
    server.room("other").await;
    let mut people = Vec::new();
    for (room, name) in [("demo", "Ada"), ("demo", "Bob"), ("other", "Cyd")] {
        people.push(Person::join(&server, room, name).await);
    }
    for person in &mut people {
        for i in 0..10 {
            person.type_text(&format!("<{i} by {}>", person.seen().name)).await;
        }
    }
    let asked = Instant::now();
    server.ask_to_stop();
    let (code, log) = server.stopped().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    for person in &mut people {
        person.wait("why they must go", |seen| seen.sent_away == [Code::Draining]).await;
        person.type_text("<meanwhile>").await;
    }
    server.restart().await;
    for person in &mut people {
        person.wait("the room again", |seen| seen.state == State::Live && seen.entered == 2).await;
        person.wait_saved().await;
    }
    let text = Person::join(&server, "demo", "Dan").await.text();
    assert_once(&text, (0..10).flat_map(|i| [format!("<{i} by Ada>"), format!("<{i} by Bob>")]));
    assert_eq!(text.matches("<meanwhile>").count(), 2);
    assert_eq!(Person::join(&server, "other", "Eve").await.text(), people[2].text());

    let kinds: Vec<_> = server.entries(LogQuery::default()).await.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == LogKind::ServerStarted).count(), 2);
    assert_eq!(kinds.iter().filter(|kind| **kind == LogKind::ServerStopped).count(), 1);
}

#[tokio::test]
async fn a_stop_is_not_held_up_by_a_member_who_says_nothing() {
    let mut server = TestServer::start().await;
    server.room("demo").await;
    let wire = collab_tests::wire::Wire::connect(&server).await;
    let (_idle, _) = wire.enter(collab_tests::wire::join("demo", "Eve")).await;
    let _silent = wire.stream().await;
    let asked = Instant::now();
    server.ask_to_stop();
    assert_eq!(server.stopped().await.0, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}
