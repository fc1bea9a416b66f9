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
        let (joining, joined) = mpsc::unbounded_channel();
        let (token, busy) = mpsc::channel(1);
        let (tasks, cues, light, writers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut cast = Self { tasks, cues, light, writers, phase, joined, busy, pacer: None };
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
                joined: joining.clone(),
            };
            cast.add(user, sender, play);
        }
        cast
    }

    fn add(&mut self, user: User, cues: mpsc::UnboundedSender<Cue>, play: Play<'_>) {
        let User { number, seat, .. } = user;
        let Play { load, deal, stage, .. } = play;
        self.cues.push(cues);
        if load.is_writer(seat.member) {
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
            self.light.push(number);
            spawn_local(light::play(user, stage.clone()))
        });
    }

    /// Waits until each is in, or has given up. Says how many are in.
    pub async fn everybody_joins(&mut self, play: Play<'_>) -> usize {
        play.begin("joining", self.tasks.len() as u64);
        let (mut joined, mut failed) = (0, 0);
        while let Some(entered) = self.joined.recv().await {
            if entered {
                joined += 1
            } else {
                failed += 1
            }
            play.progress.step(joined, || format!("{failed} failed"));
        }
        joined as usize
    }

    /// Everybody acts when it is time, until the load is over.
    pub async fn edit(&mut self, play: Play<'_>) -> anyhow::Result<()> {
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
        sleep_until(end).await;
        self.phase.send_replace(Phase::Draining);
        watching.abort();
        Ok(())
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
