//! The state machine on a virtual clock, alone and against a server made of a document and a list of members.

mod connection;

mod edits;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use collab_document::Document;
use collab_proto::*;

use crate::budget::DEFAULT_POLICY;
use crate::{Client, Config, Event, State, Transmit};

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
