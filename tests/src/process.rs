//! A program that runs, what it has written so far, and how it ends.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::PATIENCE;

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: watch::Receiver<Output>,
}

/// What a program has written.
#[derive(Debug, Clone, Default)]
pub struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// How many of the two have ended.
    ended: u8,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Whether the program will write nothing more.
    pub fn is_over(&self) -> bool {
        self.ended == 2
    }
}

/// A program of this project, built beside the tests.
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("the test knows where it lies");
    let path = here.ancestors().nth(2).expect("it lies in target/<profile>/deps").join(name);
    let advice = "run `cargo build -p collab-server -p collab-cli` first (`make test` does)";
    assert!(path.is_file(), "there is no {}: {advice}", path.display());
    path
}

impl Process {
    /// Starts a program with these bytes as its standard input.
    pub fn start(mut command: Command, input: &[u8]) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let (sender, output) = watch::channel(Output::default());
        let (mut stdin, input) = (child.stdin.take().expect("piped"), input.to_owned());
        // A program that does not read its input has no use for it.
        thread::spawn(move || drop(stdin.write_all(&input)));
        copy(child.stdout.take().expect("piped"), sender.clone(), |output| &mut output.stdout);
        copy(child.stderr.take().expect("piped"), sender, |output| &mut output.stderr);
        Self { name, child, output }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn output(&self) -> Output {
        self.output.borrow().clone()
    }

    /// Waits until its output is as wanted.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Output) -> bool) -> Output {
        let found = timeout(PATIENCE, self.output.wait_for(|output| wanted(output) || output.is_over())).await.is_ok();
        let output = self.output();
        assert!(found && wanted(&output), "{} should {what}:\n{}\n{}", self.name, output.stdout(), output.stderr());
        output
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process has an id");
        kill_process(pid, signal).expect("the process is ours");
    }

    /// Waits until it ends.
    pub async fn ended(mut self) -> Ended {
        let output = self.until("end", Output::is_over).await;
        Ended { code: self.exit_code(), stdout: output.stdout(), stderr: output.stderr() }
    }

    /// The exit code of a program that has ended; none when a signal ended it.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("it is our child").code()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        // One that has ended already is as dead.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn copy(mut from: impl Read + Send + 'static, to: watch::Sender<Output>, part: fn(&mut Output) -> &mut Vec<u8>) {
    thread::spawn(move || {
        let mut piece = [0; 8192];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            to.send_modify(|output| part(output).extend_from_slice(&piece[..read]));
        }
        to.send_modify(|output| output.ended += 1);
    });
}
