//! Whoever is refused gets a pinned code and a sentence, and harms nobody else.

mod support;

use bytes::Bytes;
use collab_client::State;
use collab_document::Document;
use collab_proto::limits::{MAX_CLIENT_FRAME_BYTES, MAX_JOIN_FRAME_BYTES, MAX_RAW_NAME_BYTES};
use collab_proto::{ClientFrame, ClientId, Code, Credential, EditId, Generation, Join, ServerFrame, encode_frame};
use collab_tests::PASSWORD;
use collab_tests::person::Person;
use collab_tests::server::{FAST, TestServer};
use collab_tests::wire::{Refused, Wire, join, join_with, replica};

use support::Honest;

fn password(password: &str) -> Credential {
    Credential::Password(password.to_owned())
}

/// The number is what other programs know; the band says whether trying again makes sense.
fn assert_code(refused: &Refused, number: u16) {
    assert_eq!(refused.code.number(), number, "{refused:?}");
}

/// A join whose frame, without the length in front, has exactly so many bytes.
fn join_of(bytes: usize) -> Bytes {
    let whole = join("demo", "Eve");
    let with = |len: usize| {
        let credential = password(&"x".repeat(len));
        encode_frame(&ClientFrame::Join(Join { credential, ..whole.clone() }))
    };
    // Lengths of this size take three bytes, in front of the frame as in front of the password.
    let around = with(bytes / 2).len() - bytes / 2;
    let frame = with(bytes + 3 - around);
    assert_eq!(frame.len(), bytes + 3);
    frame
}

#[tokio::test]
async fn whoever_may_not_enter_is_told_why() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let mut elsewhere = Honest::enter(&server, "elsewhere").await;
    let wire = Wire::connect(&server).await;
    // One that stays while other streams of the same session are refused.
    let asked = join("demo", "Eve");
    let (mut stays, welcome) = wire.enter(asked.clone()).await;

    let wrong = wire.is_refused(join_with("demo", "Eve", password("not this one"))).await;
    assert_code(&wrong, 4401);
    assert!(wrong.message.contains("password") && wrong.retry_after_ms.is_none());
    assert_code(&wire.is_refused(join_with("demo", "Eve", password(&"x".repeat(300)))).await, 4401);
    assert_code(&wire.is_refused(join("nowhere", "Eve")).await, 4404);
    for room in ["", "Demo", "de mo", "../demo", "démo", &"x".repeat(65)] {
        assert_code(&wire.is_refused(join(room, "Eve")).await, 4406);
    }
    for name in ["", "  ", "\u{200b}", "<b></b>", &"x".repeat(MAX_RAW_NAME_BYTES + 1)] {
        assert_code(&wire.is_refused(join("demo", name)).await, 4406);
    }
    for token in ["", "e30.e30.c2ln", &welcome.resume_token[1..]] {
        assert_code(&wire.is_refused(join_with("demo", "Eve", Credential::Resume(token.to_owned()))).await, 4402);
        assert_code(&wire.is_refused(join_with("demo", "Eve", Credential::Token(token.to_owned()))).await, 4402);
    }
    let foreign = Credential::Resume(welcome.resume_token.clone());
    assert_code(&wire.is_refused(join_with("elsewhere", "Eve", foreign)).await, 4402);
    let elsewhere_owner = Credential::Token(elsewhere.owner_token.clone());
    assert_code(&wire.is_refused(join_with("demo", "Eve", elsewhere_owner)).await, 4402);
    assert_code(&wire.is_refused(Join { generation: Some(Generation(1)), ..join("demo", "Eve") }).await, 4411);
    for state_vector in [&[][..], &[0xff; 5], &[1, 1], &[1, 1, 1, 0]] {
        let state_vector = Bytes::copy_from_slice(state_vector);
        assert_code(&wire.is_refused(Join { state_vector, ..join("demo", "Eve") }).await, 4420);
    }
    let client_id = asked.client_id;
    // It may be the same person's earlier connection, which is not known to be dead yet.
    let taken = wire.is_refused(Join { client_id, ..join("demo", "Eve") }).await;
    assert_code(&taken, 4501);
    assert!(taken.retry_after_ms.is_some());
    assert_code(&wire.is_refused(Join { client_id: ClientId(1 << 53), ..join("demo", "Eve") }).await, 4400);

    stays.edit(1, replica(&asked, &welcome).splice(0, 0, "still here ").unwrap()).await;
    stays.saved(1).await;
    honest.go_on().await;
    elsewhere.go_on().await;
}

#[tokio::test]
async fn bytes_that_are_no_join_are_told_apart() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let wire = Wire::connect(&server).await;

    assert_code(&wire.bytes_are_refused(&[0xff; 5]).await, 4400); // a length without end
    assert_code(&wire.bytes_are_refused(&[0]).await, 4400); // a frame of nothing
    assert_code(&wire.bytes_are_refused(b"\x10GET / HTTP/1.1\r\n\r\n").await, 4400);
    assert_code(&wire.bytes_are_refused(&[2, 99, 0]).await, 4400); // a kind that does not exist
    let other_version = encode_frame(&ClientFrame::Join(Join { protocol: 2, ..join("demo", "Eve") }));
    assert_code(&wire.bytes_are_refused(&other_version).await, 4405);
    assert_code(&wire.bytes_are_refused(&[4, 0, 7, 0xff, 0xff]).await, 4405); // whatever follows the version

    let early = [
        ClientFrame::Edit { id: EditId(1), update: Bytes::from_static(&[0, 0]) },
        ClientFrame::SyncRequest { state_vector: Bytes::from_static(&[0]) },
        ClientFrame::SetName { name: "Eve".to_owned() },
    ];
    for frame in early {
        assert_code(&wire.bytes_are_refused(&encode_frame(&frame)).await, 4407);
    }

    // The largest first frame is read and judged; one more byte is refused by its length alone.
    assert_code(&wire.bytes_are_refused(&join_of(MAX_JOIN_FRAME_BYTES)).await, 4401);
    let over = join_of(MAX_JOIN_FRAME_BYTES + 1);
    assert_code(&wire.bytes_are_refused(&over[..3]).await, 4413);
    assert_code(&wire.bytes_are_refused(&over).await, 4413);
    honest.go_on().await;
}

#[tokio::test]
async fn a_member_who_breaks_the_rules_is_put_out() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let wire = Wire::connect(&server).await;

    for (bytes, number) in [
        (encode_frame(&ClientFrame::Join(join("demo", "Eve"))), 4407),
        (Bytes::from_static(&[1, 77]), 4400),
        (Bytes::from_static(&[0xff; 5]), 4400),
        (encode_frame(&ClientFrame::SyncRequest { state_vector: Bytes::from_static(&[1, 1]) }), 4420),
        (length_in_front(MAX_CLIENT_FRAME_BYTES + 1), 4413),
    ] {
        let (mut stream, _) = wire.enter(join("demo", "Eve")).await;
        stream.send(&bytes).await;
        assert_code(&stream.refusal().await, number);
    }
    honest.go_on().await;
}

fn length_in_front(bytes: usize) -> Bytes {
    Bytes::from(vec![bytes as u8 | 0x80, (bytes >> 7) as u8 | 0x80, (bytes >> 14) as u8])
}

#[tokio::test]
async fn an_edit_that_breaks_the_rules_is_rejected_and_its_author_stays() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let wire = Wire::connect(&server).await;
    let asked = join("demo", "Eve");
    let (mut eve, welcome) = wire.enter(asked.clone()).await;
    let mut mallory = replica(&asked, &welcome);
    let good = mallory.splice(0, 0, "good ").unwrap();

    // Under the id of somebody who is here; theirs came before, so that it would fit.
    let ada = honest.client_id().await;
    let mut forged = Document::new(ada.0);
    forged.load(&welcome.missing).unwrap();
    let forged = forged.splice(0, 0, "forged").unwrap();
    eve.edit(1, forged).await;
    assert_eq!(eve.outcome(1).await, Ok(Err((Code::ForeignAuthor, None))));

    for update in [&[][..], &[0xff; 8], &[0, 0, 0], &good[..good.len() - 1]] {
        eve.edit(2, update.to_vec()).await;
        assert_eq!(eve.outcome(2).await, Ok(Err((Code::InvalidUpdate, None))), "{update:?}");
    }
    // The largest frame there may be: read whole, and answered as an edit.
    let around = encode_frame(&edit_of(MAX_CLIENT_FRAME_BYTES / 2)).len() - MAX_CLIENT_FRAME_BYTES / 2 - 3;
    let largest = encode_frame(&edit_of(MAX_CLIENT_FRAME_BYTES - around));
    assert_eq!(largest.len() - 3, MAX_CLIENT_FRAME_BYTES);
    eve.send(&largest).await;
    assert_eq!(eve.outcome(3).await, Ok(Err((Code::UpdateTooLarge, None))));

    let ahead = mallory.splice(5, 0, "needs what came before ").unwrap();
    eve.edit(4, ahead.clone()).await;
    assert_eq!(eve.outcome(4).await, Ok(Err((Code::ResyncNeeded, None))));
    eve.edit(5, good).await;
    eve.saved(5).await;
    eve.edit(6, ahead).await;
    eve.saved(6).await;
    honest.go_on().await;
    assert!(honest.text().contains("good needs what came before ") && !honest.text().contains("forged"));
}

fn edit_of(bytes: usize) -> ClientFrame {
    ClientFrame::Edit { id: EditId(3), update: vec![0; bytes].into() }
}

#[tokio::test]
async fn sizes_are_held_at_their_edges() {
    let mut limits = FAST.to_vec();
    limits.extend(["--max-update-bytes", "1024", "--max-document-bytes", "4096", "--max-members-per-room", "2"]);
    let server = TestServer::with(&limits).await;
    server.room("demo").await;
    let wire = Wire::connect(&server).await;
    let asked = join("demo", "Ada");
    let (mut stream, welcome) = wire.enter(asked.clone()).await;
    let empty = || replica(&asked, &welcome);
    let around = empty().splice(0, 0, &"x".repeat(500)).unwrap().len() - 500;

    let over = empty().splice(0, 0, &"x".repeat(1025 - around)).unwrap();
    assert_eq!(over.len(), 1025);
    stream.edit(1, over).await;
    assert_eq!(stream.outcome(1).await, Ok(Err((Code::UpdateTooLarge, None))));
    let mut document = empty();
    let fits = document.splice(0, 0, &"x".repeat(1024 - around)).unwrap();
    assert_eq!(fits.len(), 1024);
    stream.edit(2, fits).await;
    stream.saved(2).await;

    let mut outcomes = Vec::new();
    for id in 3..7 {
        let mut next = replica_of(&document, &asked);
        let update = next.splice(0, 0, &"y".repeat(900)).unwrap();
        stream.edit(id, update).await;
        outcomes.push(stream.outcome(id).await.unwrap());
        if outcomes.last() == Some(&Ok(())) {
            document = next;
        }
    }
    assert_eq!(outcomes, [Ok(()), Ok(()), Ok(()), Err((Code::DocumentFull, None))]);
    // A full text still takes deletions, and then additions again.
    stream.edit(9, document.splice(0, 2700, "").unwrap()).await;
    stream.saved(9).await;
    stream.edit(10, document.splice(0, 0, "room again").unwrap()).await;
    stream.saved(10).await;

    let (_second, _) = wire.enter(join("demo", "Bob")).await;
    let full = wire.is_refused(join("demo", "Cyd")).await;
    assert_code(&full, 4502);
    assert!(!full.code.is_permanent());
}

fn replica_of(document: &Document, asked: &Join) -> Document {
    let mut copy = Document::new(asked.client_id.0);
    copy.load(&document.state().expect("a state")).expect("it fits an empty document");
    copy
}

#[tokio::test]
async fn wrong_passwords_are_slowed_for_one_room_only() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    server.room("other").await;
    let wire = Wire::connect(&server).await;
    for _ in 0..5 {
        assert_code(&wire.is_refused(join_with("demo", "Eve", password("wrong one"))).await, 4401);
    }
    let slowed = wire.is_refused(join_with("demo", "Eve", password("wrong one"))).await;
    assert_code(&slowed, 4504);
    assert!(slowed.retry_after_ms.is_some_and(|wait| (1..=1000).contains(&wait)), "{slowed:?}");
    // Even the right one waits, or the delay would tell which is right.
    assert_code(&wire.is_refused(join("demo", "Eve")).await, 4504);
    wire.enter(join("other", "Eve")).await;
    honest.go_on().await;
}

#[tokio::test]
async fn a_session_has_a_few_rooms_and_one_place_in_each() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let wire = Wire::connect(&server).await;
    let (mut first, welcome) = wire.enter(join("demo", "Eve")).await;
    let mut others = Vec::new();
    for _ in 0..7 {
        others.push(wire.enter(join_with("demo", "Eve", Credential::Token(honest.owner_token.clone()))).await);
    }
    let many = wire.stream().await.refusal().await;
    assert_code(&many, 4508);

    // The same member from another place takes over.
    let elsewhere = Wire::connect(&server).await;
    let again = join_with("demo", "Eve", Credential::Resume(welcome.resume_token));
    let (_second, back) = elsewhere.enter(again).await;
    assert_eq!(back.member, welcome.member);
    assert_code(&first.refusal().await, 4412);
    drop(others);
    honest.go_on().await;
}

#[tokio::test]
async fn a_stream_without_a_word_is_ended_and_one_that_stops_midway_harms_nobody() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let wire = Wire::connect(&server).await;
    let mut silent = wire.stream().await;
    silent.send(&[200]).await; // the first half of a length
    let (mut cut, _) = wire.enter(join("demo", "Eve")).await;
    cut.send(&[100, 1, 2, 3]).await;
    cut.finish().await;
    while cut.next().await.is_some() {}
    honest.go_on().await;
    assert_code(&silent.refusal().await, 4507);
}

#[tokio::test]
async fn what_is_done_to_a_room_reaches_those_in_it() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "elsewhere").await;
    let owner = Credential::Token(server.room("demo").await.owner_token);
    let mut olga = Person::join_with(&server, "demo", "Olga", owner).await;
    let mut gus = Person::join(&server, "demo", "Gus").await;
    let wire = Wire::connect(&server).await;
    let (mut raw, welcome) = wire.enter(join("demo", "Rob")).await;

    let room = "demo".parse().unwrap();
    server.api().change_password(&room, "another password").await.unwrap();
    assert_eq!(gus.wait_refused().await.0, Code::PasswordChanged);
    assert_code(&raw.refusal().await, 4419);
    assert_code(&wire.is_refused(join_with("demo", "Rob", Credential::Resume(welcome.resume_token))).await, 4419);
    assert_code(&wire.is_refused(join("demo", "Rob")).await, 4401);
    wire.enter(join_with("demo", "Rob", password("another password"))).await;
    olga.type_text("still here").await;
    olga.wait_saved().await;

    server.api().delete_room(&room).await.unwrap();
    assert_eq!(olga.wait_refused().await.0, Code::RoomDeleted);
    assert_eq!(olga.wait("the end", |seen| matches!(seen.state, State::Refused(_))).await.text, "still here");
    assert_code(&wire.is_refused(join("demo", "Rob")).await, 4404);

    // A room of the same name is another room.
    server.room("demo").await;
    let (mut fresh, welcome) = wire.enter(join("demo", "Rob")).await;
    assert_eq!(welcome.missing[..], [0, 0]);
    fresh.finish().await;
    honest.go_on().await;
}

#[tokio::test]
async fn somebody_with_the_wrong_password_is_told_in_words() {
    let server = TestServer::start().await;
    server.room("demo").await;
    let mut eve = Person::try_to_join(&server, "demo", "Eve", password("not this one"));
    assert_eq!(eve.wait_refused().await, (Code::WrongPassword, "Wrong password for this room.".to_owned()));
    eve.act(|driver| driver.set_credential(Credential::Password(PASSWORD.to_owned()))).await;
    eve.act(|driver| driver.connect()).await;
    eve.wait_live().await;
}

#[tokio::test]
async fn pings_are_answered_and_other_datagrams_do_no_harm() {
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let wire = Wire::connect(&server).await;
    for len in 0..1_000 {
        wire.datagram(&vec![len as u8; len]);
    }
    let (mut stream, _) = wire.enter(join("demo", "Eve")).await;
    stream.frame(&ClientFrame::SyncRequest { state_vector: Bytes::from_static(&[0]) }).await;
    while !matches!(stream.next().await.expect("still served"), ServerFrame::Resync { .. }) {}
    honest.go_on().await;
}
