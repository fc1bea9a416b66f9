//! Somebody in a room, with the project's own client: what they do, and what they see, folded into plain values.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use collab_client::driver::{Address, Driver, DriverError, Endpoint, Way, Whereabouts};
use collab_client::{Client, Config, EditError, Event, SaveState, State};
use collab_proto::limits::MAX_SAFE_INTEGER;
use collab_proto::{ClientId, Code, Credential, MemberId, Policy, Role, RoomName};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::relay::Relay;
use crate::server::TestServer;
use crate::{PASSWORD, PATIENCE};

/// Somebody in a room. Their client works in the background; dropped, their connection is cut.
#[derive(Debug)]
pub struct Person {
    who: String,
    acts: mpsc::UnboundedSender<Act>,
    seen: watch::Receiver<Seen>,
}

enum Act {
    Do(Box<dyn FnOnce(&mut Driver) + Send>),
    Leave(oneshot::Sender<Result<(), DriverError>>),
}

/// What somebody sees, and has seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where their client stands.
    pub state: State,
    /// The text.
    pub text: String,
    /// What carries their session.
    pub way: Option<Way>,
    /// How safe their changes are.
    pub save: SaveState,
    /// Their name.
    pub name: String,
    /// Who they are.
    pub member: Option<MemberId>,
    /// What they may do.
    pub role: Option<Role>,
    /// How often they may edit, and how much.
    pub policy: Policy,
    /// How many are in the room.
    pub count: u32,
    /// Everybody's names, in order.
    pub names: Vec<String>,
    /// The others' cursors.
    pub cursors: BTreeMap<MemberId, (u32, u32)>,
    /// The median of the last round trips.
    pub latency: Option<Duration>,
    /// How many edits went out; one that goes out again counts again.
    pub sent: usize,
    /// How many edits were saved.
    pub saved: usize,
    /// How often they came into the room.
    pub entered: usize,
    /// Edits that were not taken: why, and when they go again.
    pub rejected: Vec<(Code, Option<Duration>)>,
    /// Refusals: why, and in which words.
    pub refused: Vec<(Code, String)>,
    /// Why they were asked to come back later.
    pub sent_away: Vec<Code>,
    /// Why connections were lost, in words.
    pub lost: Vec<String>,
}

impl Person {
    /// Somebody who is in a room already.
    pub async fn join(server: &TestServer, room: &str, name: &str) -> Self {
        Self::join_with(server, room, name, Credential::Password(PASSWORD.to_owned())).await
    }

    /// As [`Person::join`], with another credential.
    pub async fn join_with(server: &TestServer, room: &str, name: &str, credential: Credential) -> Self {
        let mut person = Self::try_to_join(server, room, name, credential);
        person.wait_live().await;
        person
    }

    /// As [`Person::join`], over a network that may fail.
    pub async fn join_through(relay: &Relay, server: &TestServer, room: &str, name: &str) -> Self {
        let password = Credential::Password(PASSWORD.to_owned());
        let mut person = Self::try_by(relay.webtransport_url().as_str(), server.endpoint(), room, name, password);
        person.wait_live().await;
        person
    }

    /// As [`Person::join`], by another way.
    pub async fn join_by(address: Address, endpoint: Endpoint, room: &str, name: &str) -> Self {
        let mut person = Self::try_by(address, endpoint, room, name, Credential::Password(PASSWORD.to_owned()));
        person.wait_live().await;
        person
    }

    /// Somebody who may be refused.
    pub fn try_to_join(server: &TestServer, room: &str, name: &str, credential: Credential) -> Self {
        Self::try_by(server.webtransport_url().as_str(), server.endpoint(), room, name, credential)
    }

    /// Somebody who may be refused, by another way.
    pub fn try_by(
        address: impl Into<Whereabouts>,
        endpoint: Endpoint,
        room: &str,
        name: &str,
        credential: Credential,
    ) -> Self {
        let config = Config {
            room: RoomName::parse(room).expect("a room's name"),
            name: name.to_owned(),
            credential,
            client_id: ClientId(rand::random_range(1..=MAX_SAFE_INTEGER)),
            seed: rand::random(),
        };
        let mut driver = Driver::new(endpoint, address, Client::new(config, Instant::now()));
        driver.connect();
        let (seen, receiver) = watch::channel(Seen::of(&driver));
        let (acts, todo) = mpsc::unbounded_channel();
        tokio::spawn(live(driver, todo, seen));
        Self { who: name.to_owned(), acts, seen: receiver }
    }

    /// What they see now.
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// The text as they see it now.
    pub fn text(&self) -> String {
        self.seen().text
    }

    /// Types at the end of the text.
    pub async fn type_text(&mut self, text: &str) {
        let text = text.to_owned();
        self.edit(move |driver| driver.splice(driver.client().document().len(), 0, &text)).await;
    }

    /// Removes and inserts at a place, in UTF-16 units.
    pub async fn splice(&mut self, at: u32, delete: u32, insert: &str) {
        let insert = insert.to_owned();
        self.edit(move |driver| driver.splice(at, delete, &insert)).await;
    }

    async fn edit(&mut self, edit: impl FnOnce(&mut Driver) -> Result<(), EditError> + Send + 'static) {
        self.act(edit).await.unwrap_or_else(|error| panic!("{} cannot edit: {error}", self.who));
    }

    /// Does something with their client.
    pub async fn act<T: Send + 'static>(&mut self, act: impl FnOnce(&mut Driver) -> T + Send + 'static) -> T {
        let (reply, answer) = oneshot::channel();
        let act = move |driver: &mut Driver| drop(reply.send(act(driver)));
        self.acts.send(Act::Do(Box::new(act))).expect("their client runs");
        answer.await.expect("their client runs")
    }

    /// Leaves in order.
    pub async fn leave(self) -> Result<(), DriverError> {
        let (reply, answer) = oneshot::channel();
        self.acts.send(Act::Leave(reply)).expect("their client runs");
        answer.await.expect("their client runs")
    }

    /// Waits until what they see is as wanted.
    pub async fn wait(&mut self, what: &str, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let found = timeout(PATIENCE, self.seen.wait_for(|seen| wanted(seen))).await;
        match found.map(|seen| seen.expect("their client runs").clone()) {
            Ok(seen) => seen,
            Err(_) => panic!("{} should see {what}, but sees {:#?}", self.who, self.seen.borrow()),
        }
    }

    /// Waits until they are in the room.
    pub async fn wait_live(&mut self) -> Seen {
        self.wait("the room", |seen| seen.state == State::Live).await
    }

    /// Waits until the text is this.
    pub async fn wait_text(&mut self, text: &str) {
        self.wait(&format!("the text {text:?}"), |seen| seen.text == text).await;
    }

    /// Waits until the text holds this.
    pub async fn wait_for(&mut self, part: &str) {
        self.wait(&format!("{part:?} in the text"), |seen| seen.text.contains(part)).await;
    }

    /// Waits until everything they wrote is saved.
    pub async fn wait_saved(&mut self) {
        self.wait("everything saved", |seen| seen.save == SaveState::Saved).await;
    }

    /// Waits until this many people are in the room, and all of them are named.
    pub async fn wait_members(&mut self, count: usize) {
        let wanted = |seen: &Seen| seen.count as usize == count && seen.names.len() == count;
        self.wait(&format!("{count} people"), wanted).await;
    }

    /// Waits until the server says no: why, and in which words.
    pub async fn wait_refused(&mut self) -> (Code, String) {
        let seen = self.wait("a refusal", |seen| !seen.refused.is_empty()).await;
        seen.refused[0].clone()
    }
}

async fn live(mut driver: Driver, mut acts: mpsc::UnboundedReceiver<Act>, seen: watch::Sender<Seen>) {
    loop {
        tokio::select! {
            event = driver.next() => seen.send_modify(|seen| {
                seen.fold(&event);
                seen.look(&driver);
            }),
            act = acts.recv() => match act {
                Some(Act::Do(act)) => {
                    act(&mut driver);
                    seen.send_modify(|seen| seen.look(&driver));
                }
                Some(Act::Leave(reply)) => return drop(reply.send(driver.finish(PATIENCE).await)),
                None => return,
            }
        }
    }
}

impl Seen {
    fn of(driver: &Driver) -> Self {
        let client = driver.client();
        let mut seen = Self {
            state: client.state(),
            text: String::new(),
            way: None,
            save: client.save_state(),
            name: String::new(),
            member: None,
            role: None,
            policy: client.policy(),
            count: 0,
            names: Vec::new(),
            cursors: BTreeMap::new(),
            latency: None,
            sent: 0,
            saved: 0,
            entered: 0,
            rejected: Vec::new(),
            refused: Vec::new(),
            sent_away: Vec::new(),
            lost: Vec::new(),
        };
        seen.look(driver);
        seen
    }

    fn fold(&mut self, event: &Event) {
        match event {
            Event::StateChanged(State::Live) => self.entered += 1,
            Event::EditSent { .. } => self.sent += 1,
            Event::Saved { .. } => self.saved += 1,
            Event::Rejected { code, retry_after, .. } => self.rejected.push((*code, *retry_after)),
            Event::Refused { code, message, .. } => self.refused.push((*code, message.clone())),
            Event::Unreachable { reason, .. } => self.lost.push(reason.clone()),
            Event::GoAway { reason, .. } => self.sent_away.push(*reason),
            _ => {}
        }
    }

    fn look(&mut self, driver: &Driver) {
        let client = driver.client();
        self.way = driver.way();
        self.state = client.state();
        self.text = client.document().text();
        self.save = client.save_state();
        self.name = client.name().to_owned();
        self.member = client.member();
        self.role = client.role();
        self.policy = client.policy();
        self.count = client.roster().count;
        self.names = client.roster().members.values().map(|info| info.name.clone()).collect();
        self.names.sort();
        self.cursors = client.cursors();
        self.latency = client.latency().p50_us.map(Duration::from_micros);
    }
}
