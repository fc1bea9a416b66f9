//! The road of a run: a server, rooms, users who join, edit, wait for the last delivery, and compare their texts.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use collab_client::Config;
use collab_document::sections;
use collab_proto::ClientId;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep_until, timeout};
use tokio::{join, select};

use crate::book::{Book, Seat};
use crate::comeback::{self, Comeback, Reconnect};
use crate::floor::disk;
use crate::load::pacer::Pacer;
use crate::load::schedule::Schedule;
use crate::machine::{Machine, Usage};
use crate::options::{CommandLine, JoinBy, Options};
use crate::progress::Progress;
use crate::report::{Generator, Report, Server, Versions, command};
use crate::rooms::Rooms;
use crate::server_process::{Limits, ServerProcess};
use crate::stats::{Kind, Latencies};
use crate::target::Target;
use crate::user::full::{self, Digest};
use crate::user::{Cue, Deed, Outcome, Phase, Stage, User};
use crate::user::{light, newcomer};
use crate::watch::watch;

/// How often the thread of all users is asked how late it is, besides by what they do.
const WATCH: Duration = Duration::from_millis(10);

/// What a run leaves.
pub struct Results {
    /// The figures.
    pub report: Report,
    /// The whole distributions.
    pub latencies: Latencies,
    /// What the server wrote last, when this program started it.
    pub server_log: Option<String>,
}

/// The users of a run, on the road.
struct Cast {
    tasks: Vec<JoinHandle<Outcome>>,
    cues: Vec<mpsc::UnboundedSender<Cue>>,
    /// The numbers of those without a replica.
    light: Vec<usize>,
    phase: watch::Sender<Phase>,
    joined: mpsc::UnboundedReceiver<bool>,
}

/// Processor time and memory of both sides, at one moment.
#[derive(Clone, Copy)]
struct Look {
    server: Option<Usage>,
    own: Option<Usage>,
}

/// Plays the whole run. Must be called inside a [`tokio::task::LocalSet`].
pub async fn run(line: &CommandLine, progress: &Progress) -> anyhow::Result<Results> {
    let machine = Machine::observe();
    progress.phase("starting", 0);
    let options = line.options();
    let limits = if options.join_by() == JoinBy::Token { Limits::Lifted } else { Limits::Usual };
    let mut server = match &options.url {
        Some(_) => None,
        None => Some(ServerProcess::start(options.server.as_deref(), limits).await?),
    };
    let disk_sync =
        server.as_ref().map(|server| disk::sync(server.folder())).transpose().context("cannot time the disk")?;
    let played = play(line, progress, server.as_mut(), machine).await;
    let server_log = server.as_ref().map(ServerProcess::log_end);
    if let Some(server) = server {
        let stopped = server.stop().await;
        if played.is_ok() {
            stopped?;
        }
    }
    let (mut report, latencies) = played.map_err(|error| match &server_log {
        Some(log) => anyhow!("{error:#}\n{log}"),
        None => error,
    })?;
    report.machine.observe_after();
    report.disk_sync = disk_sync;
    Ok(Results { report, latencies, server_log })
}

async fn play(
    line: &CommandLine,
    progress: &Progress,
    server: Option<&mut ServerProcess>,
    machine: Machine,
) -> anyhow::Result<(Report, Latencies)> {
    let options = line.options();
    let url = server
        .as_deref()
        .map(ServerProcess::url)
        .or(options.url.as_deref())
        .context("there is neither a server nor a URL")?;
    let target = Target::find(url, server.as_deref().map(ServerProcess::gauge), options).await?;
    progress.phase("creating rooms", options.rooms() as u64);
    let rooms = Rooms::create(&target, options.rooms(), |done| progress.step(done as u64, String::new)).await?;
    let book = Book::new((0..options.rooms()).map(|room| members_of(room, options)), Instant::now())?;
    let gate = Semaphore::new(options.join_concurrency.into());
    let stage = Rc::new(Stage { book, target, gate, comeback: line.reconnect().map(|_| Comeback::default()) });
    let seen = select! {
        seen = act(line, progress, server, &rooms, &stage) => seen?,
        never = watch(&stage.book, &stage.target, progress) => match never {},
    };
    Ok((seen.report(options, &stage, machine), stage.book.recorder().totals().clone()))
}

async fn act(
    line: &CommandLine,
    progress: &Progress,
    server: Option<&mut ServerProcess>,
    rooms: &Rooms,
    stage: &Rc<Stage>,
) -> anyhow::Result<Seen> {
    let options = line.options();
    let mut cast = Cast::call(options, rooms, stage);
    let joined = cast.everybody_joins(options.clients(), stage, progress).await;
    let before = Look::now(&stage.target);
    let editing = cast.edit(options, stage, progress);
    let reconnect = match (line.reconnect(), server) {
        (Some(reconnect), Some(server)) => {
            let (edited, back) = join!(editing, comeback::kill_and_wait(reconnect, server, stage, joined));
            edited?;
            Some(back?)
        }
        _ => {
            editing.await?;
            None
        }
    };
    let after = Look::now(&stage.target);
    cast.drain(options.drain, stage, progress).await;
    let outcomes = cast.leave(stage, progress).await?;
    let converged = converged(options, rooms, stage, &outcomes).await;
    stage.target.close().await;
    if options.url.is_some() {
        rooms.delete(&stage.target).await?;
    }
    let last = Look::now(&stage.target);
    let pings_lost = outcomes.iter().map(|outcome| outcome.pings_lost).sum();
    Ok(Seen { joined, before, after, last, pings_lost, converged, reconnect })
}

/// What a run showed besides what is in the book.
struct Seen {
    joined: usize,
    before: Look,
    after: Look,
    last: Look,
    pings_lost: u64,
    converged: bool,
    reconnect: Option<Reconnect>,
}

impl Seen {
    fn report(&self, options: &Options, stage: &Stage, machine: Machine) -> Report {
        let series = stage.book.recorder().timeline();
        let recorder = stage.book.recorder();
        let latencies = recorder.totals();
        let totals = stage.book.totals();
        Report {
            clients: options.clients(),
            rooms: options.rooms(),
            joined: self.joined,
            transport: options.transport,
            duration_s: options.duration.as_secs_f64(),
            rate: options.rate,
            sent: totals.sent,
            delivered: totals.delivered,
            lost: totals.lost(),
            duplicated: totals.duplicated + totals.foreign,
            unsaved: (!stage.target.network().is_yjs()).then(|| totals.unsaved()),
            pings_lost: self.pings_lost,
            converged: self.converged,
            errors: stage.book.errors(),
            join: latencies.of(Kind::Join).summary(),
            ping: latencies.of(Kind::Ping).summary(),
            edit: latencies.of(Kind::Edit).summary(),
            saved: latencies.of(Kind::Saved).summary(),
            disk_sync: None,
            // What a server that was killed had used is not to be had.
            server: Look::server(self.before, self.after, self.last).filter(|_| self.reconnect.is_none()),
            reconnect: self.reconnect.clone(),
            generator: Generator::new(Look::own_cpu(self.before, self.after), latencies.of(Kind::Lag).summary()),
            seed: options.seed,
            machine,
            versions: Versions::new(stage.target.info()),
            command: command(),
            series,
        }
    }
}

/// How many users a room gets: they are dealt like cards.
fn members_of(room: usize, options: &Options) -> usize {
    (options.clients() - room).div_ceil(options.rooms())
}

impl Cast {
    /// Calls everybody in. Replica ids, hands and reconnect delays are drawn from the seed.
    fn call(options: &Options, rooms: &Rooms, stage: &Rc<Stage>) -> Self {
        let mut random = StdRng::seed_from_u64(options.seed);
        let (phase, at) = watch::channel(Phase::Joining);
        let (joining, joined) = mpsc::unbounded_channel();
        let mut cast = Self { tasks: Vec::new(), cues: Vec::new(), light: Vec::new(), phase, joined };
        for number in 0..options.clients() {
            let seat = Seat { room: number % options.rooms(), member: number / options.rooms() };
            let (sender, cues) = mpsc::unbounded_channel();
            let config = config(options, rooms, seat.room, number, &mut random);
            let (seed, phase, joined) = (options.seed, at.clone(), joining.clone());
            let user = User { seat, number, config, seed, cues, phase, joined };
            cast.cues.push(sender);
            cast.tasks.push(if seat.member < options.verify() {
                // A little apart, or those who connected together would ping in step for ever.
                let ping_interval = options.ping_interval.mul_f64(random.random_range(0.9..1.1));
                spawn_local(full::play(user, stage.clone(), ping_interval))
            } else {
                cast.light.push(number);
                spawn_local(light::play(user, stage.clone()))
            });
        }
        cast
    }

    /// Waits until each is in, or has given up. Says how many are in.
    async fn everybody_joins(&mut self, clients: usize, stage: &Stage, progress: &Progress) -> usize {
        begin("joining", clients as u64, stage, progress);
        let (mut joined, mut failed) = (0, 0);
        while let Some(entered) = self.joined.recv().await {
            if entered {
                joined += 1
            } else {
                failed += 1
            }
            progress.step(joined, || format!("{failed} failed"));
        }
        joined as usize
    }

    async fn edit(&mut self, options: &Options, stage: &Rc<Stage>, progress: &Progress) -> anyhow::Result<()> {
        stage.book.recorder().stage("editing", Instant::now());
        progress.timed_phase("editing", options.duration);
        let schedule = self.schedule(options);
        let (watch, watched) = mpsc::unbounded_channel();
        self.cues.push(watch);
        let watching = spawn_local(watch_the_thread(watched, stage.clone()));
        self.phase.send_replace(Phase::Editing);
        let start = Instant::now();
        let end = tokio::time::Instant::from_std(start + options.duration);
        let _pacer = Pacer::start(schedule, start, std::mem::take(&mut self.cues)).context("cannot start a thread")?;
        sleep_until(end).await;
        self.phase.send_replace(Phase::Draining);
        watching.abort();
        Ok(())
    }

    /// Edits of all, pings of those who do not ping by themselves, and a beat for the thread itself, behind the last user.
    fn schedule(&self, options: &Options) -> Schedule {
        let mut schedule = Schedule::draw(options.seed, options.clients(), options.arrival, &options.profile());
        schedule.add_rounds(options.seed, Deed::Ping, options.ping_interval, self.light.iter().copied());
        if let Some(every) = options.cursor_interval {
            schedule.add_rounds(!options.seed, Deed::Cursor, every, self.light.iter().copied());
        }
        schedule.add_rounds(options.seed, Deed::Ping, WATCH, [options.clients()].into_iter());
        schedule
    }

    async fn drain(&mut self, limit: Duration, stage: &Stage, progress: &Progress) {
        begin("draining", 0, stage, progress);
        // What is missing after the limit shows in the counts.
        let _ = timeout(limit, stage.book.settled()).await;
    }

    async fn leave(self, stage: &Stage, progress: &Progress) -> anyhow::Result<Vec<Outcome>> {
        begin("checking", 0, stage, progress);
        self.phase.send_replace(Phase::Checking);
        join_all(self.tasks).await.into_iter().collect::<Result<_, _>>().context("a user's task broke")
    }
}

/// A user reads as late as it acts, since all take turns on one thread: how late that is shows in these beats even where users
/// do little.
async fn watch_the_thread(mut cues: mpsc::UnboundedReceiver<Cue>, stage: Rc<Stage>) {
    while let Some(cue) = cues.recv().await {
        stage.book.lag(cue.intended, Instant::now());
    }
}

fn begin(name: &'static str, steps: u64, stage: &Stage, progress: &Progress) {
    stage.book.recorder().stage(name, Instant::now());
    progress.phase(name, steps);
}

/// Replica ids are unique by their lower bits and new in every room by being drawn. They have 32 bits, as Yjs draws them: there are
/// servers that know no more.
fn config(options: &Options, rooms: &Rooms, room: usize, number: usize, random: &mut StdRng) -> Config {
    let drawn: u16 = random.random_range(0..1 << 11);
    Config {
        room: rooms.name(room).clone(),
        name: format!("user {number}"),
        credential: rooms.credential(room, options.join_by()),
        client_id: ClientId((u64::from(drawn) << 20 | number as u64) + 1),
        seed: random.random(),
    }
}

/// Whether in each room the server gives somebody new every saved edit, and the text that every replica has.
async fn converged(options: &Options, rooms: &Rooms, stage: &Rc<Stage>, outcomes: &[Outcome]) -> bool {
    let mut random = StdRng::seed_from_u64(!options.seed);
    let readers = (0..options.rooms()).map(|room| {
        let config = config(options, rooms, room, options.clients() + room, &mut random);
        kept(stage, room, config)
    });
    let kept = join_all(readers).await;
    let differ = outcomes.iter().filter(|it| it.digest.is_some() && it.digest != kept[it.seat.room]).count();
    (0..differ).for_each(|_| stage.book.error("replica differs"));
    differ == 0 && kept.iter().all(Option::is_some)
}

/// What the server gives to somebody new; none when that is not all that it has promised to keep.
async fn kept(stage: &Stage, room: usize, config: Config) -> Option<Digest> {
    if stage.target.network().is_yjs() {
        return newcomer::read(stage, room, config).await;
    }
    let (driver, _) = full::enter(stage, config, None).await?;
    let document = driver.client().document();
    let kept = document.state().ok().and_then(|state| sections(&state).ok())?;
    let gone = stage.book.unkept(room, &kept);
    (0..gone).for_each(|_| stage.book.error("saved edit is gone"));
    (gone == 0).then(|| Digest::of(&document.text()))
}

impl Look {
    fn now(target: &Target) -> Self {
        Self { server: target.usage(), own: Usage::own() }
    }

    fn server(before: Self, after: Self, last: Self) -> Option<Server> {
        let (before, after, last) = (before.server?, after.server?, last.server?);
        Some(Server {
            cpu_s: after.cpu.saturating_sub(before.cpu).as_secs_f64(),
            rss_bytes: after.rss_bytes,
            peak_rss_bytes: last.peak_rss_bytes,
            total_cpu_s: last.cpu.as_secs_f64(),
        })
    }

    fn own_cpu(before: Self, after: Self) -> f64 {
        let used = after.own.unwrap_or_default().cpu.saturating_sub(before.own.unwrap_or_default().cpu);
        used.as_secs_f64()
    }
}
