//! A server that dies or stops is survived: people go on typing, come back by themselves, and nothing is lost or doubled.

use std::time::{Duration, Instant};

use collab_client::{SaveState, State};
use collab_proto::api::{LogKind, LogQuery};
use collab_proto::{Code, Credential};
use collab_tests::person::Person;
use collab_tests::relay::Relay;
use collab_tests::server::{FAST, TestServer};
use collab_tests::wire::{Wire, join, join_with, replica};
use tokio::time::sleep;

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
    let who = |person: &Person| (person.seen().member, person.seen().role, person.seen().name);
    let members = (who(&ada), who(&bob));
    assert!(server.hashing_ticks() > 0, "they came by password");
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
    assert_eq!((who(&ada), who(&bob)), members, "they are who they were");
    assert_eq!(server.hashing_ticks(), 0, "they came back without a password");
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

#[tokio::test]
async fn a_resume_token_brings_back_member_role_name_and_budget_without_a_password() {
    let server = TestServer::with(&["--throttle-ms", "0", "--edits-per-minute", "1", "--burst", "10"]).await;
    let owner_token = server.room("demo").await.owner_token;
    for credential in [join("demo", "").credential, Credential::Token(owner_token)] {
        let wire = Wire::connect(&server).await;
        let asked = join_with("demo", "Ada Lovelace", credential);
        let (mut stream, first) = wire.enter(asked.clone()).await;
        let mut document = replica(&asked, &first);
        for id in 1..=4 {
            stream.edit(id, document.splice(0, 0, "word ").expect("an edit")).await;
            stream.saved(id).await;
        }
        drop((stream, wire));
        let hashed = server.hashing_ticks();
        for _ in 0..3 {
            // Before the server knows that the first connection is gone, or after.
            let wire = Wire::connect(&server).await;
            let (_, again) =
                wire.enter(join_with("demo", "Ada Lovelace", Credential::Resume(first.resume_token.clone()))).await;
            assert_eq!((again.member, again.role, &again.name), (first.member, first.role, &first.name));
            assert_eq!((first.policy.tokens, again.policy.tokens), (10, 6));
        }
        assert_eq!(server.hashing_ticks(), hashed, "no password was hashed");
    }
}

/// Both go on typing through a network that loses everything, without a word, for longer than either side keeps a connection.
#[tokio::test]
async fn half_a_minute_of_silence_is_noticed_soon_and_survived() {
    const SILENCE: Duration = Duration::from_secs(32);
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let relay = Relay::to(server.port).await;
    let mut ada = Person::join_through(&relay, &server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    let member = ada.seen().member;
    ada.type_text("<before>").await;
    bob.wait_for("<before>").await;

    let begun = Instant::now();
    relay.silence(true);
    ada.type_text("<a0>").await;
    bob.splice(0, 0, "<b0>").await;
    ada.wait("that the server is silent", |seen| !seen.state.is_live()).await;
    let noticed = begun.elapsed();
    println!("noticed after {noticed:?}");
    assert!(noticed >= Duration::from_secs(3), "{noticed:?}: a short silence is no reason to reconnect");
    assert!(noticed < Duration::from_secs(10), "{noticed:?}");
    assert_eq!(ada.seen().save, SaveState::OnDevice);
    bob.wait_members(1).await;
    ada.type_text("<a1>").await;
    bob.splice(0, 0, "<b1>").await;
    sleep(SILENCE.saturating_sub(begun.elapsed())).await;

    relay.silence(false);
    let back = Instant::now();
    ada.wait("herself back in the room", |seen| seen.entered == 2).await;
    println!("back after {:?}", back.elapsed());
    ada.wait_saved().await;
    ada.wait_for("<b1>").await;
    bob.wait_for("<a1>").await;
    let text = ada.text();
    bob.wait_text(&text).await;
    assert_once(&text, ["<before>", "<a0>", "<a1>", "<b0>", "<b1>"].map(str::to_owned).into_iter());
    assert_eq!(ada.seen().member, member);
    bob.wait_members(2).await;
}

#[tokio::test]
async fn two_seconds_of_silence_cost_no_reconnect() {
    let server = TestServer::with(FAST).await;
    server.room("demo").await;
    let relay = Relay::to(server.port).await;
    let mut ada = Person::join_through(&relay, &server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    relay.silence(true);
    ada.type_text("<a>").await;
    bob.type_text("<b>").await;
    sleep(Duration::from_secs(2)).await;
    relay.silence(false);
    ada.wait_for("<b>").await;
    bob.wait_for("<a>").await;
    ada.wait_saved().await;
    assert_eq!((ada.seen().entered, bob.seen().entered), (1, 1));
}
