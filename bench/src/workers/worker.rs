//! A worker: waits for a coordinator, plays what it is told, tells how it goes, and waits for the next.

use std::convert::Infallible;
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::channel::{Channel, Sender};
use super::secret::Secret;
use super::{Assignment, Barrier, News, Order, Part, Step, VERSION, Word};
use crate::book::Book;
use crate::cast::{Cast, Play};
use crate::progress::Progress;
use crate::rooms::text;
use crate::run::Look;
use crate::series::recorder::Recorder;
use crate::target::Target;
use crate::user::Stage;

/// Between two pieces of news.
const NEWS: Duration = Duration::from_millis(200);

/// How long a worker that was started for one run waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the user asked of a worker.
#[derive(Debug, Clone, Args)]
pub struct WorkerOptions {
    /// Where it waits; port 0 is any free one, which is printed.
    #[arg(long, default_value = "127.0.0.1:7000", value_name = "ADDRESS")]
    pub listen: String,

    /// A file with the secret that it shares with the coordinator [default: the variable COLLAB_BENCH_SECRET].
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<std::path::PathBuf>,

    /// Ends after one run, or after half a minute without one.
    #[arg(long)]
    pub once: bool,
}

/// Waits and plays until the program is ended.
///
/// # Errors
/// There is no secret, or it cannot listen.
pub fn run(options: &WorkerOptions) -> anyhow::Result<ExitCode> {
    let secret = Secret::read(options.secret_file.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        select! {
            ended = serve(options, &secret) => ended,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    })
}

async fn serve(options: &WorkerOptions, secret: &Secret) -> anyhow::Result<ExitCode> {
    let cannot = || format!("cannot listen at {}", options.listen);
    let listener = TcpListener::bind(&options.listen).await.with_context(cannot)?;
    println!("{}{}", super::LISTENS, listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (stream, from) = match options.once {
            true => timeout(PATIENCE, listener.accept()).await.context("no coordinator came")??,
            false => listener.accept().await?,
        };
        match answer(stream, secret).await {
            Ok(()) if options.once => return Ok(ExitCode::SUCCESS),
            Ok(()) => {}
            // A stranger is no reason to end, nor is a run that failed.
            Err(error) => eprintln!("{from}: {error:#}"),
        }
    }
}

/// One run, for one coordinator.
async fn answer(stream: TcpStream, secret: &Secret) -> anyhow::Result<()> {
    let mut channel: Channel<Order> = Channel::to_coordinator(stream, secret).await?;
    let words = channel.sender();
    let played = match channel.receive().await? {
        Some(Order::Play(assignment)) => {
            let (go, goes) = mpsc::channel(1);
            let barrier = Barrier { words: words.clone(), goes };
            select! {
                played = play(*assignment, barrier, &words) => played,
                heard = listen(&mut channel, go) => match heard? {},
            }
        }
        Some(Order::Go(_)) => bail!("the coordinator says go before it says what to play"),
        None => bail!("the coordinator has gone without a word"),
    };
    match played {
        Ok(part) => words.send(&Word::Done(Box::new(part))).await?,
        Err(error) => words.send(&Word::Failed(format!("{error:#}"))).await?,
    }
    // Who has heard everything hangs up.
    while channel.receive().await?.is_some() {}
    Ok(())
}

/// Passes on what the coordinator says while something is played; fails when it is gone.
async fn listen(channel: &mut Channel<Order>, go: mpsc::Sender<Step>) -> anyhow::Result<Infallible> {
    loop {
        match channel.receive().await? {
            Some(Order::Go(step)) => go.send(step).await.context("nobody waits for the coordinator")?,
            Some(Order::Play(_)) => bail!("the coordinator says what to play, and something is played already"),
            None => bail!("the coordinator is gone"),
        }
    }
}

async fn play(assignment: Assignment, mut barrier: Barrier, words: &Sender) -> anyhow::Result<Part> {
    let Assignment { version, place, load, rooms, deal } = assignment;
    ensure!(version == VERSION, "the coordinator is of version {version}, this worker of {VERSION}");
    ensure!(rooms.len() == load.rooms(), "there are {} rooms instead of {}", rooms.len(), load.rooms());
    let target = Rc::new(Target::find(&place, &load, deal, None).await?);
    let progress = Progress::new(true, String::new());
    let stage = |start| anyhow::Ok(Rc::new(Stage::new(&load, deal, target.clone(), Recorder::to_be_fetched(start)?)));
    let before = stage(Instant::now())?;
    text::prefill(Play { load: &load, rooms: &rooms, deal, stage: &before, progress: &progress }).await?;
    barrier.pass(Step::Joining).await?;
    let stage = stage(Instant::now())?;
    let play = Play { load: &load, rooms: &rooms, deal, stage: &stage, progress: &progress };
    let part = select! {
        part = act(play, &mut barrier) => part?,
        told = tell(&stage.book, words) => match told? {},
    };
    words.send(&Word::News(Box::new(news(&stage.book)))).await?;
    Ok(part)
}

async fn act(play: Play<'_>, barrier: &mut Barrier) -> anyhow::Result<Part> {
    let mut cast = Cast::call(play);
    let joined = cast.everybody_joins(play).await;
    barrier.pass(Step::Editing).await?;
    let before = Look::now(None);
    cast.edit(play).await?;
    let cpu = Look::now(None).own_since(before);
    barrier.pass(Step::Draining).await?;
    cast.drain(play).await;
    barrier.pass(Step::Checking).await?;
    let part = cast.check(play, joined).await?;
    Ok(Part { cpu, ..part })
}

/// Tells how it goes for as long as it is polled.
async fn tell(book: &Book, words: &Sender) -> anyhow::Result<Infallible> {
    let mut ticks = interval(NEWS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        book.recorder().tick(Instant::now());
        words.send(&Word::News(Box::new(news(book)))).await?;
    }
}

fn news(book: &Book) -> News {
    News { seconds: book.recorder().fetch(), totals: book.totals(), errors: book.errors() }
}
