//! This program, started once more for one load: every run has a fresh process, as every server has.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::group::{Group, bound};

/// How long a run may take besides the time in which users edit: joining, waiting for the last delivery, comparing.
const ASIDE: Duration = Duration::from_secs(180);

/// The results, in JSON, of this program with these arguments. `place` puts the command where it is to run.
///
/// # Errors
///
/// It gave no results. Results of which something does not hold, as lost edits, are results.
pub async fn run<R: DeserializeOwned>(
    arguments: &[String],
    duration: Duration,
    place: impl Fn(Command) -> Command,
) -> anyhow::Result<R> {
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut command = bound(&program.to_string_lossy());
    command.args(arguments).args(["--json", "-", "--duration", &format!("{}ms", duration.as_millis())]);
    let mut group = Group::default();
    // The table for people would be one of many.
    let child = group.spawn(place(command).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (results, said) = (read(child.stdout.take())?, read(child.stderr.take())?);
    let Ok(results) = timeout(duration + ASIDE, results).await else {
        bail!("a run did not end within {} s", (duration + ASIDE).as_secs());
    };
    let results = results.context("a run's output could not be read")?;
    if results.is_empty() {
        bail!("a run gave no results: {}", reason(&said.await.unwrap_or_default(), child));
    }
    serde_json::from_str(&results).context("a run's results are not understood")
}

/// All that comes out of a pipe, read on a thread of its own.
fn read(pipe: Option<impl Read + Send + 'static>) -> anyhow::Result<oneshot::Receiver<String>> {
    let mut pipe = pipe.context("a run has no output")?;
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name("run output".to_owned()).spawn(move || {
        let mut text = String::new();
        if pipe.read_to_string(&mut text).is_ok() {
            let _ = tell.send(text);
        }
    })?;
    Ok(told)
}

fn reason(said: &str, child: &mut Child) -> String {
    let error = said.lines().rev().find(|line| line.starts_with("error:")).or(said.lines().last());
    match (error, child.wait()) {
        (Some(line), _) => line.trim_start_matches("error:").trim().to_owned(),
        (None, Ok(status)) => status.to_string(),
        (None, Err(error)) => error.to_string(),
    }
}
