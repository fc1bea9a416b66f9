//! Edits: throttle, budget, rejections, offline work, cursors.

use std::time::{Duration, Instant};

use collab_document::Document;
use collab_proto::*;

use super::{World, config, ms};
use crate::{Client, EditError, Event, SaveState, State, Transmit, Unsent};

#[test]
fn two_clients_write_one_text() {
    let mut world = World::live(2);
    world.type_at_end(0, "Hello ");
    world.run(ms(1));
    world.type_at_end(1, "world 😀");
    world.run(ms(1));
    assert_eq!((world.text(0), world.text(1)), ("Hello world 😀".into(), "Hello world 😀".into()));
    assert_eq!(world.server.document.text(), world.text(0));
    assert_eq!(world.clients[0].save_state(), SaveState::Saved);
    let changed = |event: &Event| matches!(event, Event::TextChanged { member: Some(MemberId(2)), .. });
    assert!(world.events[0].iter().any(changed));
}

#[test]
fn the_first_edit_goes_at_once_and_the_next_ones_merge_until_half_a_second_has_passed() {
    let mut world = World::live(1);
    world.type_at_end(0, "a");
    world.run(ms(0));
    assert_eq!(world.sent(0), 1);
    world.type_at_end(0, "b");
    world.run(ms(499));
    world.type_at_end(0, "c");
    world.run(Duration::ZERO);
    assert_eq!((world.sent(0), world.clients[0].save_state()), (1, SaveState::OnDevice));
    world.run(ms(1));
    assert_eq!((world.sent(0), world.clients[0].save_state()), (2, SaveState::Saved));
    assert_eq!(world.server.document.text(), "abc");
}

#[test]
fn over_the_budget_edits_wait_and_nothing_is_lost() {
    let mut world = World::live(1);
    for _ in 0..30 {
        world.type_at_end(0, "x");
        world.run(ms(500));
    }
    // 15 s have refilled seven tokens meanwhile.
    for _ in 0..8 {
        world.type_at_end(0, "y");
        world.run(ms(500));
    }
    assert!(world.sent(0) >= 37);
    for _ in 0..40 {
        world.type_at_end(0, "z");
        world.run(ms(500));
    }
    let before = world.sent(0);
    for _ in 0..120 {
        world.type_at_end(0, "w");
        world.run(ms(500));
    }
    assert_eq!(world.sent(0) - before, 30, "one every two seconds");
    world.run(ms(2000));
    assert_eq!(world.server.document.text(), world.text(0));
    assert_eq!(world.text(0).len(), 198);
}

#[test]
fn the_server_may_ask_for_patience() {
    let mut world = World::live(1);
    world.server.rejections.push_back((Code::RateLimited, Some(3000)));
    world.type_at_end(0, "a");
    world.run(ms(2999));
    world.type_at_end(0, "b");
    assert_eq!((world.server.edits, world.clients[0].save_state()), (1, SaveState::OnDevice));
    world.run(ms(1));
    assert_eq!((world.server.edits, world.clients[0].save_state()), (2, SaveState::Saved));
    assert_eq!(world.server.document.text(), "ab");
}

#[test]
fn an_edit_that_builds_on_what_the_server_lacks_is_computed_again() {
    let mut world = World::live(2);
    world.type_at_end(0, "base");
    world.run(ms(600));
    // The server lost what it had passed on, as after a power cut.
    world.server.document = Document::new(1_000_001);
    world.type_at_end(1, " more");
    world.run(ms(3000));
    assert_eq!(world.server.document.text(), "base more");
    assert_eq!((world.text(0), world.clients[1].save_state()), ("base more".into(), SaveState::Saved));
}

#[test]
fn a_gap_from_the_server_is_closed_by_asking_once() {
    let mut world = World::live(2);
    world.type_at_end(0, "one");
    // The second client misses it.
    while let Some(transmit) = world.clients[0].poll_transmit(world.now) {
        if let Transmit::Frame(frame) = transmit {
            let (answer, _) = world.server.handle(MemberId(1), frame);
            world.clients[0].handle_frame(world.now, answer.unwrap());
        }
    }
    world.run(ms(500));
    world.type_at_end(0, " two");
    world.run(ms(0));
    assert_eq!(world.text(1), "one two");
}

#[test]
fn a_permanent_no_stays_visible_and_goes_again_with_the_next_change() {
    let mut world = World::live(1);
    world.server.rejections.push_back((Code::DocumentFull, None));
    world.type_at_end(0, "too much");
    world.run(ms(60_000));
    assert_eq!((world.server.edits, world.clients[0].save_state()), (1, SaveState::OnDevice));
    let no = |event: &Event| matches!(event, Event::Rejected { code: Code::DocumentFull, retry_after: None, .. });
    assert!(world.events[0].iter().any(no));
    world.clients[0].splice(world.now, 0, 8, "").unwrap();
    world.run(ms(0));
    assert_eq!((world.server.edits, world.clients[0].save_state()), (2, SaveState::Saved));
}

#[test]
fn a_viewer_may_not_edit_until_the_role_changes() {
    let mut world = World::new(1);
    world.server.role = Role::Viewer;
    world.clients[0].connect(world.now);
    world.run(ms(0));
    assert_eq!(world.clients[0].splice(world.now, 0, 0, "x"), Err(EditError::ReadOnly));
    assert_eq!(world.clients[0].set_text(world.now, "x"), Err(EditError::ReadOnly));
    world.clients[0].handle_frame(world.now, ServerFrame::RoleChanged { role: Role::Editor });
    assert_eq!(world.clients[0].splice(world.now, 0, 0, "x"), Ok(()));
}

#[test]
fn a_lost_answer_is_sent_again_after_the_reconnect_and_not_doubled() {
    let mut world = World::live(2);
    world.server.saves = false;
    world.type_at_end(0, "once");
    world.run(ms(0));
    assert_eq!(world.clients[0].save_state(), SaveState::Sent);
    world.clients[0].handle_disconnected(world.now);
    assert_eq!(world.clients[0].save_state(), SaveState::OnDevice);
    world.server.saves = true;
    world.run(ms(1000));
    assert_eq!(world.clients[0].state(), State::Live);
    assert_eq!(world.clients[0].save_state(), SaveState::Saved);
    assert_eq!(
        (world.server.saved, world.server.document.text().as_str(), world.text(1).as_str()),
        (2, "once", "once")
    );
    assert_eq!(world.server.joins.last().unwrap().credential, Credential::Resume("token0".into()));
}

#[test]
fn offline_work_of_both_sides_meets() {
    let mut world = World::live(2);
    world.type_at_end(0, "middle");
    world.run(ms(600));
    world.clients[0].abort(world.now);
    world.clients[0].splice(world.now, 0, 3, "offline ").unwrap();
    world.type_at_end(1, " online");
    world.run(ms(5000));
    assert_eq!((world.clients[0].state(), world.text(0).as_str()), (State::Offline, "offline dle"));
    world.clients[0].connect(world.now);
    world.run(ms(1000));
    assert_eq!((world.text(0), world.text(1)), ("offline dle online".into(), "offline dle online".into()));
    assert_eq!(world.server.document.text(), world.text(0));
}

#[test]
fn a_text_from_earlier_is_sent_after_joining() {
    let mut world = World::live(1);
    world.type_at_end(0, "shared");
    world.run(ms(600));
    let mut earlier = Document::new(77);
    earlier.load(&world.server.document.state().unwrap()).unwrap();
    earlier.splice(0, 0, "kept ").unwrap();
    let client = Client::with_document(config(77), earlier, Some(Generation(5)), world.now);
    assert_eq!(client.save_state(), SaveState::OnDevice);
    world.clients.push(client);
    world.events.push(vec![]);
    world.clients[1].connect(world.now);
    world.run(ms(1000));
    assert_eq!((world.text(0), world.clients[1].save_state()), ("kept shared".into(), SaveState::Saved));
    assert_eq!(world.server.joins.last().unwrap().generation, Some(Generation(5)));
}

/// A client that was closed with something unsaved, and is opened again under another id.
fn reopened(world: &World, client: usize, id: u64) -> Client {
    let closed = &world.clients[client];
    let mut document = Document::new(id);
    document.load(&closed.document().state().unwrap()).unwrap();
    let unsent = Unsent { document, generation: closed.generation().unwrap(), changes: closed.unsaved() };
    Client::with_unsent(config(id), unsent, world.now)
}

#[test]
fn unsaved_changes_outlive_the_client_and_arrive_once() {
    let mut world = World::live(2);
    world.type_at_end(0, "shared");
    world.run(ms(600));
    world.server.saves = false;
    world.type_at_end(0, " sent");
    world.run(ms(600));
    world.clients[0].abort(world.now);
    let before = world.clients[0].unsaved_revision();
    world.type_at_end(0, " kept");
    assert!(world.clients[0].unsaved_revision() > before);
    assert_eq!(world.server.document.text(), "shared sent");
    world.server.saves = true;
    world.clients[0] = reopened(&world, 0, 77);
    assert_eq!(world.clients[0].save_state(), SaveState::OnDevice);
    world.clients[0].connect(world.now);
    let before = world.server.saved;
    world.run(ms(1000));
    assert_eq!((world.text(1).as_str(), world.clients[0].save_state()), ("shared sent kept", SaveState::Saved));
    assert_eq!(world.server.document.text(), world.text(0));
    assert_eq!((world.server.saved - before, world.clients[0].unsaved()), (1, vec![]), "what was sent is sent again");
}

#[test]
fn a_megabyte_written_offline_arrives_in_edits_that_the_server_takes() {
    let mut world = World::live(1);
    world.type_at_end(0, "start ");
    world.run(ms(600));
    let shared = world.server.document.state().unwrap();
    world.clients[0].abort(world.now);
    let text = "Zwölf Boxkämpfer 😀 jagen.\n".repeat(36_000);
    world.type_at_end(0, &text);
    let (with_changes, other) = (reopened(&world, 0, 77), reopened(&world, 0, 78));
    let with_text = Client::with_document(config(78), other.document, other.generation, world.now);
    for client in [with_changes, with_text] {
        world.server.document = Document::new(1_000_000);
        world.server.document.load(&shared).unwrap();
        world.clients[0] = client;
        world.clients[0].connect(world.now);
        world.run(ms(60_000));
        let (there, here) = (world.server.document.text(), world.text(0));
        assert!(there == format!("start {text}") && here == there);
        assert_eq!(world.clients[0].save_state(), SaveState::Saved);
    }
}

#[test]
fn a_difference_leaves_out_the_deletions_that_the_server_knows() {
    let mut world = World::live(1);
    let mut riddled = Document::new(9);
    riddled.splice(0, 0, &"ab".repeat(20_000)).unwrap();
    (0..20_000).for_each(|hole| drop(riddled.splice(39_999 - 2 * hole, 1, "").unwrap()));
    world.server.document.load(&riddled.state().unwrap()).unwrap();
    let mut away = Document::new(77);
    away.load(&riddled.state().unwrap()).unwrap();
    away.splice(0, 10, "changed ").unwrap();
    world.clients[0] = Client::with_document(config(77), away, Some(Generation(5)), world.now);
    world.clients[0].connect(world.now);
    world.run(ms(2000));
    assert_eq!((world.sent(0), world.clients[0].save_state()), (1, SaveState::Saved));
    assert!(world.server.document.text().starts_with("changed "));
    assert_eq!(world.server.document.text(), world.text(0));
}

#[test]
fn a_large_paste_goes_in_several_edits() {
    let mut world = World::live(2);
    let paste = "ÄÖÜ€😀".repeat(60_000);
    world.type_at_end(0, &paste);
    world.run(ms(60_000));
    assert!(world.sent(0) >= 3);
    assert!(world.text(1) == paste && world.clients[0].save_state() == SaveState::Saved);
    let middle = paste.encode_utf16().count() as u32;
    world.clients[0].splice(world.now, 0, middle, "gone").unwrap();
    world.run(ms(60_000));
    assert_eq!((world.text(1).as_str(), world.server.document.text().as_str()), ("gone", "gone"));
}

#[test]
fn a_place_outside_the_text_or_within_a_character_is_refused() {
    let mut world = World::live(1);
    world.type_at_end(0, "a😀");
    let client = &mut world.clients[0];
    for (at, delete) in [(4, 0), (0, 4), (2, 0), (1, 1), (u32::MAX, 1)] {
        let error = client.splice(world.now, at, delete, "x");
        assert_eq!(error, Err(EditError::OutOfRange { at, delete, len: 3 }));
    }
    assert_eq!(client.document().text(), "a😀");
}

#[test]
fn set_text_touches_only_what_differs() {
    let mut world = World::live(2);
    world.type_at_end(0, "one\ntwo\nthree\n");
    world.run(ms(600));
    world.clients[0].set_text(world.now, "One\ntwo\nthree!\n").unwrap();
    world.clients[1].splice(world.now, 4, 3, "TWO").unwrap();
    world.run(ms(3000));
    assert_eq!((world.text(0).as_str(), world.text(1).as_str()), ("One\nTWO\nthree!\n", "One\nTWO\nthree!\n"));
    world.clients[0].set_text(world.now, "One\nTWO\nthree!\n").unwrap();
    assert_eq!(world.clients[0].save_state(), SaveState::Saved, "nothing to change");
}

#[test]
fn a_change_of_an_older_replica_is_merged_with_what_others_wrote_since() {
    let mut world = World::live(2);
    world.type_at_end(0, "one two");
    world.run(ms(600));
    let mut older = Document::new(world.clients[0].document().client_id());
    older.load(&world.clients[0].document().state().unwrap()).unwrap();
    world.type_at_end(1, " three");
    world.run(ms(600));
    let (change, now) = (older.set_text("ONE two"), world.now);
    world.clients[0].merge_own(now, change).unwrap();
    world.run(ms(600));
    assert_eq!((world.text(0), world.text(1)), ("ONE two three".into(), "ONE two three".into()));
    assert_eq!(world.clients[0].save_state(), SaveState::Saved);
    older.splice(0, 0, "x").unwrap();
    let after_a_gap = older.splice(1, 0, "y").unwrap();
    assert!(matches!(world.clients[0].merge_own(now, after_a_gap), Err(EditError::Document(_))));
    assert_eq!(world.text(0), "ONE two three");
}

#[test]
fn cursors_are_told_ten_times_a_second_and_follow_the_text() {
    let mut world = World::live(2);
    let members = |ids: &[u64]| {
        let info = |id: &u64| MemberInfo { id: MemberId(*id), name: "x".into(), role: Role::Editor };
        ServerFrame::Members { count: 2, joined: ids.iter().map(info).collect(), left: vec![] }
    };
    world.clients.iter_mut().for_each(|client| client.handle_frame(world.now, members(&[1, 2])));
    world.type_at_end(0, "hello");
    world.run(ms(0));
    for at in 0..5 {
        world.clients[0].set_cursor(world.now, Some((at, at + 1)));
        world.run(ms(10));
    }
    assert_eq!(world.clients[1].cursors().get(&MemberId(1)), Some(&(0, 1)));
    world.run(ms(100));
    assert_eq!(world.clients[1].cursors().get(&MemberId(1)), Some(&(4, 5)));
    world.clients[1].splice(world.now, 0, 0, "> ").unwrap();
    assert_eq!(world.clients[1].cursors().get(&MemberId(1)), Some(&(6, 7)));
    world.run(ms(0));
    assert_eq!(world.clients[0].cursor(), Some((6, 7)));
    world.clients[1]
        .handle_frame(world.now, ServerFrame::Members { count: 1, joined: vec![], left: vec![MemberId(1)] });
    assert!(world.clients[1].cursors().is_empty());
}

#[test]
fn latency_and_people_are_visible() {
    let mut world = World::live(1);
    world.run(ms(4000));
    let latency = world.clients[0].latency();
    assert_eq!((latency.sent, latency.answered, latency.p50_us), (3, 3, Some(0)));
    assert_eq!(world.clients[0].roster().count, 1);
    world.clients[0].handle_disconnected(world.now);
    assert_eq!(world.clients[0].roster().count, 0);
}

#[test]
fn frames_out_of_turn_do_no_harm() {
    let now = Instant::now();
    let mut client = Client::new(config(1), now);
    let saved = ServerFrame::Saved { id: EditId(1), durability: Durability::Disk };
    client.handle_frame(now, saved.clone());
    client.handle_connected(now);
    client.handle_disconnected(now);
    client.handle_timeout(now);
    assert_eq!((client.state(), client.poll_event()), (State::Offline, None));
    let mut world = World::live(1);
    world.clients[0].handle_frame(world.now, saved);
    world.clients[0].handle_frame(world.now, ServerFrame::Edited { member: MemberId(9), update: vec![9; 9].into() });
    world.run(ms(1));
    assert_eq!(world.clients[0].state(), State::Live);
    world.clients[0]
        .handle_frame(world.now, ServerFrame::Resync { update: vec![9; 9].into(), state_vector: vec![].into() });
    assert_eq!(world.clients[0].state(), State::Refused(Code::InvalidUpdate));
}
