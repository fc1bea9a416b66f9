//! Whatever bytes a member or a stranger sends to a live room: the server lives, and honest people go on.

mod support;

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use collab_proto::limits::MAX_CLIENT_FRAME_BYTES;
use collab_proto::{ClientFrame, Code, Credential, Join, ServerFrame, split_frame};
use collab_tests::seed;
use collab_tests::server::{FAST, TestServer};
use collab_tests::vectors::{Hostile, golden, hostile};
use collab_tests::wire::{Stream, Wire, join, join_with, replica};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use support::Honest;

/// The inputs were found on a text named `t`; rooms have theirs under `text`.
fn under_our_root(update: &[u8]) -> Vec<u8> {
    let mut renamed = Vec::new();
    let mut rest = update;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(&[1, 1, b't']) {
            renamed.extend_from_slice(b"\x01\x04text");
            rest = after;
        } else {
            renamed.push(*first);
            rest = after;
        }
    }
    renamed
}

#[derive(Debug, Default)]
struct Tally {
    taken: usize,
    refused: usize,
}

/// Somebody who has entered a room and sends it what breaks an unguarded CRDT.
struct Attacker<'a> {
    wire: &'a Wire,
    stream: Stream,
    join: Join,
    edits: u64,
    tally: Tally,
}

impl Attacker<'_> {
    async fn edit(&mut self, update: Vec<u8>, at: &str) {
        self.edits += 1;
        self.stream.edit(self.edits, update).await;
        match self.stream.outcome(self.edits).await {
            Ok(Ok(())) => self.tally.taken += 1,
            Ok(Err((Code::InvalidUpdate | Code::ResyncNeeded, _))) => self.tally.refused += 1,
            other => panic!("{at}: {other:?}"),
        }
    }

    /// As the state vector of another who joins.
    async fn join_with(&mut self, state_vector: &[u8], at: &str) {
        let state_vector = Bytes::copy_from_slice(state_vector);
        let client_id = join("", "").client_id;
        let mut stream = self.wire.ask(Join { state_vector, client_id, ..self.join.clone() }).await;
        match stream.next().await {
            Some(ServerFrame::Welcome(_)) => self.tally.taken += 1,
            Some(ServerFrame::Refused { code: Code::InvalidStateVector, .. }) => self.tally.refused += 1,
            other => panic!("{at}: {other:?}"),
        }
    }

    /// As the state vector of a question, by a member who has not used up the questions.
    async fn ask(&mut self, state_vector: &[u8], at: &str) {
        let (mut stream, _) = self.wire.enter(join(&self.join.room, "Mallory")).await;
        stream.frame(&ClientFrame::SyncRequest { state_vector: Bytes::copy_from_slice(state_vector) }).await;
        loop {
            match stream.next().await {
                Some(ServerFrame::Members { .. }) => {}
                Some(ServerFrame::Resync { .. }) => return self.tally.taken += 1,
                Some(ServerFrame::Refused { code: Code::InvalidStateVector, .. }) => return self.tally.refused += 1,
                other => panic!("{at}: {other:?}"),
            }
        }
    }

    async fn send(&mut self, case: &Hostile) {
        let at = format!("line {}", case.line);
        self.edit(case.bytes.clone(), &at).await;
        self.edit(under_our_root(&case.bytes), &at).await;
        self.join_with(&case.bytes, &at).await;
        if !case.is_update {
            self.ask(&case.bytes, &at).await;
        }
    }
}

#[tokio::test]
async fn every_hostile_input_at_a_live_room_is_refused_or_harmless() {
    let server = TestServer::with(FAST).await;
    let cases = hostile();
    assert_eq!(cases.len(), 248);
    let mut by_base = BTreeMap::<Vec<u8>, Vec<Hostile>>::new();
    for case in cases {
        by_base.entry(case.base.clone()).or_default().push(case);
    }
    let mut tally = Tally::default();
    for (number, (base, cases)) in by_base.iter().enumerate() {
        let room = format!("room-{number}");
        let mut honest = Honest::enter(&server, &room).await;
        honest.go_on().await;
        let wire = Wire::connect(&server).await;
        let join = join_with(&room, "Mallory", Credential::Token(honest.owner_token.clone()));
        let (stream, _) = wire.enter(join.clone()).await;
        let mut attacker = Attacker { wire: &wire, stream, join, edits: 0, tally: Tally::default() };
        attacker.edit(base.clone(), "a base").await;
        attacker.edit(under_our_root(base), "a base under our root").await;
        for case in cases {
            attacker.send(case).await;
        }
        tally.taken += attacker.tally.taken;
        tally.refused += attacker.tally.refused;
        honest.go_on().await;
        let (asked, reader) = (collab_tests::wire::join(&room, "reader"), Wire::connect(&server).await);
        let (_stream, welcome) = reader.enter(asked.clone()).await;
        assert_eq!(replica(&asked, &welcome).text(), honest.text(), "the text of {room}");
    }
    println!("{tally:?}");
    assert!(tally.refused > tally.taken, "the corpus is looked at: {tally:?}");
    assert!(!server.log().contains("ERROR"), "the inspector let nothing through that breaks a text");
}

/// Frames at random: golden ones with something wrong about them, and noise.
struct Fuzz {
    random: StdRng,
    from_clients: Vec<Vec<u8>>,
    from_servers: Vec<Vec<u8>>,
}

impl Fuzz {
    fn new(seed: u64) -> Self {
        let bodies = |kind| golden().into_iter().filter(move |frame| frame.kind == kind).map(|frame| frame.body);
        let (from_clients, from_servers) = (bodies("client").collect(), bodies("server").collect());
        Self { random: StdRng::seed_from_u64(seed), from_clients, from_servers }
    }

    fn frame(&mut self) -> Vec<u8> {
        if self.random.random_ratio(1, 10) {
            return self.noise(200);
        }
        let bodies = if self.random.random_ratio(4, 5) { &self.from_clients } else { &self.from_servers };
        let mut body = bodies.choose(&mut self.random).expect("golden frames").clone();
        body.truncate(4096);
        for _ in 0..self.random.random_range(1..=2) {
            self.spoil(&mut body);
        }
        let mut length = body.len();
        if self.random.random_ratio(1, 8) {
            length = match self.random.random_range(0..3) {
                0 => length.saturating_sub(self.random.random_range(1..10)),
                1 => length + self.random.random_range(1..10),
                _ => self.random.random_range(0..usize::MAX >> 30),
            };
        }
        [varint(length), body].concat()
    }

    fn spoil(&mut self, body: &mut Vec<u8>) {
        let at = self.random.random_range(0..=body.len());
        let some = at..(at + self.random.random_range(0..20)).min(body.len());
        match self.random.random_range(0..5) {
            0 if at < body.len() => body[at] ^= 1 << self.random.random_range(0..8),
            1 => body.truncate(at),
            2 => body.extend_from_within(some),
            3 => drop(body.drain(some)),
            _ => drop(body.splice(at..at, self.noise(8))),
        }
    }

    fn noise(&mut self, most: usize) -> Vec<u8> {
        let len = self.random.random_range(1..=most);
        (0..len).map(|_| self.random.random()).collect()
    }
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Whether a server that has read all of this waits for more.
fn is_unfinished(bytes: &[u8]) -> bool {
    let mut buffer = BytesMut::from(bytes);
    while let Ok(Some(_)) = split_frame(&mut buffer, MAX_CLIENT_FRAME_BYTES) {}
    !buffer.is_empty()
}

/// How bad frames were answered.
#[derive(Debug, Default)]
struct Answers {
    /// The stream went on: the frame was understood after all, or the edit in it rejected.
    went_on: usize,
    /// By a refusal, by code.
    refused: BTreeMap<u16, usize>,
    /// By the end of the stream.
    closed: usize,
}

impl Answers {
    fn ended(&mut self, code: Option<Code>) {
        match code {
            Some(code) => *self.refused.entry(code.number()).or_default() += 1,
            None => self.closed += 1,
        }
    }

    fn add(&mut self, other: Self) {
        self.went_on += other.went_on;
        self.closed += other.closed;
        other.refused.into_iter().for_each(|(code, count)| *self.refused.entry(code).or_default() += count);
    }
}

/// Sends bad frames on one session: some as the first of a stream, most as a member. Every one must be answered.
async fn attack(wire: Wire, mut fuzz: Fuzz, owner_token: String, frames: usize) -> Answers {
    let mut answers = Answers::default();
    let mut member: Option<Stream> = None;
    for number in 0..frames as u64 {
        let bytes = fuzz.frame();
        if number % 5 == 0 {
            let mut stranger = wire.stream().await;
            stranger.send(&bytes).await;
            answers.ended(end_of(&mut stranger).await);
            continue;
        }
        let mut stream = match member.take() {
            Some(stream) => stream,
            None => wire.enter(join_with("demo", "Mallory", Credential::Token(owner_token.clone()))).await.0,
        };
        stream.send(&bytes).await;
        if is_unfinished(&bytes) {
            answers.ended(end_of(&mut stream).await);
            continue;
        }
        // An edit that changes nothing shows whether the stream goes on. No golden edit has this number.
        stream.edit(1_000_000 + number, vec![0, 0]).await;
        match stream.outcome(1_000_000 + number).await {
            Ok(_) => {
                answers.went_on += 1;
                member = Some(stream);
            }
            Err(refused) => answers.ended(refused.map(|refused| refused.code)),
        }
    }
    answers
}

/// Finishes and reads to the end: the code of the refusal, if there is one.
async fn end_of(stream: &mut Stream) -> Option<Code> {
    stream.finish().await;
    let mut code = None;
    while let Some(frame) = stream.next().await {
        if let ServerFrame::Refused { code: why, .. } = frame {
            code = Some(why);
        }
    }
    code
}

#[tokio::test]
async fn ten_thousand_bad_frames_are_answered_and_memory_stays_flat() {
    let mut random = StdRng::seed_from_u64(seed());
    let server = TestServer::with(FAST).await;
    let mut honest = Honest::enter(&server, "demo").await;
    let mut answers = Answers::default();
    let mut resident = Vec::new();
    for _ in 0..10 {
        let mut attackers = Vec::new();
        for _ in 0..4 {
            let (wire, fuzz) = (Wire::connect(&server).await, Fuzz::new(random.random()));
            attackers.push(tokio::spawn(attack(wire, fuzz, honest.owner_token.clone(), 250)));
        }
        honest.go_on().await;
        for attacker in attackers {
            answers.add(attacker.await.expect("an attacker is answered"));
        }
        honest.go_on().await;
        resident.push(server.resident_kib());
    }
    println!("{answers:?}\nresident after each thousand, in KiB: {resident:?}");
    let answered = answers.went_on + answers.closed + answers.refused.values().sum::<usize>();
    assert_eq!(answered, 10_000);
    assert!(answers.refused.get(&4400).is_some_and(|count| *count > 1_000), "{answers:?}");
    // Nine thousand frames later: no more than the log's pages and the allocator's slack.
    assert!(resident[9] < resident[0] + 24 * 1024, "{resident:?}");
    assert!(!server.log().contains("ERROR"));
}
