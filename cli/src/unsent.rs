//! What the editor could not send yet, in the state directory: one file for each editor that is open or was left with unsaved
//! changes, under `unsent/SERVER/ROOM`.
//!
//! An editor holds a lock beside its file for as long as it runs, so that another one takes over only what was left. Files are
//! written whole under another name and then renamed: whoever reads one sees the newest whole state or the one before.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use collab_client::{Client, Document, Unsent};
use collab_proto::{ClientId, Generation};
use serde::{Deserialize, Serialize};

use crate::state;

/// The first of a file, so that another program's or version's is not taken for ours.
const MAGIC: &[u8] = b"collab unsent 1\n";

/// Larger files are none of ours: a document and its changes, several times.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Unsent work of one editor.
#[derive(Debug, Serialize, Deserialize)]
pub struct Work {
    generation: u64,
    /// When it was written down, in milliseconds since 1970.
    pub kept_at: u64,
    document: Vec<u8>,
    changes: Vec<Vec<u8>>,
}

impl Work {
    /// What a client has not saved; none when it is not known to which life of the text it belongs.
    ///
    /// # Errors
    /// The document is damaged.
    pub fn of(client: &Client, now_ms: u64) -> anyhow::Result<Option<Self>> {
        Self::beside(client, client.document(), now_ms)
    }

    /// The same with another replica of the text, which has every change of this side.
    ///
    /// # Errors
    /// The document is damaged.
    pub fn beside(client: &Client, document: &Document, now_ms: u64) -> anyhow::Result<Option<Self>> {
        let Some(generation) = client.generation() else { return Ok(None) };
        let changes = client.unsaved().iter().map(|change| change.to_vec()).collect();
        Ok(Some(Self { generation: generation.0, kept_at: now_ms, document: document.state()?, changes }))
    }

    /// The same with a change that comes now.
    #[must_use]
    pub fn and(mut self, change: &[u8]) -> Self {
        self.changes.push(change.to_vec());
        self
    }

    /// Writes it, so that a power cut leaves the whole of it or what was there before.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let draft = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(MAGIC)?;
        file.write_all(&postcard::to_stdvec(self)?)?;
        file.sync_data()?;
        fs::rename(&draft, path)?;
        sync_folder_of(path)
    }

    /// Reads what was written.
    ///
    /// # Errors
    /// It cannot be read, or is none of this version's.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || {
            anyhow::ensure!(fs::metadata(path)?.len() <= MAX_FILE_BYTES, "it is too large");
            let bytes = fs::read(path)?;
            let body = bytes.strip_prefix(MAGIC).context("it is not from this version of collab-cli")?;
            postcard::from_bytes(body).context("it is damaged")
        };
        read().with_context(|| format!("cannot read {}", path.display()))
    }
}

/// Several editors' work of one generation, for a client under another id; none when there is none.
///
/// # Errors
/// A file was damaged.
pub fn together(works: &[Work], id: ClientId) -> anyhow::Result<Option<Unsent>> {
    let Some(first) = works.first() else { return Ok(None) };
    let mut document = Document::new(id.0);
    for work in works {
        document.load(&work.document).context("what was kept on this device cannot be read")?;
    }
    let changes = works.iter().flat_map(|work| &work.changes).map(|change| Bytes::from(change.clone())).collect();
    Ok(Some(Unsent { document, generation: Generation(first.generation), changes }))
}

/// A file and the lock that makes it ours.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    _lock: File,
}

/// The files of one editor in one room.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    own: PathBuf,
    lock: Option<File>,
    taken: Vec<Held>,
}

impl Files {
    /// The files of an editor that starts now.
    pub fn new(folder: PathBuf) -> Self {
        let mark = getrandom::u32().unwrap_or_default();
        let own = folder.join(format!("{}-{mark:08x}.work", std::process::id()));
        Self { folder, own, lock: None, taken: Vec::new() }
    }

    /// Where this editor's unsent work is kept.
    pub fn path(&self) -> &Path {
        self.taken.first().filter(|_| !self.own.exists()).map_or(&self.own, |held| &held.path)
    }

    /// Takes over what earlier editors left, of several lives of the text the newest.
    ///
    /// # Errors
    /// The folder or a file in it cannot be read.
    pub fn take(&mut self) -> anyhow::Result<Vec<Work>> {
        let mut left = self.left_over()?;
        left.sort_by_key(|(_, work)| std::cmp::Reverse(work.kept_at));
        let newest = left.first().map(|(_, work)| work.generation);
        let (held, works) = left.into_iter().filter(|(_, work)| Some(work.generation) == newest).unzip();
        self.taken = held;
        Ok(works)
    }

    fn left_over(&self) -> anyhow::Result<Vec<(Held, Work)>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.folder.display())),
        };
        let mut left = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "work")
                && let Some(_lock) = lock(&path)?
                && path.exists()
            {
                let work = Work::read(&path)?;
                left.push((Held { path, _lock }, work));
            }
        }
        Ok(left)
    }

    /// Keeps this in the place of all that was taken over or kept before.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&mut self, work: &Work) -> anyhow::Result<()> {
        state::make_dir(&self.folder)?;
        if self.lock.is_none() {
            self.lock = lock(&self.own)?;
        }
        work.write(&self.own)?;
        self.forget_taken();
        Ok(())
    }

    /// Everything is saved or given up.
    pub fn clear(&mut self) {
        self.forget_taken();
        remove(&self.own);
        self.lock = None;
    }

    fn forget_taken(&mut self) {
        self.taken.drain(..).for_each(|held| remove(&held.path));
    }
}

/// Removes a file and its lock. One that stays is taken over by the next editor, which does no harm: the room knows it.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_file(path.with_extension("lock"));
}

/// Has the disk know what a folder holds: a rename outlives a power cut after that.
///
/// # Errors
/// The disk fails.
pub fn sync_folder_of(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    Ok(File::open(folder)?.sync_all()?)
}

/// The lock of a file; none while another program has it.
///
/// # Errors
/// It cannot be made.
pub fn lock(path: &Path) -> anyhow::Result<Option<File>> {
    let path = path.with_extension("lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = opened.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn work(generation: u64, kept_at: u64, text: &str) -> Work {
        let mut document = Document::new(kept_at);
        let change = document.splice(0, 0, text).unwrap();
        Work { generation, kept_at, document: document.state().unwrap(), changes: vec![change] }
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_an_editor_left_is_taken_over_once() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("room");
        let (mut first, mut second) = (Files::new(folder.clone()), Files::new(folder.clone()));
        assert!(first.take().unwrap().is_empty());
        first.keep(&work(1, 10, "older")).unwrap();
        first.keep(&work(1, 11, "kept")).unwrap();
        assert_eq!(fs::metadata(first.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(second.take().unwrap().is_empty(), "the first editor is still open");
        drop(first);
        let taken = second.take().unwrap();
        assert_eq!(taken.len(), 1);
        let unsent = together(&taken, ClientId(5)).unwrap().unwrap();
        assert_eq!((unsent.document.text().as_str(), unsent.changes.len()), ("kept", 1));
        let mut third = Files::new(folder.clone());
        assert!(third.take().unwrap().is_empty(), "the second editor has it");
        second.keep(&work(1, 12, "more")).unwrap();
        assert_eq!(count(&folder), 2, "one file and its lock");
        second.clear();
        assert!(third.take().unwrap().is_empty());
        assert_eq!(count(&folder), 0);
    }

    #[test]
    fn work_of_two_lives_of_a_text_is_never_mixed() {
        let dir = tempfile::tempdir().unwrap();
        let keep = |generation, at, text| Files::new(dir.path().to_owned()).keep(&work(generation, at, text)).unwrap();
        keep(1, 10, "old");
        keep(2, 20, "new");
        keep(2, 15, "also new");
        let mut files = Files::new(dir.path().to_owned());
        let taken = files.take().unwrap();
        assert_eq!(taken.iter().map(|work| work.kept_at).collect::<Vec<_>>(), [20, 15]);
        files.clear();
        assert_eq!(Files::new(dir.path().to_owned()).take().unwrap()[0].kept_at, 10);
    }

    #[test]
    fn a_file_that_is_not_ours_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x.work"), "something").unwrap();
        let error = format!("{:#}", Files::new(dir.path().to_owned()).take().unwrap_err());
        assert!(error.contains("x.work") && error.contains("version"), "{error}");
    }
}
