//! `collab-cli backup`: everything that a running server holds, in one file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use collab_client::api::BackupFailure;
use serde_json::json;

use crate::args::Global;
use crate::failure::Failure;
use crate::{connect, output};

/// How often the progress is shown.
const PROGRESS: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  collab-cli backup collab.backup
  collab-cli backup backups/$(date +%F).backup
  collab-server restore --data new-data collab.backup      afterwards, into an empty folder

The server goes on meanwhile; the backup holds what was saved when it began. The file appears when it is whole and checked. It
holds texts, the log and password hashes, so only you may read it. The admin token lies in the server's data directory.";

/// Where to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    /// The file, which must not exist
    file: PathBuf,
}

/// Takes the backup.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    let server = connect::as_admin(global)?;
    let shown = command.file.display();
    if command.file.try_exists().with_context(|| format!("cannot look for {shown}"))? {
        return Err(Failure::new(format!("{shown} exists already."), "Name another file, or remove it.").into());
    }
    let mut draft = Draft::beside(&command.file)?;
    let mut progress = Progress::new();
    let taken = server.api.backup(|piece| {
        progress.add(piece.len());
        draft.write(piece)
    });
    let taken = taken.await;
    progress.end();
    let bytes = match taken {
        Ok(bytes) => bytes,
        Err(BackupFailure::Api(failure)) => return server.answer(Err(failure), ""),
        Err(BackupFailure::Sink(error)) => return Err(error).with_context(|| format!("cannot write {shown}")),
        Err(BackupFailure::Cut) => {
            return Err(Failure::new("The backup ended too early; it was not kept.", "Run the command again.").into());
        }
    };
    server.tell_new_servers();
    draft.keep(&command.file).with_context(|| format!("cannot write {shown}"))?;
    if global.json {
        return output::print_json(&json!({ "file": command.file, "bytes": bytes }));
    }
    output::tell(&format!("{shown} is a whole backup of {}", megabytes(bytes)));
    Ok(())
}

/// The file under another name, until it is whole. Dropped, it is removed.
struct Draft {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Draft {
    fn beside(path: &Path) -> anyhow::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = PathBuf::from(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }

    /// Gives the file its name, once it is on the disk. One that somebody else made meanwhile stays.
    fn keep(mut self, path: &Path) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::hard_link(&self.path, path).or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => Err(error),
            // A file system without links.
            _ => fs::rename(&self.path, path),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may have got its name.
        let _ = fs::remove_file(&self.path);
    }
}

/// How much has come, on a terminal.
struct Progress {
    on_terminal: bool,
    bytes: u64,
    shown: Option<Instant>,
}

impl Progress {
    fn new() -> Self {
        Self { on_terminal: io::stderr().is_terminal(), bytes: 0, shown: None }
    }

    fn add(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if self.on_terminal && self.shown.is_none_or(|shown| shown.elapsed() >= PROGRESS) {
            self.shown = Some(Instant::now());
            // When nobody reads standard error, there is nobody to tell.
            let _ = write!(io::stderr(), "\r{} ", megabytes(self.bytes));
        }
    }

    fn end(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_gets_its_name_when_it_is_whole_and_never_anothers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        drop(Draft::beside(&path).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        let mut draft = Draft::beside(&path).unwrap();
        draft.write(b"whole").unwrap();
        draft.keep(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        let late = Draft::beside(&path).unwrap();
        assert_eq!(late.keep(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
