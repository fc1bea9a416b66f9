//! Plays the scenarios of `tests/scenarios` against the state machine. The browser's provider plays the same ones.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where something unexpected happens")]

use std::path::Path;
use std::time::{Duration, Instant};

use collab_client::{Client, Config, SaveState, State, Transmit};
use collab_document::Document;
use collab_proto::limits::{EDITS_PER_MINUTE, MAX_DOCUMENT_BYTES, MAX_UPDATE_BYTES, THROTTLE_MS};
use collab_proto::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    what: String,
    steps: Vec<Step>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(rename = "do")]
    action: Action,
    #[serde(default)]
    expect: Expect,
}

/// What happens. Times are in milliseconds.
#[derive(Deserialize, Debug, Clone)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// The user wants to be in the room.
    Connect,
    /// The connection stands.
    Open,
    /// The connection breaks.
    Cut,
    /// The server lets the client in.
    Welcome(PolicyChange),
    /// The room's owner changes how often people may edit.
    Policy(PolicyChange),
    /// The user types at the end of the text.
    Type(String),
    Wait(u64),
    /// Waits until the client connects again.
    Retry,
    /// The server takes an edit that was sent, and has it on disk.
    Save(u64),
    Reject {
        id: u64,
        code: String,
        retry_after_ms: Option<u32>,
    },
    Refuse {
        code: String,
        retry_after_ms: Option<u32>,
    },
    GoAway {
        reconnect_after_ms: u32,
        reason: String,
    },
    /// The server answers the last request for what it has.
    Resync,
    /// Somebody else writes at the end of the server's text.
    OthersWrite(String),
    /// The server loses its text.
    Forget,
    /// From now on the server answers no ping.
    FallSilent,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct PolicyChange {
    edits_per_minute: Option<u32>,
    throttle_ms: Option<u32>,
    burst: Option<u32>,
    tokens: Option<u32>,
}

impl PolicyChange {
    fn policy(&self) -> Policy {
        Policy {
            throttle_ms: self.throttle_ms.unwrap_or(THROTTLE_MS),
            edits_per_minute: self.edits_per_minute.unwrap_or(EDITS_PER_MINUTE),
            burst: self.burst.unwrap_or(EDITS_PER_MINUTE),
            tokens: self.tokens.unwrap_or(EDITS_PER_MINUTE),
            max_update_bytes: MAX_UPDATE_BYTES as u32,
            max_document_bytes: MAX_DOCUMENT_BYTES as u32,
        }
    }
}

/// What must be so after it; what is not named is not looked at.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// All that the network was asked to do, but for pings.
    sent: Option<Vec<Value>>,
    pings: Option<usize>,
    state: Option<String>,
    save: Option<String>,
    text: Option<String>,
    server: Option<String>,
    /// Between how many milliseconds the client waits before it connects again.
    backoff: Option<[u64; 2]>,
    /// In how many milliseconds the next edit goes; null while time alone does not bring it.
    #[serde(default, deserialize_with = "present")]
    next_edit: Option<Option<u64>>,
}

/// Tells a null from a field that is not there.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

struct World {
    now: Instant,
    client: Client,
    server: Document,
    servers: u64,
    edits: Vec<(EditId, bytes::Bytes)>,
    asked: bytes::Bytes,
    joined: bytes::Bytes,
    answers_pings: bool,
    pings: usize,
    sent: Vec<Value>,
}

const GENERATION: Generation = Generation(5);

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let config = Config {
            room: RoomName::parse("demo").unwrap(),
            name: "Ada".into(),
            credential: Credential::Password("secret".into()),
            client_id: ClientId(1),
            seed: 1,
        };
        Self {
            now,
            client: Client::new(config, now),
            server: Document::new(1000),
            servers: 1,
            edits: vec![],
            asked: bytes::Bytes::new(),
            joined: bytes::Bytes::new(),
            answers_pings: true,
            pings: 0,
            sent: vec![],
        }
    }

    fn play(&mut self, action: &Action) {
        let now = self.now;
        match action.clone() {
            Action::Connect => self.client.connect(now),
            Action::Open => self.client.handle_connected(now),
            Action::Cut => self.client.handle_disconnected(now),
            Action::Welcome(change) => self.welcome(&change),
            Action::Policy(change) => self.receive(ServerFrame::PolicyChanged { policy: change.policy() }),
            Action::Type(text) => self.client.splice(now, self.client.document().len(), 0, &text).unwrap(),
            Action::Wait(ms) => self.wait(Duration::from_millis(ms)),
            Action::Retry => match self.client.state() {
                State::Backoff { until } => self.wait(until.saturating_duration_since(now)),
                other => panic!("nothing is waited for: {other:?}"),
            },
            Action::Save(id) => self.save(EditId(id)),
            Action::Reject { id, code, retry_after_ms } => {
                let (id, code) = (EditId(id), code_of(&code));
                self.receive(ServerFrame::Rejected { id, code, message: "No.".into(), retry_after_ms });
            }
            Action::Refuse { code, retry_after_ms } => {
                let code = code_of(&code);
                self.receive(ServerFrame::Refused { code, message: "No.".into(), retry_after_ms });
            }
            Action::GoAway { reconnect_after_ms, reason } => {
                self.receive(ServerFrame::GoAway { reconnect_after_ms, reason: code_of(&reason) });
            }
            Action::Resync => {
                let update = self.server.diff(&self.asked).unwrap().into();
                self.receive(ServerFrame::Resync { update, state_vector: self.server.state_vector().into() });
            }
            Action::OthersWrite(text) => {
                let update = self.server.splice(self.server.len(), 0, &text).unwrap().into();
                self.receive(ServerFrame::Edited { member: MemberId(2), update });
            }
            Action::Forget => {
                self.servers += 1;
                self.server = Document::new(1000 * self.servers);
            }
            Action::FallSilent => self.answers_pings = false,
        }
        self.drain();
    }

    fn receive(&mut self, frame: ServerFrame) {
        self.client.handle_frame(self.now, frame);
    }

    fn welcome(&mut self, change: &PolicyChange) {
        let member = MemberId(1);
        self.receive(ServerFrame::Welcome(Box::new(Welcome {
            member,
            name: "Ada".into(),
            role: Role::Editor,
            resume_token: "resume-me".into(),
            policy: change.policy(),
            generation: GENERATION,
            slot: Slot(3),
            state_vector: self.server.state_vector().into(),
            missing: self.server.diff(&self.joined).unwrap().into(),
            count: 1,
            members: vec![MemberInfo { id: member, name: "Ada".into(), role: Role::Editor }],
        })));
    }

    fn save(&mut self, id: EditId) {
        let (_, update) = self.edits.iter().find(|(sent, _)| *sent == id).expect("no such edit");
        self.server.apply(update, |_| false).unwrap();
        self.receive(ServerFrame::Saved { id, durability: Durability::Disk });
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.drain();
            let next = self.client.poll_timeout().filter(|next| *next <= end);
            self.now = next.unwrap_or(end).max(self.now);
            if next.is_none() {
                break;
            }
            self.client.handle_timeout(self.now);
        }
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.client.poll_transmit(self.now) {
            match transmit {
                Transmit::Connect => self.sent.push(json!("Connect")),
                Transmit::Disconnect => self.sent.push(json!("Disconnect")),
                Transmit::Datagram(Datagram::Ping { seq, sent_at }) => {
                    self.pings += 1;
                    if self.answers_pings {
                        self.client.handle_datagram(self.now, Datagram::Pong { seq, sent_at });
                    }
                }
                Transmit::Datagram(_) => {}
                Transmit::Frame(frame) => self.frame(frame),
            }
        }
    }

    fn frame(&mut self, frame: ClientFrame) {
        let seen = match frame {
            ClientFrame::Join(join) => {
                let credential = match join.credential {
                    Credential::Password(_) => "Password",
                    Credential::Resume(_) => "Resume",
                    Credential::Token(_) => "Token",
                };
                self.joined = join.state_vector;
                json!({ "Join": { "credential": credential, "generation": join.generation.map(|it| it.0) } })
            }
            ClientFrame::Edit { id, update } => {
                let makes = self.makes(&update);
                self.edits.push((id, update));
                json!({ "Edit": { "id": id.0, "makes": makes } })
            }
            ClientFrame::SyncRequest { state_vector } => {
                self.asked = state_vector;
                json!("SyncRequest")
            }
            ClientFrame::SetName { name } => json!({ "SetName": name }),
        };
        self.sent.push(seen);
    }

    /// The server's text if it took this; none where it lacks what this builds on.
    fn makes(&self, update: &[u8]) -> Option<String> {
        let mut copy = Document::new(999);
        copy.load(&self.server.state().unwrap()).unwrap();
        copy.apply(update, |_| false).ok().map(|_| copy.text())
    }

    fn check(&mut self, expect: &Expect) -> Result<(), String> {
        let sent = std::mem::take(&mut self.sent);
        let pings = std::mem::take(&mut self.pings);
        let ms = |at: Instant| at.saturating_duration_since(self.now).as_millis() as u64;
        let wait = match self.client.state() {
            State::Backoff { until } => Some(ms(until)),
            _ => None,
        };
        equal("sent", &expect.sent, &sent)?;
        equal("pings", &expect.pings, &pings)?;
        equal("state", &expect.state, &state(self.client.state()).to_owned())?;
        equal("save", &expect.save, &save(self.client.save_state()).to_owned())?;
        equal("text", &expect.text, &self.client.document().text())?;
        equal("server", &expect.server, &self.server.text())?;
        equal("next_edit", &expect.next_edit, &self.client.next_edit_at().map(ms))?;
        match (expect.backoff, wait) {
            (Some([least, most]), wait) if !wait.is_some_and(|wait| (least..=most).contains(&wait)) => {
                Err(format!("backoff: {wait:?} ms is not within {least} and {most}"))
            }
            _ => Ok(()),
        }
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, expected: &Option<T>, found: &T) -> Result<(), String> {
    match expected {
        Some(expected) if expected != found => Err(format!("{what}: {found:?} instead of {expected:?}")),
        _ => Ok(()),
    }
}

fn code_of(name: &str) -> Code {
    *Code::ALL.iter().find(|code| format!("{code:?}") == name).expect("no such code")
}

fn state(state: State) -> &'static str {
    match state {
        State::Offline => "offline",
        State::Connecting => "connecting",
        State::Joining => "joining",
        State::Live => "live",
        State::Draining => "draining",
        State::Backoff { .. } => "backoff",
        State::Refused(_) => "refused",
    }
}

fn save(state: SaveState) -> &'static str {
    match state {
        SaveState::OnDevice => "device",
        SaveState::Sent => "sent",
        SaveState::Saved => "saved",
    }
}

fn play(scenario: &Scenario) -> Result<(), String> {
    let mut world = World::new();
    for (at, step) in scenario.steps.iter().enumerate() {
        world.play(&step.action);
        let told = |why| format!("{} – step {}, {:?}: {why}", scenario.what, at + 1, step.action);
        world.check(&step.expect).map_err(told)?;
    }
    Ok(())
}

#[test]
fn every_scenario_goes_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let mut failures = vec![];
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let scenario: Scenario = serde_json::from_slice(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        failures.extend(play(&scenario).err());
        played += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(played >= 15, "only {played} scenarios are there");
}
