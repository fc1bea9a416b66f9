//! One user: a session, a whole replica of the room's text, and a hand that edits at given times.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_client::driver::Driver;
use collab_client::{Client, Config, Event, State};
use collab_document::{Section, sections};
use collab_proto::{Code, EditId};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use crate::book::{Book, Seat};
use crate::comeback::Comeback;
use crate::ledger::Path;
use crate::target::Target;
use crate::typist::{Typist, units};

/// How long a user tries to get in.
const JOIN_LIMIT: Duration = Duration::from_secs(60);

/// How long leaving may take; everything is saved by then, or it was waited for already.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// What the run is about at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Users come in.
    Joining,
    /// Users edit; pings count.
    Editing,
    /// What was sent arrives.
    Draining,
    /// Users say what text they have, and leave.
    Checking,
}

/// A fingerprint of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    hash: u64,
    len: usize,
}

/// What a user needs to play its part.
pub struct User {
    /// Its place.
    pub seat: Seat,
    /// What it joins with.
    pub config: Config,
    /// What it types.
    pub typist: Typist,
    /// How often it pings.
    pub ping_interval: Duration,
    /// When it is meant to edit. Closes after the last time.
    pub edits: mpsc::UnboundedReceiver<Instant>,
    /// Where the run stands.
    pub phase: watch::Receiver<Phase>,
    /// Told once, whether the user got in.
    pub joined: mpsc::UnboundedSender<bool>,
}

/// What all users share.
pub struct Stage {
    /// Where they write what happens.
    pub book: Book,
    /// The server.
    pub target: Target,
    /// How many may join at once.
    pub gate: Semaphore,
    /// Who is away, in a run whose server is killed.
    pub comeback: Option<Comeback>,
}

/// What a user says at the end.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Its place.
    pub seat: Seat,
    /// The text it had in the end; none when it never got in.
    pub digest: Option<Digest>,
    /// Pings without an answer.
    pub pings_lost: u64,
}

struct Member {
    stage: Rc<Stage>,
    seat: Seat,
    driver: Driver,
    typist: Typist,
    client_id: u64,
    /// The clock of its next character, in UTF-16 units.
    clock: u32,
    on_the_road: HashMap<EditId, Vec<Section>>,
    pings_lost: u64,
    measuring: bool,
    /// Whether it was away. From then on authors send again what they do not know to be saved, so that an edit which comes
    /// again is no fault.
    was_away: bool,
}

impl Digest {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { hash: hasher.finish(), len: text.len() }
    }
}

impl User {
    /// Joins, edits when it is time, and leaves when the run is over.
    pub async fn play(self, stage: Rc<Stage>) -> Outcome {
        let Self { seat, config, typist, ping_interval, mut edits, mut phase, joined } = self;
        let client_id = config.client_id.0;
        let driver = enter(&stage, config, Some(ping_interval)).await;
        let _ = joined.send(driver.is_some());
        drop(joined);
        let Some((driver, latency)) = driver else {
            return Outcome { seat, digest: None, pings_lost: 0 };
        };
        stage.book.joined(seat, client_id, latency);
        let on_the_road = HashMap::new();
        let mut member = Member {
            stage,
            seat,
            driver,
            typist,
            client_id,
            clock: 0,
            on_the_road,
            pings_lost: 0,
            measuring: false,
            was_away: false,
        };
        member.stay(&mut edits, &mut phase).await;
        member.leave().await
    }
}

/// Joins a room, one of a bounded number at a time, and says how long that took from the start of the connection.
pub async fn enter(stage: &Stage, config: Config, ping_interval: Option<Duration>) -> Option<(Driver, Duration)> {
    let _permit = stage.gate.acquire().await.ok()?;
    let begun = Instant::now();
    let mut client = Client::new(config, begun);
    if let Some(every) = ping_interval {
        client.set_ping_interval(every);
    }
    let mut driver = stage.target.connect(client);
    match timeout(JOIN_LIMIT, until_live(&stage.book, &mut driver)).await {
        Ok(true) => Some((driver, begun.elapsed())),
        Ok(false) => None,
        Err(_) => {
            stage.book.error("join timed out");
            None
        }
    }
}

/// Whether the client got in. A refusal for now is counted and the client tries again by itself.
async fn until_live(book: &Book, driver: &mut Driver) -> bool {
    loop {
        match driver.next().await {
            Event::StateChanged(State::Live) => return true,
            Event::StateChanged(State::Refused(_) | State::Offline) => return false,
            event => note_failure(book, &event),
        }
    }
}

/// Counts whatever must not happen in an honest run.
fn note_failure(book: &Book, event: &Event) {
    match event {
        Event::Refused { code, .. } | Event::Rejected { code, .. } => book.error(name(*code)),
        Event::GoAway { reason, .. } => book.error(name(*reason)),
        Event::Unreachable { .. } => book.error("unreachable"),
        Event::GenerationChanged => book.error("generation changed"),
        _ => {}
    }
}

fn name(code: Code) -> String {
    format!("{} {code:?}", code.number())
}

impl Member {
    /// Events come before edits: so an edit finds the text as new as this user can know it.
    async fn stay(&mut self, edits: &mut mpsc::UnboundedReceiver<Instant>, phase: &mut watch::Receiver<Phase>) {
        loop {
            tokio::select! {
                biased;
                event = self.driver.next() => self.note(event),
                Some(intended) = edits.recv() => self.edit(intended),
                changed = phase.changed() => {
                    let now = *phase.borrow_and_update();
                    self.measuring = now == Phase::Editing;
                    if changed.is_err() || now == Phase::Checking {
                        return;
                    }
                }
            }
        }
    }

    fn edit(&mut self, intended: Instant) {
        let change = self.typist.next(&self.driver.client().document().text());
        let start = self.clock;
        self.clock += units(&change.insert);
        let section = Section { client: self.client_id, start, end: self.clock };
        self.stage.book.sent(self.seat, section, intended, Instant::now());
        if let Err(error) = self.driver.splice(change.at, change.delete, &change.insert) {
            self.stage.book.error(format!("edit not made: {error}"));
        }
    }

    fn note(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::TextChanged { member, update } => self.note_change(member.is_some(), &update, now),
            Event::EditSent { id, update } => {
                self.on_the_road.insert(id, self.read(&update));
            }
            Event::Saved { id, .. } => {
                for section in self.on_the_road.remove(&id).unwrap_or_default() {
                    self.stage.book.saved(self.seat, section, now);
                }
            }
            Event::LatencyChanged => self.note_ping(),
            Event::StateChanged(state) => self.note_state(state, now),
            // Nobody hears of a server that was killed; and it lost what was not on its disk yet, so that what builds on
            // that fits only once its author has sent it again.
            Event::Unreachable { permanent: false, .. } if self.stage.comeback.is_some() => {}
            Event::Rejected { code: Code::ResyncNeeded, .. } if self.was_away => {}
            event => note_failure(&self.stage.book, &event),
        }
    }

    fn note_state(&mut self, state: State, now: Instant) {
        match (state, &self.stage.comeback) {
            (State::Backoff { .. }, Some(comeback)) => {
                self.was_away = true;
                comeback.lost(self.client_id, now);
            }
            (State::Live, Some(comeback)) => comeback.live(self.client_id, now),
            (State::Backoff { .. } | State::Refused(_), _) => self.stage.book.error("disconnected"),
            _ => {}
        }
    }

    fn note_change(&mut self, live: bool, update: &Bytes, now: Instant) {
        let path = if live && !self.was_away { Path::Live } else { Path::CatchUp };
        for section in self.read(update) {
            self.stage.book.received(self.seat, section, path, now);
        }
    }

    fn read(&self, update: &Bytes) -> Vec<Section> {
        sections(update).unwrap_or_else(|error| {
            self.stage.book.error(format!("unreadable update: {error}"));
            Vec::new()
        })
    }

    fn note_ping(&mut self) {
        let latency = self.driver.client().latency();
        self.pings_lost = latency.sent - latency.answered;
        if let Some(us) = latency.last_us.filter(|_| self.measuring) {
            self.stage.book.ping(Duration::from_micros(us));
        }
    }

    async fn leave(mut self) -> Outcome {
        let digest = Digest::of(&self.driver.client().document().text());
        let outcome = Outcome { seat: self.seat, digest: Some(digest), pings_lost: self.pings_lost };
        // What was not saved is in the book.
        let _ = self.driver.finish(LEAVE_LIMIT).await;
        outcome
    }
}
