//! The people of a run, each at a place in a room.
//!
//! Most are [`light`]: a session on the real wire without a text, so that a thousand of them cost little. Some in every room are
//! [`full`]: the client that people use, with a replica. All are on the same run and write to the same book, so what the light
//! ones count is held against what the full ones have.

mod cues;

pub mod light;

mod arrival;

mod known;

pub mod hand;

mod trace;

mod outbox;

pub mod full;

pub mod newcomer;

mod typist;

use std::rc::Rc;
use std::time::{Duration, Instant};

use collab_client::Config;
use collab_document::Section;
use collab_proto::Code;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::book::{Book, Seat};
use crate::comeback::Comeback;
use crate::ledger::Path;
use crate::options::load::Load;
use crate::series::recorder::Recorder;
use crate::target::Target;
use crate::workers::Deal;
pub use cues::{Cue, Cues, Deed};
use hand::Hand;

/// How long a user tries to get in.
const JOIN_LIMIT: Duration = Duration::from_secs(60);

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

/// What all users share.
pub struct Stage {
    /// Where they write what happens.
    pub book: Book,
    /// The server.
    pub target: Rc<Target>,
    /// How many may join at once.
    pub gate: Semaphore,
    /// Who is away, in a run whose server is killed.
    pub comeback: Option<Comeback>,
    /// Whether those who come late come now.
    pub storm: watch::Sender<bool>,
    /// Whether only what happens meanwhile is timed.
    times_storm: bool,
}

impl Stage {
    /// For the users that are dealt to this process.
    pub fn new(load: &Load, deal: Deal, target: Rc<Target>, recorder: Recorder) -> Self {
        let book = Book::new((0..load.rooms()).map(|room| load.members_of(room)), recorder);
        let gate = Semaphore::new(deal.share(load.join_concurrency.into()));
        Self {
            book,
            target,
            gate,
            comeback: load.fault().map(|_| Comeback::default()),
            storm: watch::Sender::new(false),
            times_storm: load.early_rooms.is_some(),
        }
    }

    /// Whether what happens now is timed.
    fn is_timed(&self) -> bool {
        !self.times_storm || *self.storm.borrow()
    }

    /// Waits until somebody may come who comes late, and others at once.
    async fn come(&self, is_late: bool) {
        if is_late {
            // The sender is here.
            let _ = self.storm.subscribe().wait_for(|storm| *storm).await;
        }
    }
}

/// What a user needs to play its part.
pub struct User {
    /// Its place.
    pub seat: Seat,
    /// Its number in the run.
    pub number: usize,
    /// What it joins with.
    pub config: Config,
    /// What it writes.
    pub hand: Hand,
    /// How long it reads nothing, and then reads; always reads without.
    pub pause: Option<Duration>,
    /// Where what a user with a replica writes comes from.
    pub seed: u64,
    /// What it is to do when.
    pub cues: Cues,
    /// Where the run stands.
    pub phase: watch::Receiver<Phase>,
    /// Whether it comes when the others edit already.
    pub is_late: bool,
    /// Told once, whether the user got in.
    pub joined: mpsc::UnboundedSender<bool>,
}

/// What a user says at the end.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Its place.
    pub seat: Seat,
    /// The text it had in the end; none when it has no text or never got in.
    pub digest: Option<full::Digest>,
    /// Pings without an answer.
    pub pings_lost: u64,
}

impl Outcome {
    fn absent(seat: Seat) -> Self {
        Self { seat, digest: None, pings_lost: 0 }
    }
}

/// What a user and those who measure it know of each other.
struct Witness {
    stage: Rc<Stage>,
    seat: Seat,
    client_id: u64,
    /// Whether it was away. From then on authors send again what they do not know to be saved, so that an edit which comes
    /// again is no fault.
    was_away: bool,
    /// Whether what it hears is timed.
    is_timed: bool,
}

impl Witness {
    fn book(&self) -> &Book {
        &self.stage.book
    }

    /// Its own edit, made now.
    fn sent(&self, start: u32, end: u32, intended: Instant, now: Instant) {
        self.book().sent(self.seat, Section { client: self.client_id, start, end }, intended, now);
    }

    /// It got in, after so long.
    fn joined(&self, latency: Duration) {
        if self.stage.is_timed() {
            self.book().join(latency);
        }
    }

    fn received(&self, section: Section, live: bool, now: Instant) {
        let path = if live && !self.was_away { Path::Live } else { Path::CatchUp };
        self.book().received(self.seat, section, path, now, self.is_timed && self.stage.is_timed());
    }

    fn saved(&self, section: Section, now: Instant) {
        self.book().saved(self.seat, section, now, self.is_timed && self.stage.is_timed());
    }

    fn ping(&self, latency: Duration) {
        if self.is_timed && self.stage.is_timed() {
            self.book().ping(latency);
        }
    }

    /// The connection is gone. Only in a run whose server is killed may that happen.
    fn lost(&mut self, now: Instant) {
        match &self.stage.comeback {
            Some(comeback) => {
                self.was_away = true;
                comeback.lost(self.client_id, now);
            }
            None => self.book().error("disconnected"),
        }
    }

    fn is_back(&self, now: Instant) {
        if let Some(comeback) = &self.stage.comeback {
            comeback.live(self.client_id, now);
        }
    }

    /// An edit was refused. After the server was killed, what builds on lost edits fits only once these came again.
    fn rejected(&self, code: Code) {
        if !(self.was_away && code == Code::ResyncNeeded) {
            self.book().error(name(code));
        }
    }
}

/// How the results name a code.
fn name(code: Code) -> String {
    format!("{} {code:?}", code.number())
}
