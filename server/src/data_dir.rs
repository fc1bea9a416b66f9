//! The folder in which everything lasts: the store, the certificate, the keys and the admin token. One server at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use collab_certs::private_file;
use subtle::ConstantTimeEq;

/// The file that is locked.
pub const LOCK: &str = "lock";

/// The folder, locked against other servers until this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Secrets that must stay the same over restarts. Each is drawn at random on first start.
#[derive(Clone)]
pub struct Keys {
    /// Signs resume and owner tokens, see [`crate::auth::tokens`]. An embedding application may sign with it as well.
    pub tokens: [u8; 32],
    /// Lets clients of the process before notice at once that it is gone (QUIC stateless reset).
    pub stateless_reset: [u8; 64],
    /// Makes QUIC connection ids that this server recognises after a restart.
    pub connection_ids: u64,
}

/// The right to see and rule everything over HTTP.
#[derive(Clone)]
pub struct AdminToken(String);

impl AdminToken {
    /// Whether this is the token. Takes the same time wherever a wrong one differs.
    pub fn matches(&self, candidate: &str) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_bytes()).into()
    }

    /// The token, for whoever reads it from the folder.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The folder or a file in it cannot be made, read or written.
    #[error("the data folder: cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another server uses it.
    #[error("another collab-server uses {} (process {process})", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other's process id, as it wrote it.
        process: String,
    },
    /// A secret was cut off or changed by hand. It is never replaced silently: tokens or clients depend on it.
    #[error("{} is damaged: it must hold {expected} hexadecimal digits; bring it back from a copy, or remove it \
             and the server makes a new one", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How many digits there should be.
        expected: usize,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

impl DataDir {
    /// The name of the store's file.
    pub const STORE: &'static str = "collab.redb";

    /// Makes the folder (mode 0700) unless it exists, and locks it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| failed("make", path, source))?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// The folder; the certificate lives directly in it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.path.join(Self::STORE)
    }

    /// The admin token's file.
    pub fn admin_token_path(&self) -> PathBuf {
        self.path.join("admin-token")
    }

    /// The admin token, made on first start: 32 random bytes in hexadecimal.
    pub fn admin_token(&self) -> Result<AdminToken, DataDirError> {
        Ok(AdminToken(hex::encode(self.secret::<32>("admin-token")?)))
    }

    /// The keys, made on first start.
    pub fn keys(&self) -> Result<Keys, DataDirError> {
        Ok(Keys {
            tokens: self.secret("token-key")?,
            stateless_reset: self.secret("stateless-reset-key")?,
            connection_ids: u64::from_be_bytes(self.secret("connection-id-key")?),
        })
    }

    /// Reads a secret of `N` bytes, or draws one and keeps it (mode 0600).
    fn secret<const N: usize>(&self, name: &str) -> Result<[u8; N], DataDirError> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => parse(&text).ok_or(DataDirError::Damaged { path, expected: 2 * N }),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(DataDirError::Damaged { path, expected: 2 * N })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => draw(&path),
            Err(error) => Err(failed("read", &path, error)),
        }
    }
}

fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text.trim_end(), &mut bytes).ok()?;
    Some(bytes)
}

fn draw<const N: usize>(path: &Path) -> Result<[u8; N], DataDirError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(DataDirError::Random)?;
    let text = hex::encode(bytes) + "\n";
    private_file::write(path, text.as_bytes()).map_err(|source| failed("write", path, source))?;
    Ok(bytes)
}

/// Takes the lock, which the system gives back whenever and however this process ends, and leaves our process id for the
/// message that the next one prints.
fn lock(folder: &Path) -> Result<File, DataDirError> {
    let path = folder.join(LOCK);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = opened.map_err(|source| failed("open", &path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let _ = file.read_to_string(&mut process);
            return Err(DataDirError::InUse { path: folder.to_owned(), process: process.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock", &path, source)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(|e| failed("write", &path, e))?;
    Ok(file)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> DataDirError {
    DataDirError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn everything_in_a_new_folder_is_private_and_stays_the_same() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("some/where");
        let first = DataDir::open(&path).unwrap();
        let (token, keys) = (first.admin_token().unwrap(), first.keys().unwrap());
        assert_eq!(mode(&path), 0o700);
        for file in fs::read_dir(&path).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        drop(first);

        let again = DataDir::open(&path).unwrap();
        assert!(again.admin_token().unwrap().matches(token.as_str()));
        let kept = again.keys().unwrap();
        assert_eq!(kept.tokens, keys.tokens);
        assert_eq!(kept.stateless_reset, keys.stateless_reset);
        assert_eq!(kept.connection_ids, keys.connection_ids);
        assert_eq!(fs::read_to_string(again.admin_token_path()).unwrap().trim(), token.as_str());
    }

    #[test]
    fn two_folders_share_no_secret() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (DataDir::open(one.path()).unwrap(), DataDir::open(two.path()).unwrap());
        assert_ne!(one.keys().unwrap().tokens, two.keys().unwrap().tokens);
        assert_ne!(one.keys().unwrap().tokens, one.keys().unwrap().stateless_reset[..32]);
    }

    #[test]
    fn a_second_server_is_told_who_uses_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path()).unwrap();
        let message = DataDir::open(folder.path()).unwrap_err().to_string();
        let expected =
            format!("another collab-server uses {} (process {})", folder.path().display(), std::process::id());
        assert_eq!(message, expected);
        drop(first);
        assert!(DataDir::open(folder.path()).is_ok());
    }

    #[test]
    fn a_damaged_secret_is_an_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let path = data.admin_token_path();
        for damaged in [&b""[..], b"abcd\n", &[b'g'; 64], &[b'a'; 65], b"\xff\xfe"] {
            fs::write(&path, damaged).unwrap();
            let message = data.admin_token().err().expect("it is refused").to_string();
            assert!(message.contains("admin-token is damaged: it must hold 64 hexadecimal digits"), "{message}");
            assert_eq!(fs::read(&path).unwrap(), damaged);
        }
    }

    #[test]
    fn only_the_whole_token_matches() {
        let token = AdminToken("ab".repeat(32));
        assert!(token.matches(&"ab".repeat(32)));
        for wrong in ["", "ab", &"ab".repeat(33), &"AB".repeat(32), &("ab".repeat(31) + "ac")] {
            assert!(!token.matches(wrong));
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let message = DataDir::open(file.path()).unwrap_err().to_string();
        assert!(message.contains("cannot make"), "{message}");
    }
}
