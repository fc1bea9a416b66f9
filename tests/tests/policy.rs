//! How often people may write in a room: set when it is made and later, told to everybody at once, kept over a restart.

use collab_proto::api::LogKind;
use collab_tests::cli::Cli;
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};

/// Edits a minute, edits at once, and the shortest time between two, as somebody's client knows them.
async fn pace(person: &mut Person) -> (u32, u32, u32) {
    person.wait_live().await;
    let policy = person.act(|driver| driver.client().policy()).await;
    (policy.edits_per_minute, policy.burst, policy.throttle_ms)
}

#[tokio::test]
async fn a_room_has_its_own_pace_which_its_owner_changes_under_those_who_write() {
    let mut server = TestServer::with(FAST).await;
    let owner = Cli::new(&server);
    owner.ok(&["room", "create", "demo", "--edits-per-minute", "60", "--burst", "2", "--throttle-ms", "0"]).await;
    let mut ada = Person::join(&server, "demo", "Ada").await;
    assert_eq!(pace(&mut ada).await, (60, 2, 0));
    for word in ["one ", "two ", "three "] {
        ada.type_text(word).await;
    }
    // The third waits for a second; another policy lets it go at once, and the next ones too.
    let told = owner.ok(&["room", "policy", "demo", "--edits-per-minute", "600", "--burst", "600"]).await;
    assert_eq!(
        told,
        "edits       600 a minute (this room's)\nat once     600 edits (this room's)\n\
         throttle    0 ms between two edits (this room's)\n"
    );
    ada.wait_saved().await;
    let wanted = |log: &[collab_proto::api::LogEntry]| log.iter().any(|entry| entry.kind == LogKind::PolicyChanged);
    let log = server.entries_until("demo", wanted).await;
    let detail = log.iter().find(|entry| entry.kind == LogKind::PolicyChanged).and_then(|entry| entry.detail.clone());
    assert_eq!(detail.as_deref(), Some("600 edits a minute, 600 at once, 0 ms between two by the owner"));
    ada.wait("the other policy", |seen| seen.policy.burst == 600).await;
    assert_eq!(ada.seen().rejected, [], "nobody was refused for not knowing");

    owner.ok(&["room", "policy", "demo", "--burst", "default", "--throttle-ms", "default"]).await;
    ada.wait("its own pace", |seen| seen.policy.burst == 600 && seen.policy.throttle_ms == 0).await;
    owner.ok(&["room", "policy", "demo", "--edits-per-minute", "9"]).await;
    ada.wait("a slow room", |seen| (seen.policy.edits_per_minute, seen.policy.burst) == (9, 9)).await;
    server.kill();
    server.restart().await;
    assert_eq!(pace(&mut Person::join(&server, "demo", "Bob").await).await, (9, 9, 0));
    assert!(owner.ok(&["room", "show", "demo"]).await.contains("edits       9 a minute (this room's)\n"));
}

#[tokio::test]
async fn numbers_out_of_bounds_are_wrong_usage_or_refused() {
    let server = TestServer::start().await;
    let owner = Cli::new(&server);
    let create = owner.run(&["room", "create", "demo", "--edits-per-minute", "601"]).await;
    assert_eq!(create.code, Some(2), "{}", create.stderr);
    owner.ok(&["room", "create", "demo"]).await;
    let change = owner.run(&["room", "policy", "demo", "--throttle-ms", "60001"]).await;
    assert_eq!(change.code, Some(1));
    assert!(change.stderr.contains("A room's throttle_ms is between 0 and 60000."), "{}", change.stderr);
    let word = owner.run(&["room", "policy", "demo", "--burst", "many"]).await;
    assert_eq!(word.code, Some(2));
    let stranger = Cli::new(&server).run(&["room", "policy", "demo", "--burst", "1"]).await;
    assert_eq!(stranger.code, Some(1));
}
