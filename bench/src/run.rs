//! The road of a run: a server, rooms, what is played in them by this process or by workers, and what comes of it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use tokio::{join, select};

use crate::cast::{Cast, Play};
use crate::comeback::{self, Reconnect};
use crate::floor::disk;
use crate::machine::{Machine, Usage};
use crate::options::Options;
use crate::progress::Progress;
use crate::report::{Asked, Generator, Report, Server, Versions, command};
use crate::rooms::{Rooms, text};
use crate::series::recorder::Recorder;
use crate::series::timeline::Timeline;
use crate::server_process::{Gauge, ServerProcess};
use crate::stats::{Kind, Latencies};
use crate::target::Target;
use crate::user::Stage;
use crate::watch::watch;
use crate::workers::coordinator::Crew;
use crate::workers::{Assignment, Deal, Part};

/// What a run leaves.
pub struct Results {
    /// The figures.
    pub report: Report,
    /// The whole distributions.
    pub latencies: Latencies,
    /// What the server wrote last, when this program started it.
    pub server_log: Option<String>,
}

/// What this process has started.
struct Host<'a> {
    /// None when the server runs elsewhere.
    server: Option<&'a mut ServerProcess>,
    /// None when this process plays all users.
    crew: Option<Crew>,
}

/// Processor time and memory of both sides, at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    server: Option<Usage>,
    own: Option<Usage>,
}

/// Plays the whole run. Must be called inside a [`tokio::task::LocalSet`].
pub async fn run(options: &Options, progress: &Progress) -> anyhow::Result<Results> {
    let machine = Machine::observe();
    progress.phase("starting", 0);
    let crew = match &options.workers {
        Some(workers) => Some(Crew::call(workers, options.secret_file.as_deref()).await?),
        None => None,
    };
    let mut server = match &options.url {
        Some(_) => None,
        None => Some(ServerProcess::start(options.server.as_deref(), options.load.settings()).await?),
    };
    let disk_sync =
        server.as_ref().map(|server| disk::sync(server.folder())).transpose().context("cannot time the disk")?;
    let played = play(options, progress, Host { server: server.as_mut(), crew }, machine).await;
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
    host: Host<'_>,
    machine: Machine,
) -> anyhow::Result<(Report, Latencies)> {
    let Host { server, crew } = host;
    let load = &options.load;
    let url = server
        .as_deref()
        .map(ServerProcess::url)
        .or(options.url.as_deref())
        .context("there is neither a server nor a URL")?;
    let gauge = server.as_deref().map(ServerProcess::gauge).or(options.server_group.map(Gauge::Group));
    let deal = if crew.is_some() { Deal::NOTHING } else { Deal::ALL };
    let place = options.place(url);
    let target = Rc::new(Target::find(&place, load, deal, gauge).await?);
    progress.phase("creating rooms", load.rooms() as u64);
    let rooms = Rooms::create(&target, load.rooms(), |done| progress.step(done as u64, String::new)).await?;
    let seen = match crew {
        Some(crew) => {
            let assignment = Assignment::new(place, load.clone(), rooms.clone());
            crew.play(assignment, target.gauge(), progress).await?
        }
        None => {
            let stage = Rc::new(Stage::new(load, deal, target.clone(), Recorder::new(Instant::now())?));
            play_alone(Play { load, rooms: &rooms, deal, stage: &stage, progress }, server).await?
        }
    };
    if options.url.is_some() {
        rooms.delete(&target).await?;
    }
    Ok(seen.report(options, &target, machine))
}

async fn play_alone(play: Play<'_>, server: Option<&mut ServerProcess>) -> anyhow::Result<Seen> {
    text::prefill(play).await?;
    select! {
        seen = act(play, server) => seen,
        never = watch(&play.stage.book, &play.stage.target, play.progress) => match never {},
    }
}

async fn act(play: Play<'_>, server: Option<&mut ServerProcess>) -> anyhow::Result<Seen> {
    let gauge = play.stage.target.gauge();
    let (idle, begun) = (Look::now(gauge.as_ref()), Instant::now());
    let mut cast = Cast::call(play);
    let joined = cast.everybody_joins(play).await;
    let joining = begun.elapsed();
    let before = Look::now(gauge.as_ref());
    let editing = cast.edit(play);
    let (storm, reconnect) = match (play.load.fault(), server) {
        (Some(fault), Some(server)) => {
            let (edited, back) = join!(editing, comeback::kill_and_wait(fault, server, play.stage, joined));
            (edited?, Some(back?))
        }
        _ => (editing.await?, None),
    };
    let (joined, joining) = storm.map_or((joined, joining), |storm| (joined + storm.joined, storm.took));
    let after = Look::now(gauge.as_ref());
    cast.drain(play).await;
    let mut part = cast.check(play, joined).await?;
    part.cpu = after.own_since(before);
    let looks = Looks { idle, before, after, last: Look::now(gauge.as_ref()) };
    let series = play.stage.book.recorder().timeline();
    Ok(Seen { part, joining, looks, series, reconnect })
}

/// What a run showed.
pub struct Seen {
    /// What all who played did and saw.
    pub part: Part,
    /// How long it took until the last user was in.
    pub joining: Duration,
    /// What was used.
    pub looks: Looks,
    /// What each second was like.
    pub series: Timeline,
    /// How all came back.
    pub reconnect: Option<Reconnect>,
}

/// What was used until four moments.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// Before the first user came.
    pub idle: Look,
    /// When the editing began.
    pub before: Look,
    /// When it ended.
    pub after: Look,
    /// When all was done.
    pub last: Look,
}

impl Seen {
    fn report(self, options: &Options, target: &Target, machine: Machine) -> (Report, Latencies) {
        let Self { part, joining, looks, series, reconnect } = self;
        let load = &options.load;
        let of = |kind| part.latencies.of(kind).summary();
        let report = Report {
            clients: load.clients(),
            rooms: load.rooms(),
            joined: part.joined,
            joining_s: joining.as_secs_f64(),
            transport: load.transport,
            duration_s: load.duration().as_secs_f64(),
            rate: load.mean_rate(),
            asked: Asked::of(options),
            asides: part.asides,
            saturation: None,
            sent: part.totals.sent,
            delivered: part.totals.delivered,
            lost: part.totals.lost(),
            duplicated: part.totals.duplicated + part.totals.foreign,
            unsaved: (!target.network().is_yjs()).then(|| part.totals.unsaved()),
            pings_lost: part.pings_lost,
            converged: part.converged,
            join: of(Kind::Join),
            ping: of(Kind::Ping),
            edit: of(Kind::Edit),
            saved: of(Kind::Saved),
            generator: Generator::judged(part.cpu.as_secs_f64(), &part.latencies, load.lag_limit),
            errors: part.errors,
            disk_sync: None,
            // What a server that was killed had used is not to be had.
            server: looks.server().filter(|_| reconnect.is_none()),
            reconnect,
            seed: load.seed,
            machine,
            versions: Versions::new(target.info()),
            command: command(),
            series,
        };
        (report, part.latencies)
    }
}

impl Look {
    /// What was used until now.
    pub fn now(server: Option<&Gauge>) -> Self {
        Self { server: server.and_then(Gauge::usage), own: Usage::own() }
    }

    /// The processor time of this process since an earlier look.
    pub fn own_since(self, before: Self) -> Duration {
        self.own.unwrap_or_default().cpu.saturating_sub(before.own.unwrap_or_default().cpu)
    }
}

impl Looks {
    fn server(self) -> Option<Server> {
        let (before, after, last) = (self.before.server?, self.after.server?, self.last.server?);
        Some(Server {
            cpu_s: after.cpu.saturating_sub(before.cpu).as_secs_f64(),
            idle_rss_bytes: self.idle.server.map(|usage| usage.rss_bytes),
            rss_bytes: after.rss_bytes,
            peak_rss_bytes: last.peak_rss_bytes,
            total_cpu_s: last.cpu.as_secs_f64(),
        })
    }
}
