use collab_document::Document;
use collab_proto::{EditId, Generation, MemberInfo};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

fn wish() -> Wish {
    Wish { room: "demo".into(), token: "t".into(), name: String::new(), client_id: ClientId(9) }
}

/// A room with a text, and what it would say.
struct Room(Document);

impl Room {
    fn new(text: &str) -> Self {
        let mut document = Document::new(1);
        document.splice(0, 0, text).unwrap();
        Self(document)
    }

    fn welcome(&self, role: Role) -> ServerFrame {
        let member = |id: u64, name: &str| MemberInfo { id: MemberId(id), name: name.into(), role };
        ServerFrame::Welcome(Box::new(Welcome {
            member: MemberId(5),
            name: "guest".into(),
            role,
            resume_token: String::new(),
            policy: Policy {
                throttle_ms: 500,
                edits_per_minute: 30,
                burst: 30,
                tokens: 30,
                max_update_bytes: 100_000,
                max_document_bytes: 1_000_000,
            },
            generation: Generation(1),
            slot: Slot(0),
            state_vector: self.0.state_vector().into(),
            missing: self.0.state().unwrap().into(),
            count: 2,
            members: vec![member(5, "guest"), member(6, "Ada")],
        }))
    }
}

fn outputs(interpreter: &mut Interpreter, now: Instant) -> Vec<Output> {
    std::iter::from_fn(|| interpreter.poll_output(now)).collect()
}

/// A provider that was let in, after everything that it is told then.
fn seated(room: &Room, role: Role, now: Instant) -> (Interpreter, Vec<Output>) {
    let mut interpreter = Interpreter::new(now, 1000, wish());
    interpreter.handle_message(now, &Message::SyncStep1(&[0]).to_bytes());
    let join = outputs(&mut interpreter, now);
    assert!(matches!(&join[..], [Output::Frame(ClientFrame::Join(join))] if join.room == "demo"), "{join:?}");
    interpreter.handle_frame(now, room.welcome(role));
    let told = outputs(&mut interpreter, now);
    (interpreter, told)
}

fn edits(outputs: &[Output]) -> Vec<(EditId, Bytes)> {
    let edit = |output: &Output| match output {
        Output::Frame(ClientFrame::Edit { id, update }) => Some((*id, update.clone())),
        _ => None,
    };
    outputs.iter().filter_map(edit).collect()
}

#[test]
fn a_provider_is_told_the_text_in_parts_and_asked_for_its_own() {
    let (now, room) = (Instant::now(), Room::new(&"long ".repeat(40_000)));
    let (_, told) = seated(&room, Role::Editor, now);
    let mut provider = Document::new(2);
    let (mut asked, mut answered) = (false, false);
    for output in &told {
        let Output::Message(bytes) = output else { panic!("{output:?}") };
        assert!(bytes.len() <= PART_BYTES + 100);
        match Message::read(bytes).unwrap() {
            Message::Update(update) => assert!(!answered && provider.load(update).unwrap().changed),
            Message::SyncStep2(update) => answered = provider.load(update).is_ok(),
            Message::SyncStep1(state_vector) => asked = state_vector == room.0.state_vector(),
            Message::Awareness(_) => {}
            Message::QueryAwareness => panic!("not asked"),
        }
    }
    assert!(asked && answered && provider.text() == room.0.text());
}

#[test]
fn what_is_typed_before_the_room_opens_waits_and_known_deletions_cost_nothing() {
    let (now, mut room) = (Instant::now(), Room::new("hello"));
    room.0.splice(0, 1, "").unwrap();
    let mut interpreter = Interpreter::new(now, 1000, wish());
    let mut provider = Document::new(2);
    let typed = provider.splice(0, 0, "x").unwrap();
    interpreter.handle_message(now, &Message::SyncStep1(&[0]).to_bytes());
    interpreter.handle_message(now, &Message::Update(&typed).to_bytes());
    assert_eq!(edits(&outputs(&mut interpreter, now)), []);
    interpreter.handle_frame(now, room.welcome(Role::Editor));
    let sent = edits(&outputs(&mut interpreter, now));
    assert_eq!(sent.len(), 1);
    interpreter.handle_frame(now, ServerFrame::Saved { id: sent[0].0, durability: collab_proto::Durability::Disk });

    provider = Document::new(2);
    provider.load(&room.0.state().unwrap()).unwrap();
    let difference = provider.diff(&room.0.state_vector()).unwrap();
    assert_ne!(difference, EMPTY_UPDATE, "it names the deletion");
    let later = now + Duration::from_secs(5);
    interpreter.handle_message(later, &Message::SyncStep2(&difference).to_bytes());
    assert_eq!(edits(&outputs(&mut interpreter, later)), []);
}

#[test]
fn what_comes_too_early_waits_until_the_room_takes_it() {
    let (now, mut provider) = (Instant::now(), Document::new(2));
    let (mut interpreter, _) = seated(&Room::new(""), Role::Editor, now);
    interpreter.handle_message(now, &Message::Update(&provider.splice(0, 0, "x").unwrap()).to_bytes());
    let [(id, _)] = edits(&outputs(&mut interpreter, now))[..] else { panic!("one edit") };
    let (code, message) = (Code::RateLimited, String::new());
    interpreter.handle_frame(now, ServerFrame::Rejected { id, code, message, retry_after_ms: Some(2000) });
    let at = |ms| now + Duration::from_millis(ms);
    assert_eq!(edits(&outputs(&mut interpreter, at(1999))), []);
    assert_eq!(interpreter.poll_timeout(), Some(at(2000)));
    assert_eq!(edits(&outputs(&mut interpreter, at(2000))).len(), 1);
}

#[test]
fn a_viewer_reads_on_and_comes_again_when_they_may_write() {
    let (now, mut provider) = (Instant::now(), Document::new(2));
    let (mut interpreter, _) = seated(&Room::new("hello"), Role::Viewer, now);
    interpreter.handle_message(now, &Message::Update(&provider.splice(0, 0, "x").unwrap()).to_bytes());
    assert_eq!(outputs(&mut interpreter, now), []);
    interpreter.handle_frame(now, ServerFrame::RoleChanged { role: Role::Editor });
    assert_eq!(outputs(&mut interpreter, now), [Output::Close(Code::ResyncNeeded)]);
}

#[test]
fn an_editor_who_becomes_a_viewer_reads_on() {
    let (now, mut provider) = (Instant::now(), Document::new(2));
    let (mut interpreter, _) = seated(&Room::new("hello"), Role::Editor, now);
    let mut typed = || Message::Update(&provider.splice(0, 0, "x").unwrap()).to_bytes();
    interpreter.handle_message(now, &typed());
    let [(id, _)] = edits(&outputs(&mut interpreter, now))[..] else { panic!("one edit") };
    interpreter.handle_message(now, &typed());
    interpreter.handle_frame(now, ServerFrame::RoleChanged { role: Role::Viewer });
    let (code, message) = (Code::ReadOnly, String::new());
    interpreter.handle_frame(now, ServerFrame::Rejected { id, code, message, retry_after_ms: None });
    interpreter.handle_message(now, &typed());
    assert_eq!(outputs(&mut interpreter, now + Duration::from_secs(1)), []);
}

#[test]
fn any_bytes_are_taken_or_close_and_make_nothing_grow() {
    let mut random = StdRng::seed_from_u64(1);
    let mut document = Document::new(2);
    let update = document.splice(0, 0, "hello").unwrap();
    let good = [
        Message::SyncStep1(&document.state_vector()).to_bytes(),
        Message::SyncStep2(&update).to_bytes(),
        Message::Update(&update).to_bytes(),
        People::new(1)
            .changed(vec![MemberInfo { id: MemberId(8), name: "Ada".into(), role: Role::Editor }], &[])
            .unwrap(),
        Message::QueryAwareness.to_bytes(),
    ];
    let mut closed = 0;
    for _ in 0..20_000 {
        let now = Instant::now();
        let mut interpreter = Interpreter::new(now, 0, wish());
        interpreter.handle_message(now, &good[0]);
        interpreter.handle_frame(now, Room::new("").welcome(Role::Editor));
        outputs(&mut interpreter, now);
        let mut message = good[random.random_range(0..good.len())].clone();
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..message.len());
            message[at] = random.random();
        }
        message.truncate(random.random_range(0..=message.len()));
        interpreter.handle_message(now, &message);
        let outputs = outputs(&mut interpreter, now);
        assert!(outputs.len() <= 3, "{outputs:?}");
        closed += usize::from(matches!(outputs.last(), Some(Output::Close(code)) if code.is_permanent()));
    }
    assert!((1000..20_000).contains(&closed), "{closed}");
}

#[test]
fn a_refusal_is_told_and_is_the_end() {
    let now = Instant::now();
    let (mut interpreter, _) = seated(&Room::new(""), Role::Editor, now);
    let refused = |code| ServerFrame::Refused { code, message: "No.".into(), retry_after_ms: None };
    interpreter.handle_frame(now, refused(Code::RoomDeleted));
    interpreter.handle_frame(now, refused(Code::Busy));
    interpreter.handle_message(now, &[9]);
    let last = outputs(&mut interpreter, now);
    assert_eq!(last, [Output::Message(denied("No.").into()), Output::Close(Code::RoomDeleted)]);
}

#[test]
fn everybody_is_shown_again_before_providers_forget_them() {
    let now = Instant::now();
    let (mut interpreter, _) = seated(&Room::new(""), Role::Editor, now);
    let at = interpreter.poll_timeout().unwrap();
    assert_eq!(at, now + REFRESH);
    interpreter.handle_timeout(at);
    let shown = outputs(&mut interpreter, at);
    assert!(matches!(&shown[..], [Output::Message(bytes)] if bytes.windows(3).any(|part| part == b"Ada")), "{shown:?}");
}

#[test]
fn awareness_is_bounded_in_size_and_rate() {
    let now = Instant::now();
    let (mut interpreter, _) = seated(&Room::new(""), Role::Editor, now);
    let mut own = vec![1, 77, 1];
    let state = br#"{"cursor":{"anchor":{"tname":"text"},"head":{"tname":"text"}}}"#;
    own.push(state.len() as u8);
    own.extend_from_slice(state);
    let message = Message::Awareness(&own).to_bytes();
    (0..1000).for_each(|_| interpreter.handle_message(now, &message));
    assert_eq!(outputs(&mut interpreter, now).len(), AWARENESS_BURST as usize);
    let large = vec![0; MAX_AWARENESS_BYTES + 1];
    interpreter.handle_message(now, &Message::Awareness(&large[1..]).to_bytes());
    assert_eq!(outputs(&mut interpreter, now), []);
    interpreter.handle_message(now, &Message::Awareness(&large).to_bytes());
    assert_eq!(outputs(&mut interpreter, now), [Output::Close(Code::FrameTooLarge)]);
}
