//! A server of our own: the built binary, on loopback, with a temporary data directory.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::machine::Usage;
use crate::options::parse::Settings;
use crate::program_output::{Output, end_of_log, open_log};
use crate::workers::secret::VARIABLE;

const PROGRAM: &str = "collab-server";

/// How long it may take until it says where it listens.
const START: Duration = Duration::from_secs(30);

/// How long it may take from SIGTERM to its end; it promises ten seconds.
const STOP: Duration = Duration::from_secs(15);

/// A running server. Dropped, it is killed and its data removed.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    pid: Rc<Cell<u32>>,
    program: PathBuf,
    settings: Settings,
    url: String,
    folder: TempDir,
    ended: oneshot::Receiver<()>,
}

/// Where a server listens, on loopback. 0 is any free port.
#[derive(Debug, Clone, Copy, Default)]
struct Ports {
    webtransport: u16,
    http: u16,
}

/// Tells what a server has used so far.
#[derive(Debug, Clone)]
pub enum Gauge {
    /// A server that this program started, by its process id; a restarted one has another.
    Process(Rc<Cell<u32>>),
    /// All processes of a process group.
    Group(u32),
}

impl ServerProcess {
    /// Starts it and waits until it says where it listens.
    pub async fn start(program: Option<&Path>, settings: Settings) -> anyhow::Result<Self> {
        let program = program.map_or_else(beside_this_program, |path| Ok(path.to_owned()))?;
        let folder = tempfile::Builder::new().prefix("collab-bench-").tempdir().context("no temporary directory")?;
        let child = spawn(&program, folder.path(), &settings, Ports::default())?;
        let (_, ended) = oneshot::channel();
        let pid = Rc::new(Cell::new(child.id()));
        let mut server = Self { child, pid, program, settings, url: String::new(), folder, ended };
        server.listens().await?;
        Ok(server)
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        // Nothing can be done about a failure, and one that has ended already is no failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again after [`kill`](Self::kill), on the same data and ports, and waits until it listens.
    pub async fn start_again(&mut self, webtransport: u16) -> anyhow::Result<()> {
        let http = self.url.rsplit(':').next().and_then(|port| port.parse().ok()).context("its address has no port")?;
        self.child = spawn(&self.program, self.folder.path(), &self.settings, Ports { webtransport, http })?;
        self.pid.set(self.child.id());
        self.listens().await
    }

    async fn listens(&mut self) -> anyhow::Result<()> {
        let stdout = self.child.stdout.take().context("the server has no standard output")?;
        let output = Output::follow(stdout, open_log(&log_path(self.folder.path()))?, find_url)?;
        self.ended = output.ended;
        match timeout(START, output.found).await {
            // It listens on IPv4 alone, so that nobody need try what else the name may mean.
            Ok(Ok(url)) => self.url = url.replace("//localhost:", "//127.0.0.1:"),
            Ok(Err(_)) => bail!("the server ended before it listened\n{}", self.log_end()),
            Err(_) => bail!("the server did not say where it listens\n{}", self.log_end()),
        }
        Ok(())
    }

    /// Where its pages and its API are.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its data lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Tells what it has used so far, whoever holds the server.
    pub fn gauge(&self) -> Gauge {
        Gauge::Process(self.pid.clone())
    }

    /// The end of its log, for when a run failed.
    pub fn log_end(&self) -> String {
        format!("the end of the server's log:\n{}", end_of_log(&log_path(self.folder.path())))
    }

    /// Asks it to stop and waits. An error when it does not, or fails while it does.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            kill_process(pid, Signal::TERM).context("cannot ask the server to stop")?;
        }
        if timeout(STOP, &mut self.ended).await.is_err() {
            bail!("the server did not stop within {} s\n{}", STOP.as_secs(), self.log_end());
        }
        let status = self.child.wait().context("cannot wait for the server")?;
        self.judge(status)
    }

    fn judge(&self, status: ExitStatus) -> anyhow::Result<()> {
        if status.success() {
            return Ok(());
        }
        bail!("the server ended with {status}\n{}", self.log_end())
    }
}

impl Gauge {
    /// What it has used; none when it has ended.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Process(id) => Usage::of(id.get()),
            Self::Group(id) => Usage::of_group(*id),
        }
    }
}

fn spawn(program: &Path, folder: &Path, settings: &Settings, ports: Ports) -> anyhow::Result<Child> {
    let mut command = Command::new(program);
    command.arg("--data").arg(folder.join("data"));
    command.args(["--listen", &format!("127.0.0.1:{}", ports.webtransport)]);
    command.args(["--http", &format!("127.0.0.1:{}", ports.http)]);
    command.args(settings.arguments());
    // The server refuses settings that it does not know.
    command.env_remove(VARIABLE);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(open_log(&log_path(folder))?);
    command.spawn().with_context(|| format!("cannot start {}", program.display()))
}

/// The server that was built together with this program.
pub fn beside_this_program() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().context("cannot tell where this program lies")?;
    let path = here.with_file_name(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));
    if !path.is_file() {
        let advice = "build it with `cargo build --release -p collab-server`, or give --server PATH or --url URL";
        bail!("there is no {}; {advice}", path.display());
    }
    Ok(path)
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The first `http://…` address in a line.
fn find_url(line: &str) -> Option<&str> {
    let rest = &line[line.find("http://")?..];
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | ')')).unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_address_is_found_in_what_the_server_says() {
        assert_eq!(find_url("open http://localhost:3001/ in a browser"), Some("http://localhost:3001"));
        assert_eq!(find_url("Page: http://127.0.0.1:41234"), Some("http://127.0.0.1:41234"));
        assert_eq!(find_url("WebTransport: https://localhost:4433"), None);
    }

    fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    /// One test for both, because a program must not be written while another thread starts one.
    #[tokio::test]
    async fn a_server_is_watched_and_stopped_and_its_failure_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let fails = script(folder.path(), "fails", "echo the disk is on fire >&2; exit 1");
        let waits = "trap 'exit 3' TERM; echo page http://127.0.0.1:1/; while :; do sleep 0.01; done";
        let waits = script(folder.path(), "waits", waits);

        let error = ServerProcess::start(Some(&fails), Settings::default()).await.unwrap_err();
        assert!(error.to_string().contains("the disk is on fire"), "{error}");

        let server = ServerProcess::start(Some(&waits), Settings::default()).await.unwrap();
        assert_eq!(server.url(), "http://127.0.0.1:1");
        assert!(server.gauge().usage().unwrap().rss_bytes > 0);
        let error = server.stop().await.unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
    }
}
