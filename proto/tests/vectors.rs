//! The golden vectors: named frames and datagrams with their bytes, read by Rust and by TypeScript.
//!
//! `tests/vectors/frames.json` pins the wire format. After a change that adds a variant, write it anew with
//! `COLLAB_WRITE_VECTORS=1 cargo test -p collab-proto --test vectors` and look at the difference: bytes that were there
//! before must not change.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use collab_proto::limits::MAX_SAFE_INTEGER;
use collab_proto::{
    ClientFrame, ClientId, Code, Credential, Cursor, Datagram, Durability, EditId, Generation, Join, MemberId,
    MemberInfo, PROTOCOL, Policy, Position, Role, ServerFrame, Slot, Welcome, decode_client, decode_datagram,
    decode_server, encode_datagram, encode_frame, split_frame,
};
use serde::{Deserialize, Serialize};

/// One line of the file. `hex` is the body, without a length in front.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Vector {
    name: String,
    kind: Kind,
    hex: String,
    value: serde_json::Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Client,
    Server,
    Datagram,
}

#[test]
fn the_bytes_are_those_of_the_golden_file() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/frames.json");
    let vectors = all();
    if std::env::var_os("COLLAB_WRITE_VECTORS").is_some() {
        let lines: Vec<_> = vectors.iter().map(|vector| serde_json::to_string(vector).unwrap()).collect();
        std::fs::write(&path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    let golden: Vec<Vector> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for (vector, golden) in vectors.iter().zip(&golden) {
        assert_eq!(vector, golden);
    }
    assert_eq!(vectors.len(), golden.len());
}

#[test]
fn the_bytes_decode_to_the_frames_they_came_from() {
    for (name, frame) in client_frames() {
        assert_eq!(decode_client(&body(&frame)), Ok(frame), "{name}");
    }
    for (name, frame) in server_frames() {
        assert_eq!(decode_server(&body(&frame)), Ok(frame), "{name}");
    }
    for (name, datagram) in datagrams() {
        assert_eq!(decode_datagram(&encode_datagram(&datagram)), Ok(datagram), "{name}");
    }
}

fn all() -> Vec<Vector> {
    let client = client_frames().into_iter().map(|(name, frame)| vector(name, Kind::Client, &body(&frame), &frame));
    let server = server_frames().into_iter().map(|(name, frame)| vector(name, Kind::Server, &body(&frame), &frame));
    let datagrams = datagrams()
        .into_iter()
        .map(|(name, datagram)| vector(name.to_owned(), Kind::Datagram, &encode_datagram(&datagram), &datagram));
    client.chain(server).chain(datagrams).collect()
}

fn vector(name: String, kind: Kind, bytes: &[u8], value: &impl Serialize) -> Vector {
    Vector { name, kind, hex: hex::encode(bytes), value: serde_json::to_value(value).unwrap() }
}

fn body(frame: &impl Serialize) -> Bytes {
    split_frame(&mut BytesMut::from(&encode_frame(frame)[..]), usize::MAX).unwrap().unwrap()
}

fn client_frames() -> Vec<(String, ClientFrame)> {
    let password = Credential::Password("correct horse".into());
    let joins = [
        ("join by password", join("demo", password, "Ada", None)),
        ("join by resume token", join("a", Credential::Resume("e30.e30.c2ln".into()), "Grüße 🙂", Some(Generation(1)))),
        (
            "join by token, longest room, largest ids",
            Join {
                client_id: ClientId(MAX_SAFE_INTEGER),
                ..join(&"z".repeat(64), Credential::Token("t".into()), "", Some(Generation(MAX_SAFE_INTEGER)))
            },
        ),
    ];
    let rest = [
        ("edit", ClientFrame::Edit { id: EditId(1), update: Bytes::from_static(&[0, 0]) }),
        ("edit, varints of two bytes", ClientFrame::Edit { id: EditId(128), update: vec![7; 128].into() }),
        ("edit, largest id, empty", ClientFrame::Edit { id: EditId(MAX_SAFE_INTEGER), update: Bytes::new() }),
        ("sync request", ClientFrame::SyncRequest { state_vector: Bytes::from_static(&[1, 5, 9]) }),
        ("set name", ClientFrame::SetName { name: "名前 e\u{301}".into() }),
    ];
    let joins = joins.map(|(name, join)| (name, ClientFrame::Join(join)));
    joins.into_iter().chain(rest).map(|(name, frame)| (name.to_owned(), frame)).collect()
}

fn join(room: &str, credential: Credential, name: &str, generation: Option<Generation>) -> Join {
    Join {
        protocol: PROTOCOL,
        room: room.to_owned(),
        credential,
        name: name.to_owned(),
        client_id: ClientId(42),
        generation,
        state_vector: Bytes::from_static(&[0]),
    }
}

fn server_frames() -> Vec<(String, ServerFrame)> {
    let welcomes = [("welcome", welcome()), ("welcome to a large room, every field at its edge", edge_welcome())];
    let rest = [
        ("edited", ServerFrame::Edited { member: MemberId(300), update: Bytes::from_static(&[1, 2, 3]) }),
        ("saved to disk", ServerFrame::Saved { id: EditId(1), durability: Durability::Disk }),
        ("saved by a quorum", ServerFrame::Saved { id: EditId(16_384), durability: Durability::Quorum }),
        ("rejected, with a time", rejected(Code::RateLimited, Some(1_400))),
        ("rejected, without a time", rejected(Code::ReadOnly, None)),
        ("resync", ServerFrame::Resync { update: vec![9; 200].into(), state_vector: Bytes::from_static(&[0]) }),
        ("members: nobody named", ServerFrame::Members { count: 65, joined: vec![], left: vec![] }),
        ("members: some came, some went", came_and_went()),
        ("role changed", ServerFrame::RoleChanged { role: Role::Viewer }),
        ("go away", ServerFrame::GoAway { reconnect_after_ms: 1_000, reason: Code::Draining }),
        ("policy changed", ServerFrame::PolicyChanged { policy: Policy { tokens: 0, ..welcome().policy } }),
        ("refused by a code of a later version", refused(Code::Other(u16::MAX), Some(u32::MAX))),
    ];
    let codes = Code::ALL.iter().map(|code| (format!("refused: {code:?}"), refused(*code, None)));
    let welcomes = welcomes.map(|(name, welcome)| (name, ServerFrame::Welcome(Box::new(welcome))));
    welcomes.into_iter().chain(rest).map(|(name, frame)| (name.to_owned(), frame)).chain(codes).collect()
}

fn welcome() -> Welcome {
    Welcome {
        member: MemberId(1),
        name: "Ada".into(),
        role: Role::Owner,
        resume_token: "e30.e30.c2ln".into(),
        policy: Policy {
            throttle_ms: 500,
            edits_per_minute: 30,
            burst: 30,
            tokens: 29,
            max_update_bytes: 262_144,
            max_document_bytes: 4_194_304,
        },
        generation: Generation(7),
        slot: Slot(0),
        state_vector: Bytes::from_static(&[0]),
        missing: Bytes::from_static(&[0, 0]),
        count: 2,
        members: vec![member(1, "Ada", Role::Owner), member(2, "Грейс", Role::Editor)],
    }
}

fn edge_welcome() -> Welcome {
    let all = u32::MAX;
    Welcome {
        member: MemberId(MAX_SAFE_INTEGER),
        name: "x".repeat(40),
        role: Role::Viewer,
        resume_token: String::new(),
        policy: Policy {
            throttle_ms: 0,
            edits_per_minute: all,
            burst: all,
            tokens: 0,
            max_update_bytes: all,
            max_document_bytes: all,
        },
        generation: Generation(MAX_SAFE_INTEGER),
        slot: Slot(all),
        state_vector: Bytes::new(),
        missing: Bytes::new(),
        count: all,
        members: vec![],
    }
}

fn member(id: u64, name: &str, role: Role) -> MemberInfo {
    MemberInfo { id: MemberId(id), name: name.to_owned(), role }
}

fn came_and_went() -> ServerFrame {
    ServerFrame::Members {
        count: 3,
        joined: vec![member(4, "🙂", Role::Editor), member(5, "", Role::Viewer)],
        left: vec![MemberId(2), MemberId(MAX_SAFE_INTEGER)],
    }
}

fn rejected(code: Code, retry_after_ms: Option<u32>) -> ServerFrame {
    ServerFrame::Rejected { id: EditId(3), code, message: code.sentence().to_owned(), retry_after_ms }
}

fn refused(code: Code, retry_after_ms: Option<u32>) -> ServerFrame {
    ServerFrame::Refused { code, message: code.sentence().to_owned(), retry_after_ms }
}

fn datagrams() -> Vec<(&'static str, Datagram)> {
    let before = Position::Before { client: ClientId(42), clock: 0 };
    let after = Position::After { client: ClientId(MAX_SAFE_INTEGER), clock: u32::MAX };
    vec![
        ("ping", Datagram::Ping { seq: 1, sent_at: 1_234_567 }),
        ("pong, largest numbers", Datagram::Pong { seq: MAX_SAFE_INTEGER, sent_at: MAX_SAFE_INTEGER }),
        ("presence: looks elsewhere", presence(None)),
        ("presence: start to end", presence(Some(Cursor { anchor: Position::Start, head: Position::End }))),
        ("presence: between characters", presence(Some(Cursor { anchor: before, head: after }))),
    ]
}

fn presence(cursor: Option<Cursor>) -> Datagram {
    Datagram::Presence { slot: Slot(3), member: MemberId(200), seq: 9, cursor }
}
