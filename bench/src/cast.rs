//! The users of a run, on the road: they come in, act, wait until all has arrived, and leave.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use collab_client::Config;
use collab_proto::ClientId;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::join;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep_until, timeout};

use crate::book::Seat;
use crate::load::pacer::Pacer;
use crate::load::schedule::Schedule;
use crate::options::load::Load;
use crate::progress::Progress;
use crate::rooms::{Rooms, text};
use crate::user::hand::Hand;
use crate::user::{Cue, Cues, Deed, Outcome, Phase, Stage, User, full, light};
use crate::workers::{Deal, Part};

/// How long those who are there first have edited when the others come.
const LATE: Duration = Duration::from_secs(1);

/// How often the thread of all users is asked how late it is, besides by what they do.
const WATCH: Duration = Duration::from_millis(10);

/// What is played.
#[derive(Clone, Copy)]
pub struct Play<'a> {
    /// The load, of all processes together.
    pub load: &'a Load,
    /// All rooms.
    pub rooms: &'a Rooms,
    /// Which of them are played here.
    pub deal: Deal,
    /// What all users here share.
    pub stage: &'a Rc<Stage>,
    /// Where people see how it goes.
    pub progress: &'a Progress,
}

/// Everybody who is played by this process.
pub struct Cast {
    tasks: Vec<JoinHandle<Outcome>>,
    cues: Vec<mpsc::UnboundedSender<Cue>>,
    /// The numbers of those without a replica.
    light: Vec<usize>,
    /// The numbers of those who edit, here and elsewhere.
    writers: Vec<u32>,
    phase: watch::Sender<Phase>,
    joined: mpsc::UnboundedReceiver<bool>,
    /// As `joined`, of those who come late.
    joined_late: mpsc::UnboundedReceiver<bool>,
    /// Ends when nobody has anything left to do.
    busy: mpsc::Receiver<Infallible>,
    pacer: Option<Pacer>,
}

impl Cast {
    /// Calls everybody in. Replica ids, hands and reconnect delays are drawn from the seed, the same wherever somebody is played.
    pub fn call(play: Play<'_>) -> Self {
        let Play { load, rooms, .. } = play;
        let mut random = StdRng::seed_from_u64(load.seed);
        let (phase, at) = watch::channel(Phase::Joining);
        let ((joining, joined), (joining_late, joined_late)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (token, busy) = mpsc::channel(1);
        let (tasks, cues, light, writers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut cast = Self { tasks, cues, light, writers, phase, joined, joined_late, busy, pacer: None };
        for number in 0..load.clients() {
            let seat = Seat { room: number % load.rooms(), member: number / load.rooms() };
            let (sender, cues) = mpsc::unbounded_channel();
            let is_slow = load.is_slow(seat.member, load.members_of(seat.room));
            let user = User {
                seat,
                number,
                config: config(load, rooms, seat.room, number, &mut random),
                hand: Hand::new(load.seed, number, load.writes, load.edit_bytes as usize),
                pause: is_slow.then_some(load.slow_pause),
                seed: load.seed,
                cues: Cues::new(cues, token.clone()),
                phase: at.clone(),
                is_late: load.is_late(seat.room),
                joined: if load.is_late(seat.room) { joining_late.clone() } else { joining.clone() },
            };
            cast.add(user, sender, play);
        }
        cast
    }

    fn add(&mut self, user: User, cues: mpsc::UnboundedSender<Cue>, play: Play<'_>) {
        let User { number, seat, .. } = user;
        let Play { load, deal, stage, .. } = play;
        self.cues.push(cues);
        if load.is_writer(seat.room, seat.member) {
            self.writers.push(number as u32);
        }
        if !deal.has_room(seat.room) {
            return;
        }
        self.tasks.push(if load.is_full(seat.member) {
            // A little apart, or those who connected together would ping in step for ever.
            let apart = 0.9 + 0.2 * (number as f64 * 0.618_034).fract();
            spawn_local(full::play(user, stage.clone(), load.ping_interval.mul_f64(apart)))
        } else {
            // Who is not there yet does not ping.
            self.light.extend(Some(number).filter(|_| !load.is_late(seat.room)));
            spawn_local(light::play(user, stage.clone()))
        });
    }

    /// Waits until each is in who comes before the editing, or has given up. Says how many are in.
    pub async fn everybody_joins(&mut self, play: Play<'_>) -> usize {
        play.begin("joining", self.tasks.len() as u64);
        all_in(&mut self.joined, play.progress).await
    }

    /// Everybody acts when it is time, until the load is over. Says who came meanwhile, where somebody was to come.
    pub async fn edit(&mut self, play: Play<'_>) -> anyhow::Result<Option<Storm>> {
        let Play { load, stage, progress, .. } = play;
        stage.book.recorder().stage("editing", Instant::now());
        progress.timed_phase("editing", load.duration());
        let schedule = self.schedule(play);
        let (watch, watched) = mpsc::unbounded_channel();
        self.cues.push(watch);
        let watching = spawn_local(watch_the_thread(watched, stage.clone()));
        self.phase.send_replace(Phase::Editing);
        let start = Instant::now();
        let end = tokio::time::Instant::from_std(start + load.duration());
        let pacer = Pacer::start(schedule, start, std::mem::take(&mut self.cues)).context("cannot start a thread")?;
        self.pacer = Some(pacer);
        let storm = async {
            // Nobody comes late where nobody is early.
            load.early_rooms?;
            sleep_until(end.min(tokio::time::Instant::from_std(start + LATE))).await;
            Some(storm(&mut self.joined_late, play).await)
        };
        let ((), storm) = join!(sleep_until(end), storm);
        self.phase.send_replace(Phase::Draining);
        watching.abort();
        Ok(storm)
    }

    /// Edits of all, pings of those who do not ping by themselves, and a beat for the thread itself, behind the last user.
    fn schedule(&self, play: Play<'_>) -> Schedule {
        let Play { load, deal, .. } = play;
        let mut schedule = Schedule::draw(load.seed, &self.writers, load.arrival, &load.profile());
        schedule.keep(|user| deal.has_room(user % load.rooms()));
        schedule.add_rounds(load.seed, Deed::Ping, load.ping_interval, self.light.iter().copied());
        if let Some(every) = load.cursor_interval {
            schedule.add_rounds(!load.seed, Deed::Cursor, every, self.light.iter().copied());
        }
        schedule.add_rounds(load.seed, Deed::Ping, WATCH, [load.clients()].into_iter());
        schedule
    }

    /// Waits until everybody has done what they were told, and all that was sent is saved and has arrived. What is missing after
    /// the limit shows in the counts.
    pub async fn drain(&mut self, play: Play<'_>) {
        play.begin("draining", 0);
        let over = async {
            // Gives nothing: it ends with the last who is busy.
            let _ = self.busy.recv().await;
            play.stage.book.settled().await;
        };
        let _ = timeout(play.load.drain, over).await;
    }

    /// Sends everybody away, and compares what they have. Says what was played, but for the processor time.
    pub async fn check(self, play: Play<'_>, joined: usize) -> anyhow::Result<Part> {
        play.begin("checking", 0);
        self.phase.send_replace(Phase::Checking);
        let outcomes: Result<Vec<_>, _> = join_all(self.tasks).await.into_iter().collect();
        let outcomes = outcomes.context("a user's task broke")?;
        let converged = text::converged(play, &outcomes).await;
        play.stage.target.close().await;
        let book = &play.stage.book;
        book.name_missing();
        book.recorder().end();
        Ok(Part {
            joined,
            totals: book.totals(),
            asides: book.asides(),
            errors: book.errors(),
            latencies: book.recorder().totals().clone(),
            pings_lost: outcomes.iter().map(|outcome| outcome.pings_lost).sum(),
            converged,
            cpu: Duration::ZERO,
        })
    }
}

/// Those who came late.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// How many are in.
    pub joined: usize,
    /// From the moment when the first might come until the last was in.
    pub took: Duration,
}

async fn storm(joined: &mut mpsc::UnboundedReceiver<bool>, Play { stage, progress, .. }: Play<'_>) -> Storm {
    let begun = Instant::now();
    stage.book.recorder().stage("storm", begun);
    stage.storm.send_replace(true);
    let joined = all_in(joined, progress).await;
    stage.storm.send_replace(false);
    Storm { joined, took: begun.elapsed() }
}

/// Waits until nobody is left who may still come. Says how many have.
async fn all_in(joining: &mut mpsc::UnboundedReceiver<bool>, progress: &Progress) -> usize {
    let (mut joined, mut failed) = (0, 0);
    while let Some(entered) = joining.recv().await {
        if entered {
            joined += 1
        } else {
            failed += 1
        }
        progress.step(joined, || format!("{failed} failed"));
    }
    joined as usize
}

impl Play<'_> {
    fn begin(&self, name: &'static str, steps: u64) {
        self.stage.book.recorder().stage(name, Instant::now());
        self.progress.phase(name, steps);
    }
}

/// A user reads as late as it acts, since all take turns on one thread: how late that is shows in these beats even where users
/// do little.
async fn watch_the_thread(mut cues: mpsc::UnboundedReceiver<Cue>, stage: Rc<Stage>) {
    while let Some(cue) = cues.recv().await {
        stage.book.lag(cue.intended, Instant::now());
    }
}

/// What a user joins with. Replica ids are unique by their lower bits and new in every room by being drawn. They have 32 bits, as Yjs
/// draws them: there are servers that know no more.
pub fn config(load: &Load, rooms: &Rooms, room: usize, number: usize, random: &mut StdRng) -> Config {
    let drawn: u16 = random.random_range(0..1 << 11);
    Config {
        room: rooms.name(room).clone(),
        name: format!("user {number}"),
        credential: rooms.credential(room, load.join_by()),
        client_id: ClientId((u64::from(drawn) << 20 | number as u64) + 1),
        seed: random.random(),
    }
}
