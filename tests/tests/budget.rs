//! The budget of edits slows people down and loses nothing; whoever ignores it is sent away for a while.

mod support;

use std::time::{Duration, Instant};

use collab_document::Document;
use collab_proto::api::LogKind;
use collab_proto::{ClientFrame, Code, Credential, ServerFrame};
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};
use collab_tests::wire::{Refused, Stream, Wire, join, join_with, replica};

use support::Honest;

/// Five at once, and then nothing for a minute.
const FIVE: &[&str] = &["--throttle-ms", "0", "--edits-per-minute", "1", "--burst", "5"];

/// Sends edits of one word each, all at once, and gives those that were rejected: which, why, and when they may come again.
async fn flood(stream: &mut Stream, updates: &[(u64, Vec<u8>)]) -> Vec<(u64, Code, Option<u32>)> {
    for (id, update) in updates {
        stream.edit(*id, update.clone()).await;
    }
    // Answers come in another order than the edits: a rejection needs no disk.
    let (mut saved, mut rejected) = (0, Vec::new());
    while saved + rejected.len() < updates.len() {
        match stream.next().await.expect("the stream goes on") {
            ServerFrame::Saved { .. } => saved += 1,
            ServerFrame::Rejected { id, code, retry_after_ms, .. } => rejected.push((id.0, code, retry_after_ms)),
            ServerFrame::Members { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    rejected
}

fn words(document: &mut Document, ids: std::ops::Range<u64>) -> Vec<(u64, Vec<u8>)> {
    ids.map(|id| (id, document.splice(document.len(), 0, &format!("<{id}>")).expect("an edit"))).collect()
}

#[tokio::test]
async fn an_honest_client_slows_itself_and_everything_arrives() {
    let limits = ["--throttle-ms", "20", "--edits-per-minute", "600", "--burst", "5"];
    let server = TestServer::with(&limits).await;
    server.room("demo").await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    let (mut typed, begun) = (String::new(), Instant::now());
    for key in 0..200 {
        typed.push_str(&format!("{key} "));
        ada.type_text(&format!("{key} ")).await;
        if key % 20 == 0 {
            ada.wait_saved().await;
        }
    }
    ada.wait_saved().await;
    bob.wait_text(&typed).await;
    let seen = ada.seen();
    assert_eq!(seen.rejected, [], "the client knows the budget");
    let most = 5 + begun.elapsed().as_millis() as usize / 100;
    assert!((10..=most).contains(&seen.sent), "{} edits, where {most} were allowed", seen.sent);
}

#[tokio::test]
async fn what_is_over_the_budget_comes_later_and_nothing_is_lost() {
    let server = TestServer::with(&["--throttle-ms", "0", "--edits-per-minute", "120", "--burst", "5"]).await;
    server.room("demo").await;
    let mut bob = Person::join(&server, "demo", "Bob").await;
    let wire = Wire::connect(&server).await;
    let asked = join("demo", "Eve");
    let (mut eve, welcome) = wire.enter(asked.clone()).await;
    let policy = welcome.policy;
    assert_eq!((policy.throttle_ms, policy.edits_per_minute, policy.burst, policy.tokens), (0, 120, 5, 5));

    let mut document = replica(&asked, &welcome);
    let mut waiting = words(&mut document, 1..10);
    let mut rounds = 0;
    loop {
        let rejected = flood(&mut eve, &waiting).await;
        waiting.retain(|(id, _)| rejected.iter().any(|(rejected, ..)| rejected == id));
        let Some((_, code, wait)) = rejected.first() else { break };
        assert_eq!(*code, Code::RateLimited);
        let wait = wait.expect("a rejection for its speed says when to try again");
        assert!((1..=500).contains(&wait), "two edits come back in a second: {wait} ms");
        // The time to wait is what the answer is about.
        tokio::time::sleep(Duration::from_millis(wait.into())).await;
        rounds += 1;
    }
    assert!(rounds > 0, "nine edits at once are more than the budget holds");
    bob.wait_text(&document.text()).await;
    server.entries_until("demo", |log| log.iter().any(|entry| entry.kind == LogKind::RateLimited)).await;
}

#[tokio::test]
async fn whoever_ignores_the_budget_is_sent_away_for_a_while() {
    let server = TestServer::with(FIVE).await;
    server.room("demo").await;
    let wire = Wire::connect(&server).await;
    let asked = join("demo", "Eve");
    let (mut eve, welcome) = wire.enter(asked.clone()).await;
    let mut document = replica(&asked, &welcome);

    let rejected = flood(&mut eve, &words(&mut document, 1..6)).await;
    assert_eq!(rejected, [], "the first five are in the budget");
    let rejected = flood(&mut eve, &words(&mut document, 6..55)).await;
    assert_eq!(rejected.len(), 49, "the others stay with their author");
    for (_, code, wait) in rejected {
        assert_eq!(code, Code::RateLimited);
        assert!(wait.is_some_and(|wait| (1..=60_000).contains(&wait)), "{wait:?}");
    }

    eve.edit(99, vec![0, 0]).await;
    let Refused { code, retry_after_ms, .. } = eve.refusal().await;
    assert_eq!((code.number(), code.is_permanent()), (4504, false));
    assert!(retry_after_ms.is_some_and(|wait| wait > 0));

    // The same user elsewhere has the same budget, and as little patience left.
    let (mut again, welcome) = wire.enter(join_with("demo", "Eve", Credential::Resume(welcome.resume_token))).await;
    assert_eq!(welcome.policy.tokens, 0);
    again.edit(1, vec![0, 0]).await;
    assert_eq!(again.refusal().await.code, Code::RateLimited);
}

#[tokio::test]
async fn coming_back_does_not_fill_the_budget() {
    let server = TestServer::with(FIVE).await;
    server.room("demo").await;
    let wire = Wire::connect(&server).await;
    let asked = join("demo", "Eve");
    let (mut eve, welcome) = wire.enter(asked.clone()).await;
    let mut document = replica(&asked, &welcome);
    flood(&mut eve, &words(&mut document, 1..4)).await;
    eve.finish().await;
    while eve.next().await.is_some() {}

    let again = Wire::connect(&server).await;
    let (mut eve, back) = again.enter(join_with("demo", "Eve", Credential::Resume(welcome.resume_token))).await;
    assert_eq!((back.member, back.policy.tokens), (welcome.member, 2));
    let mut document = Document::new(1);
    document.load(&back.missing).unwrap();
    assert_eq!(document.text(), "<1><2><3>");
    let rejected = flood(&mut eve, &words(&mut document, 4..8)).await;
    assert_eq!(rejected.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [6, 7]);
}

#[tokio::test]
async fn questions_have_a_budget_too() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let wire = Wire::connect(&server).await;
    let (mut eve, _) = wire.enter(join("demo", "Eve")).await;
    for _ in 0..100 {
        eve.frame(&ClientFrame::SetName { name: "Eve".to_owned() }).await;
    }
    let refused = eve.refusal().await;
    assert_eq!(refused.code, Code::RateLimited);
    assert!(refused.retry_after_ms.is_some());
    honest.go_on().await;
}
