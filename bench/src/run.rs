//! The road of a run: a server, rooms, users who join, edit, wait for the last delivery, and compare their texts.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use tokio::sync::Semaphore;
use tokio::{join, select};

use crate::book::Book;
use crate::cast::Cast;
use crate::comeback::{self, Comeback, Reconnect};
use crate::floor::disk;
use crate::machine::{Machine, Usage};
use crate::options::Options;
use crate::progress::Progress;
use crate::report::{Asked, Generator, Report, Server, Versions, command};
use crate::rooms::{Rooms, text};
use crate::server_process::ServerProcess;
use crate::stats::{Kind, Latencies};
use crate::target::Target;
use crate::user::Stage;
use crate::watch::watch;

/// What a run leaves.
pub struct Results {
    /// The figures.
    pub report: Report,
    /// The whole distributions.
    pub latencies: Latencies,
    /// What the server wrote last, when this program started it.
    pub server_log: Option<String>,
}

/// Processor time and memory of both sides, at one moment.
#[derive(Clone, Copy)]
struct Look {
    server: Option<Usage>,
    own: Option<Usage>,
}

/// Plays the whole run. Must be called inside a [`tokio::task::LocalSet`].
pub async fn run(options: &Options, progress: &Progress) -> anyhow::Result<Results> {
    let machine = Machine::observe();
    progress.phase("starting", 0);
    let mut server = match &options.url {
        Some(_) => None,
        None => Some(ServerProcess::start(options.server.as_deref(), options.load.settings()).await?),
    };
    let disk_sync =
        server.as_ref().map(|server| disk::sync(server.folder())).transpose().context("cannot time the disk")?;
    let played = play(options, progress, server.as_mut(), machine).await;
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
    options: &Options,
    progress: &Progress,
    server: Option<&mut ServerProcess>,
    machine: Machine,
) -> anyhow::Result<(Report, Latencies)> {
    let load = &options.load;
    let url = server
        .as_deref()
        .map(ServerProcess::url)
        .or(options.url.as_deref())
        .context("there is neither a server nor a URL")?;
    let gauge = server.as_deref().map(ServerProcess::gauge);
    let target = Target::find(url, gauge, options).await?;
    progress.phase("creating rooms", load.rooms() as u64);
    let rooms = Rooms::create(&target, load.rooms(), |done| progress.step(done as u64, String::new)).await?;
    let book = Book::new((0..load.rooms()).map(|room| load.members_of(room)), Instant::now())?;
    let gate = Semaphore::new(load.join_concurrency.into());
    let stage = Rc::new(Stage { book, target, gate, comeback: load.fault().map(|_| Comeback::default()) });
    text::prefill(load, &rooms, &stage).await?;
    let seen = select! {
        seen = act(options, progress, server, &rooms, &stage) => seen?,
        never = watch(&stage.book, &stage.target, progress) => match never {},
    };
    Ok((seen.report(options, &stage, machine), stage.book.recorder().totals().clone()))
}

async fn act(
    options: &Options,
    progress: &Progress,
    server: Option<&mut ServerProcess>,
    rooms: &Rooms,
    stage: &Rc<Stage>,
) -> anyhow::Result<Seen> {
    let load = &options.load;
    let begun = Instant::now();
    let mut cast = Cast::call(load, rooms, stage);
    let joined = cast.everybody_joins(stage, progress).await;
    let joining = begun.elapsed();
    let before = Look::now(&stage.target);
    let editing = cast.edit(load, stage, progress);
    let reconnect = match (load.fault(), server) {
        (Some(fault), Some(server)) => {
            let (edited, back) = join!(editing, comeback::kill_and_wait(fault, server, stage, joined));
            edited?;
            Some(back?)
        }
        _ => {
            editing.await?;
            None
        }
    };
    let after = Look::now(&stage.target);
    cast.drain(load.drain, stage, progress).await;
    let outcomes = cast.leave(stage, progress).await?;
    let converged = text::converged(load, rooms, stage, &outcomes).await;
    stage.target.close().await;
    if options.url.is_some() {
        rooms.delete(&stage.target).await?;
    }
    let last = Look::now(&stage.target);
    let pings_lost = outcomes.iter().map(|outcome| outcome.pings_lost).sum();
    Ok(Seen { joined, joining, before, after, last, pings_lost, converged, reconnect })
}

/// What a run showed besides what is in the book.
struct Seen {
    joined: usize,
    joining: Duration,
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
        let load = &options.load;
        let own_cpu_s = Look::own_cpu(self.before, self.after);
        Report {
            clients: load.clients(),
            rooms: load.rooms(),
            joined: self.joined,
            joining_s: self.joining.as_secs_f64(),
            transport: load.transport,
            duration_s: load.duration().as_secs_f64(),
            rate: load.mean_rate(),
            asked: Asked::of(options),
            asides: stage.book.asides(),
            saturation: None,
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
            generator: Generator::judged(own_cpu_s, latencies, load.lag_limit),
            seed: load.seed,
            machine,
            versions: Versions::new(stage.target.info()),
            command: command(),
            series,
        }
    }
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
