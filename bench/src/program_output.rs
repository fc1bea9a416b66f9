//! What a program says on its standard output: kept in a file, and searched for the line that says that it is ready.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::ChildStdout;
use std::thread;

use anyhow::Context;
use tokio::sync::oneshot;

/// How much of the end of a log is shown when a program fails, in lines.
const SHOWN_LINES: usize = 20;

/// Finds in a line what somebody waits for.
pub type Find = fn(&str) -> Option<&str>;

/// What the thread that reads a program's output tells.
#[derive(Debug)]
pub struct Output {
    /// What was found first. Fails when the program ended without it.
    pub found: oneshot::Receiver<String>,
    /// Fulfilled when the program has closed its output, as at its end.
    pub ended: oneshot::Receiver<()>,
}

impl Output {
    /// Reads on from a thread of its own, for as long as there is something: a full pipe would stop the program.
    pub fn follow(stdout: ChildStdout, log: File, find: Find) -> std::io::Result<Self> {
        let ((tell, found), (ending, ended)) = (oneshot::channel(), oneshot::channel());
        thread::Builder::new().name("program output".to_owned()).spawn(move || {
            copy(stdout, log, find, tell);
            let _ = ending.send(());
        })?;
        Ok(Self { found, ended })
    }
}

fn copy(stdout: ChildStdout, mut log: File, find: Find, tell: oneshot::Sender<String>) {
    let mut tell = Some(tell);
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // The log is an aid; a run whose log cannot be written is measured all the same.
        let _ = writeln!(log, "{line}");
        if let Some(found) = find(&line)
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(found.to_owned());
        }
    }
}

/// Opens a log for more lines.
pub fn open_log(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new().create(true).append(true).open(path).with_context(|| format!("cannot write {}", path.display()))
}

/// The last lines of a log, for when a program failed.
pub fn end_of_log(path: &Path) -> String {
    let log = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}
