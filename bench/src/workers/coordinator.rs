//! Who has the workers play together, and adds what they tell.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{interval, timeout};

use super::channel::{Channel, Sender};
use super::secret::{Secret, VARIABLE};
use super::{Assignment, Deal, LISTENS, News, Order, Part, Step, Word, Workers, sum};
use crate::ledger::Totals;
use crate::options::load::Load;
use crate::program_output::{Output, end_of_log, open_log};
use crate::progress::Progress;
use crate::run::{Look, Looks, Seen};
use crate::series::recorder::Recorder;
use crate::server_process::Gauge;

/// How long a worker on this machine may take until it listens, and one elsewhere until it is reached.
const START: Duration = Duration::from_secs(10);

/// Between two looks at the server and at how it goes.
const LOOK: Duration = Duration::from_millis(200);

/// As many words of all workers as wait.
const WAITING: usize = 64;

/// The workers, reached and proved.
pub struct Crew {
    senders: Vec<Sender>,
    words: mpsc::Receiver<(usize, anyhow::Result<Word>)>,
    listening: Vec<JoinHandle<()>>,
    /// Those that were started here.
    _children: Vec<LocalWorker>,
}

/// A worker on this machine. Dropped, it is killed.
struct LocalWorker {
    child: Child,
    address: String,
    _folder: TempDir,
}

/// How it goes.
struct Standing<'a> {
    recorder: Recorder,
    progress: &'a Progress,
    load: &'a Load,
    server: Option<Gauge>,
    totals: Vec<Totals>,
    errors: Vec<BTreeMap<String, u64>>,
    /// At which step each waits.
    at: Vec<Option<Step>>,
    parts: Vec<Option<Part>>,
    looks: Looks,
    joining: Duration,
    /// The second in which the server was looked at last.
    looked: Option<u64>,
}

impl Crew {
    /// Has them play an assignment together.
    ///
    /// # Errors
    /// A worker is of another version, or fails, or is gone; then the run has failed.
    pub async fn play(
        mut self,
        assignment: Assignment,
        server: Option<Gauge>,
        progress: &Progress,
    ) -> anyhow::Result<Seen> {
        let load = assignment.load.clone();
        self.assign(assignment).await?;
        let mut standing = Standing::new(self.senders.len(), &load, server, progress)?;
        let mut looks = interval(LOOK);
        while standing.parts.iter().any(Option::is_none) {
            select! {
                word = self.words.recv() => {
                    let (worker, word) = word.context("all workers are gone")?;
                    let word = word.with_context(|| format!("worker {}", worker + 1))?;
                    if let Some(step) = standing.note(worker, word)? {
                        self.go(step).await?;
                    }
                }
                _ = looks.tick() => standing.look(),
            }
        }
        standing.seen()
    }

    /// Starts or reaches the workers, and has each prove that it knows the secret.
    ///
    /// # Errors
    /// One cannot be started or reached, or has another secret.
    pub async fn call(workers: &Workers, secret_file: Option<&Path>) -> anyhow::Result<Self> {
        let (secret, children, addresses) = match workers {
            Workers::Local(count) => {
                let text = format!("{:032x}", rand::random::<u128>());
                let mut children = Vec::new();
                for _ in 0..*count {
                    children.push(LocalWorker::start(&text).await?);
                }
                let addresses = children.iter().map(|child| child.address.clone()).collect();
                (Secret::new(&text)?, children, addresses)
            }
            Workers::Elsewhere(addresses) => (Secret::read(secret_file)?, Vec::new(), addresses.clone()),
        };
        let (tell, words) = mpsc::channel(WAITING);
        let mut crew = Self { senders: Vec::new(), words, listening: Vec::new(), _children: children };
        for (number, address) in addresses.iter().enumerate() {
            let channel = reach(address, &secret).await.with_context(|| format!("the worker at {address}"))?;
            crew.senders.push(channel.sender());
            crew.listening.push(spawn_local(listen(number, channel, tell.clone())));
        }
        Ok(crew)
    }

    async fn assign(&self, assignment: Assignment) -> anyhow::Result<()> {
        let of = self.senders.len();
        for (number, sender) in self.senders.iter().enumerate() {
            let assignment = Assignment { deal: Deal { number, of }, ..assignment.clone() };
            sender.send(&Order::Play(Box::new(assignment))).await?;
        }
        Ok(())
    }

    async fn go(&self, step: Step) -> anyhow::Result<()> {
        for sender in &self.senders {
            sender.send(&Order::Go(step)).await?;
        }
        Ok(())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.listening.iter().for_each(JoinHandle::abort);
    }
}

async fn reach(address: &str, secret: &Secret) -> anyhow::Result<Channel<Word>> {
    let stream = timeout(START, TcpStream::connect(address)).await.context("it does not answer")??;
    Channel::to_worker(stream, secret).await
}

/// Passes on what a worker says, with its number, until it is gone.
async fn listen(number: usize, mut channel: Channel<Word>, tell: mpsc::Sender<(usize, anyhow::Result<Word>)>) {
    loop {
        let word = match channel.receive().await {
            Ok(Some(word)) => Ok(word),
            Ok(None) => Err(anyhow::anyhow!("it is gone")),
            Err(error) => Err(error),
        };
        let is_end = word.is_err();
        if tell.send((number, word)).await.is_err() || is_end {
            return;
        }
    }
}

impl LocalWorker {
    async fn start(secret: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program lies")?;
        let folder = tempfile::Builder::new().prefix("collab-bench-worker-").tempdir()?;
        let log = folder.path().join("worker.log");
        let mut command = Command::new(program);
        command.args(["worker", "--once", "--listen", "127.0.0.1:0"]).env(VARIABLE, secret);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(open_log(&log)?);
        let child = command.spawn().context("cannot start a worker")?;
        let mut worker = Self { child, address: String::new(), _folder: folder };
        let stdout = worker.child.stdout.take().context("the worker has no standard output")?;
        let output = Output::follow(stdout, open_log(&log)?, |line| line.strip_prefix(LISTENS))?;
        match timeout(START, output.found).await {
            Ok(Ok(address)) => worker.address = address,
            _ => bail!("a worker did not start\n{}", end_of_log(&log)),
        }
        Ok(worker)
    }
}

impl Drop for LocalWorker {
    fn drop(&mut self) {
        // One that has ended already is no failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Standing<'a> {
    fn new(workers: usize, load: &'a Load, server: Option<Gauge>, progress: &'a Progress) -> anyhow::Result<Self> {
        let look = Look::now(server.as_ref());
        Ok(Self {
            recorder: Recorder::new(Instant::now())?,
            progress,
            load,
            server,
            totals: vec![Totals::default(); workers],
            errors: vec![BTreeMap::new(); workers],
            at: vec![None; workers],
            parts: vec![None; workers],
            joining: Duration::ZERO,
            looks: Looks { idle: look, before: look, after: look, last: look },
            looked: None,
        })
    }

    /// Notes what a worker said. When with this all are at a step, says at which.
    fn note(&mut self, worker: usize, word: Word) -> anyhow::Result<Option<Step>> {
        match word {
            Word::News(news) => self.add(worker, *news),
            Word::Done(part) => self.parts[worker] = Some(*part),
            Word::Failed(why) => bail!("worker {}: {why}", worker + 1),
            Word::At(step) => {
                self.at[worker] = Some(step);
                if self.at.iter().all(|at| *at == Some(step)) {
                    self.at.fill(None);
                    self.begin(step)?;
                    return Ok(Some(step));
                }
            }
        }
        Ok(None)
    }

    fn add(&mut self, worker: usize, news: News) {
        for (second, row) in news.seconds {
            self.recorder.add(second, row);
        }
        self.totals[worker] = news.totals;
        self.errors[worker] = news.errors;
    }

    fn begin(&mut self, step: Step) -> anyhow::Result<()> {
        let (now, look) = (Instant::now(), Look::now(self.server.as_ref()));
        match step {
            Step::Joining => {
                self.recorder = Recorder::new(now)?;
                self.looked = None;
                self.progress.phase("joining", u64::from(self.load.clients));
            }
            Step::Editing => {
                self.joining = now.saturating_duration_since(self.recorder.start());
                self.looks.before = look;
                self.progress.timed_phase("editing", self.load.duration());
            }
            Step::Draining => {
                self.looks.after = look;
                self.progress.phase("draining", 0);
            }
            Step::Checking => self.progress.phase("checking", 0),
        }
        self.recorder.stage(step.name(), now);
        Ok(())
    }

    fn look(&mut self) {
        let now = Instant::now();
        self.recorder.tick(now);
        let second = Some(self.recorder.second());
        if std::mem::replace(&mut self.looked, second) != second
            && let Some(usage) = self.server.as_ref().and_then(Gauge::usage)
        {
            self.recorder.server(usage, now);
        }
        let totals: Totals = self.totals.iter().copied().sum();
        let mut errors = BTreeMap::new();
        for (error, count) in self.errors.iter().flatten() {
            *errors.entry(error.clone()).or_default() += count;
        }
        self.progress.look(&self.recorder, totals, errors);
    }

    fn seen(mut self) -> anyhow::Result<Seen> {
        self.recorder.end();
        self.looks.last = Look::now(self.server.as_ref());
        let part = sum(self.parts.into_iter().flatten())?;
        Ok(Seen { part, joining: self.joining, looks: self.looks, series: self.recorder.timeline(), reconnect: None })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::CommandLine;

    #[test]
    fn nobody_goes_before_all_are_there() {
        let line = CommandLine::parse_from(["collab-bench"]);
        let progress = Progress::new(true, String::new());
        let mut standing = Standing::new(2, &line.options().load, None, &progress).unwrap();
        for step in [Step::Joining, Step::Editing, Step::Draining, Step::Checking] {
            assert_eq!(standing.note(1, Word::At(step)).unwrap(), None);
            assert_eq!(standing.note(1, Word::News(Box::default())).unwrap(), None);
            assert_eq!(standing.note(0, Word::At(step)).unwrap(), Some(step));
        }
        assert_eq!(standing.note(0, Word::At(Step::Joining)).unwrap(), None);
        assert_eq!(standing.note(1, Word::At(Step::Editing)).unwrap(), None, "they are not at one step");
        assert!(standing.note(0, Word::Failed("of this".to_owned())).is_err());
    }
}
