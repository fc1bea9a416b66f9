//! The servers that were met before: one line each, `host:port sha256:…`, in a file of the user's.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::trust::Fingerprint;

/// A file of known servers. A server that is not in it is believed and written down; one that comes with another key is
/// refused. Clones share what is new.
#[derive(Debug, Clone)]
pub struct KnownServers {
    path: PathBuf,
    news: Arc<Mutex<Vec<NewServer>>>,
}

/// A server that was met for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewServer {
    /// Its `host:port`.
    pub authority: String,
    /// The fingerprint under which it is known from now on.
    pub fingerprint: Fingerprint,
}

/// Why a server is not believed.
#[derive(Debug, thiserror::Error)]
pub enum KnownServersError {
    /// It has another key than before.
    #[error(
        "the key of {authority} changed: it is {found} now, and {known} in {path} line {line}. Somebody may be in between. \
         If the server was set up anew, delete that line and try again"
    )]
    Changed {
        /// Its `host:port`.
        authority: String,
        /// What it shows.
        found: Fingerprint,
        /// What it showed before.
        known: Fingerprint,
        /// The file of known servers.
        path: String,
        /// The line in it, from 1.
        line: usize,
    },
    /// A line cannot be understood, so that nothing can be said of the server that it names.
    #[error("{path} line {line} is not `host:port sha256:…`; correct or delete it")]
    Unreadable {
        /// The file of known servers.
        path: String,
        /// The line in it, from 1.
        line: usize,
    },
    /// The file cannot be used.
    #[error("cannot use {path}: {error}")]
    File {
        /// The file of known servers.
        path: String,
        /// Why.
        error: io::Error,
    },
}

/// Longest file that is read, in bytes; some ten thousand servers.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

impl KnownServers {
    /// The servers in this file. It need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), news: Arc::default() }
    }

    /// The servers in `$XDG_CONFIG_HOME/collab/known_servers` or `~/.config/collab/known_servers`; none without a home.
    pub fn of_user() -> Option<Self> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
        Some(Self::at(config.join("collab").join("known_servers")))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The servers that were met for the first time since the last call.
    pub fn take_news(&self) -> Vec<NewServer> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Believes a server that shows the key it is known by, or that is not known yet.
    pub(crate) fn check(&self, authority: &str, found: Fingerprint) -> Result<(), KnownServersError> {
        let mut file = self.open().map_err(|error| self.failed(error))?;
        // Two programs that meet a server at once must not both write it down.
        file.lock().map_err(|error| self.failed(error))?;
        let mut text = String::new();
        Read::by_ref(&mut file).take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|error| self.failed(error))?;
        match self.find(&text, authority)? {
            Some((_, known)) if known == found => Ok(()),
            Some((line, known)) => {
                let authority = authority.to_owned();
                Err(KnownServersError::Changed { authority, found, known, path: self.shown(), line })
            }
            None => self.remember(file, &text, authority, found).map_err(|error| self.failed(error)),
        }
    }

    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)
    }

    fn find(&self, text: &str, authority: &str) -> Result<Option<(usize, Fingerprint)>, KnownServersError> {
        let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
        for (line, content) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let unreadable = || KnownServersError::Unreadable { path: self.shown(), line };
            let (name, print) = content.split_once(char::is_whitespace).ok_or_else(unreadable)?;
            if name == authority {
                return Ok(Some((line, print.trim().parse().map_err(|_| unreadable())?)));
            }
        }
        Ok(None)
    }

    /// One write of one line at the end: a program that is killed leaves the other lines whole.
    fn remember(&self, mut file: File, text: &str, authority: &str, fingerprint: Fingerprint) -> io::Result<()> {
        if text.len() as u64 >= MAX_FILE_BYTES {
            return Err(io::Error::other("it is full"));
        }
        let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        file.write_all(format!("{separator}{authority} {fingerprint}\n").as_bytes())?;
        let new = NewServer { authority: authority.to_owned(), fingerprint };
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(new);
        Ok(())
    }

    fn failed(&self, error: io::Error) -> KnownServersError {
        KnownServersError::File { path: self.shown(), error }
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const ONE: Fingerprint = Fingerprint([1; 32]);
    const TWO: Fingerprint = Fingerprint([2; 32]);

    fn servers() -> (tempfile::TempDir, KnownServers) {
        let folder = tempfile::tempdir().unwrap();
        let servers = KnownServers::at(folder.path().join("new").join("known_servers"));
        (folder, servers)
    }

    #[test]
    fn the_first_key_is_kept_and_another_is_refused_by_file_and_line() {
        let (_folder, servers) = servers();
        servers.check("other:1", TWO).unwrap();
        servers.check("host:4433", ONE).unwrap();
        servers.check("host:4433", ONE).unwrap();
        let news: Vec<_> = servers.take_news().into_iter().map(|new| new.authority).collect();
        assert_eq!(news, ["other:1", "host:4433"]);
        assert_eq!(servers.take_news(), []);
        let error = servers.check("host:4433", TWO).unwrap_err().to_string();
        assert!(error.contains("known_servers line 2") && error.contains(&TWO.to_string()), "{error}");
        servers.check("host:4434", TWO).unwrap();
    }

    #[test]
    fn only_the_user_may_read_the_file() {
        let (_folder, servers) = servers();
        servers.check("host:1", ONE).unwrap();
        assert_eq!(std::fs::metadata(servers.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_a_person_wrote_is_respected() {
        let (_folder, servers) = servers();
        servers.check("a:1", ONE).unwrap();
        std::fs::write(servers.path(), format!("# mine\n\n  b:1   {TWO}")).unwrap();
        servers.check("b:1", TWO).unwrap();
        servers.check("c:1", ONE).unwrap();
        assert_eq!(std::fs::read_to_string(servers.path()).unwrap().lines().count(), 4);
        std::fs::write(servers.path(), "b:1 nonsense\n").unwrap();
        assert!(matches!(servers.check("b:1", TWO), Err(KnownServersError::Unreadable { line: 1, .. })));
        std::fs::write(servers.path(), "nonsense\n").unwrap();
        assert!(matches!(servers.check("b:1", TWO), Err(KnownServersError::Unreadable { line: 1, .. })));
    }
}
