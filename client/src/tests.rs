//! The state machine on a virtual clock, alone and against a server made of a document and a list of members.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use collab_document::Document;
use collab_proto::*;

use crate::backoff::Backoff;
use crate::budget::DEFAULT_POLICY;
use crate::{Client, Config, EditError, Event, SaveState, State, Transmit};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn config(id: u64) -> Config {
    Config {
        room: RoomName::parse("demo").unwrap(),
        name: format!("user{id}"),
        credential: Credential::Password("secret".into()),
        client_id: ClientId(id),
        seed: id,
    }
}

/// The part of a server that the state machine can tell apart from a real one.
struct Server {
    document: Document,
    policy: Policy,
    generation: Generation,
    role: Role,
    saves: bool,
    joins: Vec<Join>,
    edits: u32,
    saved: u32,
    /// Answers to the next edits instead of taking them.
    rejections: VecDeque<(Code, Option<u32>)>,
}

impl Server {
    fn new() -> Self {
        Self {
            document: Document::new(1_000_000),
            policy: DEFAULT_POLICY,
            generation: Generation(5),
            role: Role::Editor,
            saves: true,
            joins: vec![],
            edits: 0,
            saved: 0,
            rejections: VecDeque::new(),
        }
    }

    fn welcome(&mut self, join: Join) -> ServerFrame {
        let member = MemberId(join.client_id.0);
        let welcome = Welcome {
            member,
            name: join.name.clone(),
            role: self.role,
            resume_token: format!("token{}", self.joins.len()),
            policy: self.policy,
            generation: self.generation,
            slot: Slot(3),
            state_vector: self.document.state_vector().into(),
            missing: self.document.diff(&join.state_vector).unwrap().into(),
            count: 1,
            members: vec![MemberInfo { id: member, name: join.name.clone(), role: self.role }],
        };
        self.joins.push(join);
        ServerFrame::Welcome(Box::new(welcome))
    }

    /// Answers one frame; an edit that was taken comes second, for the others.
    fn handle(&mut self, from: MemberId, frame: ClientFrame) -> (Option<ServerFrame>, Option<ServerFrame>) {
        match frame {
            ClientFrame::Join(join) => (Some(self.welcome(join)), None),
            ClientFrame::SyncRequest { state_vector } => {
                let update = self.document.diff(&state_vector).unwrap().into();
                (Some(ServerFrame::Resync { update, state_vector: self.document.state_vector().into() }), None)
            }
            ClientFrame::Edit { id, update } => self.edit(from, id, update),
            ClientFrame::SetName { .. } => (None, None),
        }
    }

    fn edit(
        &mut self,
        member: MemberId,
        id: EditId,
        update: bytes::Bytes,
    ) -> (Option<ServerFrame>, Option<ServerFrame>) {
        self.edits += 1;
        let reject = |code, retry_after_ms| ServerFrame::Rejected { id, code, message: String::new(), retry_after_ms };
        if let Some((code, retry_after_ms)) = self.rejections.pop_front() {
            return (Some(reject(code, retry_after_ms)), None);
        }
        if self.document.apply(&update, |_| false).is_err() {
            return (Some(reject(Code::ResyncNeeded, None)), None);
        }
        self.saved += 1;
        let saved = self.saves.then_some(ServerFrame::Saved { id, durability: Durability::Disk });
        (saved, Some(ServerFrame::Edited { member, update }))
    }
}

/// Clients and a server without a network between them.
struct World {
    now: Instant,
    server: Server,
    clients: Vec<Client>,
    events: Vec<Vec<Event>>,
    /// Whether pings are answered and frames arrive.
    up: bool,
}

impl World {
    fn new(clients: u64) -> Self {
        let now = Instant::now();
        let clients: Vec<_> = (1..=clients).map(|id| Client::new(config(id), now)).collect();
        let events = clients.iter().map(|_| vec![]).collect();
        Self { now, server: Server::new(), clients, events, up: true }
    }

    /// All clients in the room.
    fn live(clients: u64) -> Self {
        let mut world = Self::new(clients);
        world.clients.iter_mut().for_each(|client| client.connect(world.now));
        world.run(Duration::ZERO);
        assert!(world.clients.iter().all(|client| client.state() == State::Live));
        world.events.iter_mut().for_each(Vec::clear);
        world
    }

    fn settle(&mut self) {
        for i in 0..self.clients.len() {
            while let Some(transmit) = self.clients[i].poll_transmit(self.now) {
                if self.up {
                    self.transmit(i, transmit);
                } else if transmit == Transmit::Connect {
                    self.clients[i].handle_disconnected(self.now);
                }
            }
            self.events[i].extend(std::iter::from_fn(|| self.clients[i].poll_event()));
        }
    }

    fn transmit(&mut self, from: usize, transmit: Transmit) {
        match transmit {
            Transmit::Connect => self.clients[from].handle_connected(self.now),
            Transmit::Datagram(Datagram::Ping { seq, sent_at }) => {
                self.clients[from].handle_datagram(self.now, Datagram::Pong { seq, sent_at });
            }
            Transmit::Datagram(datagram) => self.others(from).for_each(|(_, client, now)| {
                client.handle_datagram(now, datagram.clone());
            }),
            Transmit::Disconnect => {}
            Transmit::Frame(frame) => {
                let member = MemberId(self.clients[from].config().client_id.0);
                let (answer, broadcast) = self.server.handle(member, frame);
                if let Some(frame) = broadcast {
                    self.others(from).for_each(|(_, client, now)| client.handle_frame(now, frame.clone()));
                }
                if let Some(frame) = answer {
                    self.clients[from].handle_frame(self.now, frame);
                }
            }
        }
    }

    fn others(&mut self, from: usize) -> impl Iterator<Item = (usize, &mut Client, Instant)> {
        let now = self.now;
        self.clients.iter_mut().enumerate().filter(move |(i, _)| *i != from).map(move |(i, client)| (i, client, now))
    }

    /// Lets time pass, from one timeout to the next.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..100_000 {
            self.settle();
            let next = self.clients.iter().filter_map(Client::poll_timeout).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return self.settle();
            };
            self.now = self.now.max(next);
            self.clients.iter_mut().for_each(|client| client.handle_timeout(self.now));
        }
        panic!("time stands still: {:?}", self.clients.iter().map(Client::poll_timeout).collect::<Vec<_>>());
    }

    fn type_at_end(&mut self, client: usize, text: &str) {
        let client = &mut self.clients[client];
        client.splice(self.now, client.document().len(), 0, text).unwrap();
    }

    fn text(&self, client: usize) -> String {
        self.clients[client].document().text()
    }

    fn sent(&self, client: usize) -> usize {
        self.events[client].iter().filter(|event| matches!(event, Event::EditSent { .. })).count()
    }
}

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
fn a_silent_connection_is_given_up_after_ten_seconds() {
    let mut world = World::live(1);
    world.up = false;
    world.run(ms(9_000));
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
fn go_away_brings_the_client_back_at_the_named_time() {
    let mut world = World::live(1);
    let go_away = ServerFrame::GoAway { reconnect_after_ms: 700, reason: Code::Draining };
    world.clients[0].handle_frame(world.now, go_away);
    assert_eq!(world.clients[0].state(), State::Backoff { until: world.now + ms(700) });
    assert_eq!(world.clients[0].poll_transmit(world.now), Some(Transmit::Disconnect));
    world.run(ms(699));
    assert_eq!(world.server.joins.len(), 1);
    world.run(ms(1));
    assert_eq!(world.server.joins.len(), 2);
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
    let State::Backoff { until } = client.state() else { panic!("{:?}", client.state()) };
    assert_eq!(until, now + ms(5000));
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
