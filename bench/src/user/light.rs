//! A user without a text: it joins, writes its own words, counts what it hears, and answers nothing.
//!
//! It is one task, and keeps only what is unsaved and how far it has read each author.

use std::rc::Rc;
use std::time::{Duration, Instant};

use collab_client::{Backoff, Config};
use collab_document::{Section, visit_sections};
use collab_proto::{Credential, EditId, Join, PROTOCOL};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use super::arrival::{Arrival, End, attempt};
use super::hand::Hand;
use super::known::Known;
use super::outbox::Outbox;
use super::{Cue, Cues, Deed, JOIN_LIMIT, Outcome, Phase, Stage, User, Witness, name};
use crate::wire::{Ear, Entered, Heard, Lost, Mouth, Refusal, Say, Wire};

/// Joins, edits when it is time, and leaves when the run is over.
pub async fn play(user: User, stage: Rc<Stage>) -> Outcome {
    let User { seat, number, config, hand, pause, cues, phase, is_late, joined, .. } = user;
    stage.come(is_late).await;
    let client_id = config.client_id.0;
    let mut light = Light {
        speaks_yjs: stage.target.network().is_yjs(),
        witness: Witness { stage, seat, client_id, was_away: false, is_timed: pause.is_none() },
        number,
        backoff: Backoff::new(config.seed),
        hand,
        rhythm: Rhythm { pause, is_reading: true, turn_at: Instant::now() },
        outbox: Outbox::new(client_id),
        config,
        entered: None,
        known: Known::default(),
        pings: Pings { epoch: Instant::now(), sent: 0, answered: 0 },
        cursor_moves: 0,
    };
    let mut road = Road { cues, phase };
    let wire = light.come_in(&mut road).await;
    let _ = joined.send(wire.is_some());
    drop(joined);
    let Some(wire) = wire else { return Outcome::absent(seat) };
    light.live(wire, &mut road).await;
    Outcome { seat, digest: None, pings_lost: light.pings.sent - light.pings.answered }
}

struct Light {
    /// Whether the server is spoken to as Yjs providers do.
    speaks_yjs: bool,
    witness: Witness,
    number: usize,
    config: Config,
    hand: Hand,
    rhythm: Rhythm,
    outbox: Outbox,
    backoff: Backoff,
    /// From the last time it came in, and when that was.
    entered: Option<(Box<Entered>, Instant)>,
    known: Known,
    pings: Pings,
    cursor_moves: u64,
}

struct Pings {
    /// Where the clock that stands in pings begins.
    epoch: Instant,
    sent: u64,
    answered: u64,
}

/// When a slow reader reads.
struct Rhythm {
    pause: Option<Duration>,
    is_reading: bool,
    turn_at: Instant,
}

/// What the run tells a user.
struct Road {
    cues: Cues,
    phase: watch::Receiver<Phase>,
}

impl Light {
    /// The first time: one of a bounded number at once.
    async fn come_in(&mut self, road: &mut Road) -> Option<Wire> {
        let stage = self.witness.stage.clone();
        let _permit = stage.gate.acquire().await.ok()?;
        let begun = Instant::now();
        let Ok(arrived) = timeout(JOIN_LIMIT, self.try_to_enter(road, Duration::ZERO)).await else {
            stage.book.error("join timed out");
            return None;
        };
        let arrival = arrived?;
        stage.book.joined(self.witness.seat, self.witness.client_id);
        self.witness.joined(begun.elapsed());
        Some(self.enter(arrival))
    }

    /// Again and again, first after `wait`; none when it is pointless or the run is over. Words are written meanwhile, as
    /// people do.
    async fn try_to_enter(&mut self, road: &mut Road, mut wait: Duration) -> Option<Arrival> {
        loop {
            let attempt = attempt(self.witness.stage.clone(), self.number, self.join(), wait);
            tokio::pin!(attempt);
            let Road { cues, phase } = &mut *road;
            let arrived = loop {
                tokio::select! {
                    arrived = &mut attempt => break arrived,
                    cue = cues.next() => self.act(cue, None),
                    () = is_over(phase) => return None,
                }
            };
            match arrived {
                Ok(arrival) => return Some(arrival),
                Err(end) => wait = self.note_failure(end)? + self.backoff.next_delay(),
            }
        }
    }

    /// How long to wait at least before trying again; none when that is pointless.
    fn note_failure(&self, end: End) -> Option<Duration> {
        match end {
            End::Done => None,
            End::Lost(Lost(reason)) => {
                // Nobody hears of a server that was killed.
                if !self.witness.was_away {
                    self.witness.book().error(format!("cannot connect: {reason}"));
                }
                Some(Duration::ZERO)
            }
            End::Refused(refusal) => {
                self.witness.book().error(name(refusal.code));
                (!refusal.code.is_permanent()).then_some(refusal.after)
            }
        }
    }

    fn join(&self) -> Join {
        let last = self.entered.as_ref().map(|(entered, _)| entered);
        let first = || self.config.credential.clone();
        Join {
            protocol: PROTOCOL,
            room: self.config.room.to_string(),
            credential: last.map_or_else(first, |last| Credential::Resume(last.resume_token.clone())),
            name: self.config.name.clone(),
            client_id: self.config.client_id,
            generation: last.map(|last| last.generation),
            state_vector: self.known.encode().into(),
        }
    }

    fn enter(&mut self, arrival: Arrival) -> Wire {
        let Arrival { wire, entered, edits } = arrival;
        let now = Instant::now();
        self.outbox.entered(&entered.policy, now);
        self.read(&entered.missing, false, now);
        edits.iter().for_each(|update| self.read(update, true, now));
        self.entered = Some((entered, now));
        wire
    }

    /// Is in the room, and comes back to it, until the run is over.
    async fn live(&mut self, mut wire: Wire, road: &mut Road) {
        loop {
            let Wire { mut ear, mut mouth } = wire;
            let end = self.stay(&mut ear, &mut mouth, road).await;
            if matches!(end, End::Done) {
                return mouth.leave().await;
            }
            drop((ear, mouth));
            let Some(arrival) = self.come_back(end, road).await else { return };
            wire = self.enter(arrival);
            self.witness.is_back(Instant::now());
        }
    }

    async fn come_back(&mut self, end: End, road: &mut Road) -> Option<Arrival> {
        let now = Instant::now();
        self.outbox.lost();
        self.witness.lost(now);
        if self.entered.as_ref().is_some_and(|(_, since)| now - *since >= Backoff::FORGET_AFTER) {
            self.backoff.forget();
        }
        let wait = self.note_failure(end)? + self.backoff.next_delay();
        self.try_to_enter(road, wait).await
    }

    async fn stay(&mut self, ear: &mut Ear, mouth: &mut Mouth, Road { cues, phase }: &mut Road) -> End {
        loop {
            let now = Instant::now();
            if let Some((id, update)) = self.outbox.poll(now) {
                mouth.say(Say::Edit { id, update: update.into() });
                self.give_away(id);
            }
            let waits_until = self.outbox.ready_at(now);
            let Rhythm { pause, is_reading, turn_at } = self.rhythm;
            let mut refused = None;
            tokio::select! {
                biased;
                heard = ear.listen(|heard| refused = refused.or(self.hear(heard))), if is_reading => if let Err(lost) = heard {
                    return refused.map_or(End::Lost(lost), End::Refused);
                },
                spoken = mouth.speak(), if mouth.has_more() => if let Err(lost) = spoken {
                    return End::Lost(lost);
                },
                cue = cues.next() => self.act(cue, Some(mouth)),
                () = sleep_until(waits_until.unwrap_or(now).into()), if waits_until.is_some() => {}
                () = sleep_until(turn_at.into()), if pause.is_some() => self.rhythm.turn(*phase.borrow()),
                () = is_over(phase) => return End::Done,
            }
            if let Some(refusal) = refused {
                return End::Refused(refusal);
            }
        }
    }

    /// Nobody hears of an edit again that a Yjs server was given.
    fn give_away(&mut self, id: EditId) {
        if self.speaks_yjs
            && let Some(section) = self.outbox.saved(id)
        {
            self.witness.book().given_away(self.witness.seat, section);
        }
    }

    /// Does what it is time for. An edit is made whether or not there is a connection, and goes when there is.
    fn act(&mut self, cue: Cue, mouth: Option<&mut Mouth>) {
        let now = Instant::now();
        match cue.deed {
            Deed::Edit => {
                let piece = self.hand.write();
                self.witness.sent(piece.start, piece.end, cue.intended, now);
                self.known.heard(Section { client: self.witness.client_id, start: piece.start, end: piece.end });
                self.outbox.push(piece);
            }
            Deed::Ping => {
                self.witness.book().lag(cue.intended, now);
                if let Some(mouth) = mouth {
                    let Pings { epoch, sent: seq, .. } = self.pings;
                    mouth.say(Say::Ping { seq, sent_at: (cue.intended - epoch).as_micros() as u64 });
                    self.pings.sent += 1;
                }
            }
            Deed::Cursor => {
                self.witness.book().lag(cue.intended, now);
                if let (Some(mouth), Some((entered, _))) = (mouth, &self.entered) {
                    let (slot, member, seq) = (entered.slot, entered.member, self.cursor_moves);
                    mouth.say(Say::Cursor { slot, member, seq, cursor: self.hand.cursor(self.config.client_id) });
                    self.cursor_moves += 1;
                    self.witness.book().aside(|asides| asides.cursors_sent += 1);
                }
            }
        }
    }

    /// Takes what the server says; gives back why it sends the user away, if it does.
    fn hear(&mut self, heard: Heard<'_>) -> Option<Refusal> {
        let now = Instant::now();
        match heard {
            Heard::Edited(update) => self.read(update, true, now),
            Heard::CaughtUp(update) => {
                self.witness.book().aside(|asides| asides.healed += 1);
                self.read(update, false, now);
            }
            Heard::Saved(id) => {
                if let Some(section) = self.outbox.saved(id) {
                    self.witness.saved(section, now);
                }
            }
            Heard::Rejected(id, Refusal { code, after }) => {
                self.witness.rejected(code);
                self.outbox.rejected(id, after, now);
            }
            Heard::Ended(refusal) => return Some(refusal),
            Heard::Pong(sent_at) => {
                self.pings.answered += 1;
                let sent_at = self.pings.epoch + Duration::from_micros(sent_at);
                self.witness.ping(now.saturating_duration_since(sent_at));
            }
            Heard::Cursor => self.witness.book().aside(|asides| asides.cursors_seen += 1),
            // A Yjs server brings a reader up to date with the same words as a newcomer.
            Heard::Entered(entered) => self.read(&entered.missing, false, now),
            Heard::Other => {}
        }
        None
    }

    fn read(&mut self, update: &[u8], live: bool, now: Instant) {
        let Self { witness, known, speaks_yjs, .. } = self;
        let read = visit_sections(update, |section| {
            // A Yjs server tells authors what they wrote.
            if *speaks_yjs && section.client == witness.client_id {
                return;
            }
            witness.received(section, live, now);
            known.heard(section);
        });
        if let Err(error) = read {
            self.witness.book().error(format!("unreadable update: {error}"));
        }
    }
}

impl Rhythm {
    /// Stops reading, or begins to. Reads on once nobody edits any more, since all that was sent must arrive.
    fn turn(&mut self, phase: Phase) {
        self.is_reading = !self.is_reading || phase != Phase::Editing;
        self.turn_at = Instant::now() + self.pause.unwrap_or_default();
    }
}

/// Waits until the run is over.
async fn is_over(phase: &mut watch::Receiver<Phase>) {
    // A run that ended without a word is over too.
    let _ = phase.wait_for(|phase| *phase == Phase::Checking).await;
}
