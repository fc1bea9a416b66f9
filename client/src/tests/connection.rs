//! Connections: reconnecting, refusals, leaving.

use std::time::{Duration, Instant};

use collab_document::Document;
use collab_proto::*;

use super::{World, config, ms};
use crate::backoff::Backoff;
use crate::{Client, Config, Event, SaveState, State, Transmit};

#[test]
fn reconnecting_backs_off_within_its_bounds() {
    let mut world = World::live(1);
    world.up = false;
    world.clients[0].handle_disconnected(world.now);
    let mut longest = Duration::ZERO;
    for attempt in 1..40u32 {
        let State::Backoff { until } = world.clients[0].state() else { panic!("{:?}", world.clients[0].state()) };
        let delay = until - world.now;
        assert!(delay <= Backoff::FIRST.saturating_mul(1 << (attempt - 1).min(10)).min(Backoff::LAST));
        longest = longest.max(delay);
        world.now = until;
        world.clients[0].handle_timeout(until);
        assert_eq!(world.clients[0].poll_transmit(until), Some(Transmit::Connect));
        world.clients[0].handle_disconnected(until);
    }
    assert!(longest > ms(15_000));
    world.up = true;
    world.run(ms(30_000));
    assert_eq!(world.clients[0].state(), State::Live);
    world.run(ms(10_000));
    world.clients[0].handle_disconnected(world.now);
    let State::Backoff { until } = world.clients[0].state() else { panic!() };
    assert!(until - world.now <= Backoff::FIRST, "ten seconds in the room forget the failures");
}

#[test]
fn a_silent_connection_is_given_up_after_five_seconds() {
    let mut world = World::live(1);
    world.up = false;
    world.run(ms(4_500));
    assert_eq!(world.clients[0].state(), State::Live);
    world.run(ms(1_000));
    assert!(!world.clients[0].state().is_live());
    assert!(world.events[0].iter().any(|event| matches!(event, Event::Unreachable { permanent: false, .. })));
    world.up = true;
    world.run(ms(30_000));
    assert_eq!(world.clients[0].state(), State::Live);
}

#[test]
fn a_server_that_does_not_answer_the_join_is_given_up() {
    let now = Instant::now();
    let mut client = Client::new(config(1), now);
    client.connect(now);
    client.handle_connected(now);
    for second in 0..60 {
        client.handle_timeout(now + ms(1000 * second));
        while let Some(transmit) = client.poll_transmit(now + ms(1000 * second)) {
            if let Transmit::Datagram(Datagram::Ping { seq, sent_at }) = transmit {
                client.handle_datagram(now + ms(1000 * second), Datagram::Pong { seq, sent_at });
            }
        }
        assert_eq!(client.state(), State::Joining);
    }
    client.handle_timeout(now + ms(60_000));
    assert!(matches!(client.state(), State::Backoff { .. }));
    assert_eq!(client.poll_transmit(now + ms(60_000)), Some(Transmit::Disconnect));
}

#[test]
fn go_away_brings_the_client_back_soon_after_the_named_time() {
    let mut world = World::live(1);
    let go_away = ServerFrame::GoAway { reconnect_after_ms: 700, reason: Code::Draining };
    world.clients[0].handle_frame(world.now, go_away);
    assert!((ms(700)..=ms(950)).contains(&delay(&world.clients[0], world.now)));
    assert_eq!(world.clients[0].poll_transmit(world.now), Some(Transmit::Disconnect));
    world.run(ms(699));
    assert_eq!(world.server.joins.len(), 1);
    world.run(ms(251));
    assert_eq!(world.server.joins.len(), 2);
}

/// How long a client waits for its next attempt.
fn delay(client: &Client, now: Instant) -> Duration {
    let State::Backoff { until } = client.state() else { panic!("{:?}", client.state()) };
    until - now
}

/// A server names one time to everybody; a thousand who come back to the millisecond would be a storm.
#[test]
fn a_thousand_clients_that_were_sent_away_together_come_back_apart() {
    let now = Instant::now();
    for sent_away in
        [ServerFrame::GoAway { reconnect_after_ms: 500, reason: Code::Draining }, refuse(Code::Busy, Some(500))]
    {
        let delays: Vec<Duration> = (0..1000)
            .map(|seed| {
                let mut client = Client::new(config(seed + 1), now);
                client.connect(now);
                client.handle_connected(now);
                client.handle_frame(now, sent_away.clone());
                delay(&client, now)
            })
            .collect();
        assert!(delays.iter().all(|delay| (ms(500)..=ms(750)).contains(delay)));
        for slice in 0..10 {
            let slice = ms(500 + 25 * slice)..ms(525 + 25 * slice);
            let count = delays.iter().filter(|delay| slice.contains(*delay)).count();
            assert!((50..=150).contains(&count), "{count} of 1000 in {slice:?}");
        }
    }
}

/// A room that breaks whenever it is loaded sends everybody away again and again.
#[test]
fn whoever_is_sent_away_again_and_again_comes_back_more_rarely() {
    let mut world = World::live(1);
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        world.clients[0]
            .handle_frame(world.now, ServerFrame::GoAway { reconnect_after_ms: 250, reason: Code::Storage });
        let delay = delay(&world.clients[0], world.now);
        longest = longest.max(delay);
        world.run(delay + ms(100));
    }
    assert!(longest > ms(10_000), "{longest:?}");
}

fn refuse(code: Code, retry_after_ms: Option<u32>) -> ServerFrame {
    ServerFrame::Refused { code, message: "no".into(), retry_after_ms }
}

#[test]
fn a_permanent_refusal_is_final_until_the_user_acts() {
    let now = Instant::now();
    let mut client = Client::new(config(1), now);
    client.connect(now);
    client.handle_connected(now);
    client.handle_frame(now, refuse(Code::WrongPassword, None));
    assert_eq!(client.state(), State::Refused(Code::WrongPassword));
    assert_eq!((client.poll_timeout(), client.poll_transmit(now)), (None, Some(Transmit::Disconnect)));
    client.handle_timeout(now + ms(100_000));
    assert_eq!(client.state(), State::Refused(Code::WrongPassword));
    client.set_credential(now, Credential::Password("right".into()));
    client.connect(now);
    assert_eq!(client.poll_transmit(now), Some(Transmit::Connect));
    client.handle_connected(now);
    match client.poll_transmit(now) {
        Some(Transmit::Frame(ClientFrame::Join(join))) => {
            assert_eq!(join.credential, Credential::Password("right".into()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_for_now_is_repeated_not_before_the_named_time() {
    let now = Instant::now();
    let mut client = Client::new(config(1), now);
    client.connect(now);
    client.handle_connected(now);
    client.handle_frame(now, refuse(Code::Busy, Some(5000)));
    assert!((ms(5000)..=ms(5250)).contains(&delay(&client, now)));
}

#[test]
fn a_resume_token_that_ended_gives_way_to_the_password() {
    let mut world = World::live(1);
    let client = &mut world.clients[0];
    client.handle_disconnected(world.now);
    client.connect(world.now);
    client.handle_connected(world.now);
    client.handle_frame(world.now, refuse(Code::BadToken, None));
    assert_eq!(client.state(), State::Connecting);
    world.run(ms(0));
    assert_eq!(world.server.joins.last().unwrap().credential, Credential::Password("secret".into()));
    assert_eq!(world.clients[0].state(), State::Live);
}

#[test]
fn a_bad_token_of_the_users_own_is_final() {
    let now = Instant::now();
    let mut client = Client::new(Config { credential: Credential::Resume("old".into()), ..config(1) }, now);
    client.connect(now);
    client.handle_connected(now);
    client.handle_frame(now, refuse(Code::BadToken, None));
    assert_eq!(client.state(), State::Refused(Code::BadToken));
}

#[test]
fn another_generation_is_told_and_never_merged() {
    let mut world = World::live(1);
    world.type_at_end(0, "old text");
    world.run(ms(600));
    world.clients[0].handle_frame(world.now, refuse(Code::GenerationChanged, None));
    world.server.document = Document::new(1_000_002);
    world.server.document.splice(0, 0, "new text").unwrap();
    world.run(ms(60_000));
    assert!(world.events[0].contains(&Event::GenerationChanged));
    assert_eq!((world.server.joins.len(), world.text(0).as_str()), (1, "old text"));
    let before = world.clients[0].config().client_id;
    world.clients[0].start_afresh(world.now);
    world.run(ms(600));
    assert_eq!((world.text(0).as_str(), world.server.document.text().as_str()), ("new text", "new text"));
    assert_ne!(world.clients[0].config().client_id, before);
    assert_eq!(world.server.joins.last().unwrap().generation, None);
}

#[test]
fn leaving_waits_for_what_is_pending() {
    let mut world = World::live(1);
    world.type_at_end(0, "a");
    world.run(ms(0));
    world.type_at_end(0, "b");
    world.clients[0].leave(world.now);
    assert_eq!(world.clients[0].state(), State::Draining);
    world.run(ms(499));
    assert_eq!(world.clients[0].state(), State::Draining);
    world.run(ms(1));
    assert_eq!((world.clients[0].state(), world.server.document.text().as_str()), (State::Offline, "ab"));
    world.clients[0].leave(world.now);
    assert_eq!(world.clients[0].poll_transmit(world.now), None);
}

#[test]
fn leaving_survives_a_lost_connection() {
    let mut world = World::live(1);
    world.server.saves = false;
    world.type_at_end(0, "a");
    world.clients[0].leave(world.now);
    world.run(ms(100));
    world.server.saves = true;
    world.clients[0].handle_disconnected(world.now);
    assert!(matches!(world.clients[0].state(), State::Backoff { .. }));
    world.run(ms(2000));
    assert_eq!((world.clients[0].state(), world.clients[0].save_state()), (State::Offline, SaveState::Saved));
}
