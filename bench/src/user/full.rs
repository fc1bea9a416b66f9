//! A user as people are: the client with a whole replica of the room's text, and a hand that edits anywhere in it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_client::driver::Driver;
use collab_client::{Client, Config, Event, State};
use collab_document::{Section, sections};
use collab_proto::EditId;
use tokio::sync::watch;
use tokio::time::timeout;

use super::typist::{Typist, units};
use super::{Cues, Deed, JOIN_LIMIT, Outcome, Phase, Stage, User, Witness, name};
use crate::book::Book;

/// How long leaving may take; everything is saved by then, or it was waited for already.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// A fingerprint of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    hash: u64,
    len: usize,
}

struct Member {
    witness: Witness,
    driver: Driver,
    typist: Typist,
    /// The clock of its next character, in UTF-16 units.
    clock: u32,
    on_the_road: HashMap<EditId, Vec<Section>>,
    pings_lost: u64,
    measuring: bool,
}

impl Digest {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { hash: hasher.finish(), len: text.len() }
    }
}

/// Joins, edits when it is time, and leaves when the run is over. It pings by itself.
pub async fn play(user: User, stage: Rc<Stage>, ping_interval: Duration) -> Outcome {
    let User { seat, number, config, seed, mut cues, mut phase, is_late, joined, .. } = user;
    stage.come(is_late).await;
    let client_id = config.client_id.0;
    let driver = enter(&stage, config, Some(ping_interval)).await;
    let _ = joined.send(driver.is_some());
    drop(joined);
    let Some((driver, latency)) = driver else { return Outcome::absent(seat) };
    stage.book.joined(seat, client_id);
    let mut member = Member {
        witness: Witness { stage, seat, client_id, was_away: false, is_timed: true },
        driver,
        typist: Typist::new(seed, number),
        clock: 0,
        on_the_road: HashMap::new(),
        pings_lost: 0,
        measuring: false,
    };
    member.witness.joined(latency);
    member.stay(&mut cues, &mut phase).await;
    member.leave().await
}

/// Joins a room, one of a bounded number at a time, and says how long that took from the start of the connection.
pub async fn enter(stage: &Stage, config: Config, ping_interval: Option<Duration>) -> Option<(Driver, Duration)> {
    let _permit = stage.gate.acquire().await.ok()?;
    let begun = Instant::now();
    let mut client = Client::new(config, begun);
    if let Some(every) = ping_interval {
        client.set_ping_interval(every);
    }
    let mut driver = match stage.target.connect(client) {
        Ok(driver) => driver,
        Err(error) => {
            stage.book.error(format!("cannot connect: {error:#}"));
            return None;
        }
    };
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

impl Member {
    /// Events come before edits: so an edit finds the text as new as this user can know it.
    async fn stay(&mut self, cues: &mut Cues, phase: &mut watch::Receiver<Phase>) {
        loop {
            tokio::select! {
                biased;
                event = self.driver.next() => self.note(event),
                cue = cues.next() => if cue.deed == Deed::Edit {
                    self.edit(cue.intended);
                },
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
        self.witness.sent(start, self.clock, intended, Instant::now());
        if let Err(error) = self.driver.splice(change.at, change.delete, &change.insert) {
            self.witness.book().error(format!("edit not made: {error}"));
        }
    }

    fn note(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::TextChanged { member, update } => {
                for section in self.read(&update) {
                    self.witness.received(section, member.is_some(), now);
                }
            }
            Event::EditSent { id, update } => {
                self.on_the_road.insert(id, self.read(&update));
            }
            Event::Saved { id, .. } => {
                for section in self.on_the_road.remove(&id).unwrap_or_default() {
                    self.witness.saved(section, now);
                }
            }
            Event::LatencyChanged => self.note_ping(),
            Event::StateChanged(State::Live) => self.witness.is_back(now),
            Event::StateChanged(State::Backoff { .. } | State::Refused(_)) => self.witness.lost(now),
            // Nobody hears of a server that was killed.
            Event::Unreachable { permanent: false, .. } if self.witness.stage.comeback.is_some() => {}
            Event::Rejected { code, .. } => self.witness.rejected(code),
            event => note_failure(self.witness.book(), &event),
        }
    }

    fn read(&self, update: &Bytes) -> Vec<Section> {
        sections(update).unwrap_or_else(|error| {
            self.witness.book().error(format!("unreadable update: {error}"));
            Vec::new()
        })
    }

    fn note_ping(&mut self) {
        let latency = self.driver.client().latency();
        self.pings_lost = latency.sent - latency.answered;
        if let Some(us) = latency.last_us.filter(|_| self.measuring) {
            self.witness.ping(Duration::from_micros(us));
        }
    }

    async fn leave(mut self) -> Outcome {
        let digest = Digest::of(&self.driver.client().document().text());
        let outcome = Outcome { seat: self.witness.seat, digest: Some(digest), pings_lost: self.pings_lost };
        // What was not saved is in the book.
        let _ = self.driver.finish(LEAVE_LIMIT).await;
        outcome
    }
}
