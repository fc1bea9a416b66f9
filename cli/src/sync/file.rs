//! The file on this machine: read whole, and replaced whole, by a draft beside it that takes its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Zoned;

use crate::failure::Failure;
use crate::unsent::sync_folder_of;

/// Why the file cannot be exchanged as it is.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A folder, a device, a pipe.
    #[error("is not a file")]
    NotAFile,
    /// Other bytes than text.
    #[error("is not text in UTF-8")]
    NotText,
    /// More than any text of a room can have.
    #[error("has {bytes} bytes, and this server takes {most} at most")]
    TooLarge {
        /// How many it has.
        bytes: u64,
        /// How many it may have.
        most: u64,
    },
    /// No permission, or a failing disk.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// A file that is kept equal to a room.
#[derive(Debug)]
pub struct LocalFile {
    /// The file itself, not a link to it.
    path: PathBuf,
    /// As the user named it.
    shown: String,
}

impl LocalFile {
    /// The file of this name, which may be missing. Its folder may not.
    ///
    /// # Errors
    /// A [`Failure`].
    pub fn at(named: &Path) -> anyhow::Result<Self> {
        let shown = named.display().to_string();
        let whole = std::path::absolute(named).with_context(|| format!("cannot find {shown}"))?;
        let (Some(folder), Some(name)) = (whole.parent(), whole.file_name()) else {
            return Err(Failure::new(format!("{shown} {}.", Trouble::NotAFile), "Name a file.").into());
        };
        let path = match fs::canonicalize(&whole) {
            Err(error) if error.kind() == ErrorKind::NotFound => fs::canonicalize(folder)
                .with_context(|| Failure::new(format!("{shown} has no folder to be in."), "Make the folder first."))?
                .join(name),
            found => found.with_context(|| format!("cannot find {shown}"))?,
        };
        Ok(Self { path, shown })
    }

    /// The whole path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// As the user named it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// What it has now; none when it is missing.
    ///
    /// # Errors
    /// [`Trouble`]; more than `most` bytes are not read.
    pub fn read(&self, most: u64) -> Result<Option<String>, Trouble> {
        let found = match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        if !found.is_file() {
            return Err(Trouble::NotAFile);
        }
        let mut bytes = Vec::new();
        File::open(&self.path)?.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(Trouble::TooLarge { bytes: found.len(), most });
        }
        String::from_utf8(bytes).map(Some).map_err(|_| Trouble::NotText)
    }

    /// Writes what the file is to have beside it, with the file's permissions and, where that is allowed, its owner.
    ///
    /// # Errors
    /// It cannot be written; the file is as before.
    pub fn draft(&self, text: &str) -> anyhow::Result<()> {
        let failed = || format!("{} cannot be written; it is as before", self.shown);
        self.write_draft(text).inspect_err(|_| self.discard_draft()).with_context(failed)
    }

    fn write_draft(&self, text: &str) -> anyhow::Result<()> {
        // Made anew: whatever lies there under this name, a link perhaps, is not written through.
        self.discard_draft();
        let mut draft = OpenOptions::new().write(true).create_new(true).open(self.draft_path())?;
        if let Ok(now) = fs::metadata(&self.path) {
            draft.set_permissions(now.permissions())?;
            // Only root may give a file away; anybody else's draft is their own.
            let _ = fchown(&draft, Some(now.uid()), Some(now.gid()));
        }
        draft.write_all(text.as_bytes())?;
        draft.sync_data()?;
        sync_folder_of(&self.path)
    }

    /// Puts the draft in the file's place.
    ///
    /// # Errors
    /// It cannot be renamed; the file is as before.
    pub fn publish(&self) -> anyhow::Result<()> {
        let renamed = fs::rename(self.draft_path(), &self.path);
        renamed.with_context(|| format!("{} cannot be replaced", self.shown))?;
        sync_folder_of(&self.path)
    }

    /// Whether a draft lies there that never took the file's place.
    pub fn has_draft(&self) -> bool {
        self.draft_path().exists()
    }

    /// Removes the draft. There may be none.
    pub fn discard_draft(&self) {
        let _ = fs::remove_file(self.draft_path());
    }

    fn draft_path(&self) -> PathBuf {
        self.named_after(".", ".collab-new")
    }

    /// Keeps a text that the file does not have any more, or never had, in a file of its own beside it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_aside(&self, text: &str) -> anyhow::Result<PathBuf> {
        let time = Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        for count in 1.. {
            let again = if count == 1 { String::new() } else { format!("-{count}") };
            let path = self.named_after("", &format!(".kept-{time}{again}"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                opened => {
                    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()).and(file.sync_data()));
                    written.with_context(|| format!("cannot write {}", path.display()))?;
                    return Ok(path);
                }
            }
        }
        anyhow::bail!("cannot keep a copy beside {}", self.shown)
    }

    fn named_after(&self, front: &str, back: &str) -> PathBuf {
        let mut name = std::ffi::OsString::from(front);
        name.push(self.path.file_name().unwrap_or_default());
        name.push(back);
        self.path.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn file(folder: &Path) -> LocalFile {
        LocalFile::at(&folder.join("notes.txt")).unwrap()
    }

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(dir.path());
        assert_eq!(file.read(10).unwrap(), None);
        file.draft("new").unwrap();
        file.publish().unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        file.draft("newer").unwrap();
        assert_eq!((file.read(10).unwrap().as_deref(), file.has_draft()), (Some("new"), true));
        file.publish().unwrap();
        assert_eq!((file.read(10).unwrap().as_deref(), file.has_draft()), (Some("newer"), false));
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(dir.path()), 1);
    }

    #[test]
    fn what_cannot_be_exchanged_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(dir.path());
        fs::write(file.path(), "five!").unwrap();
        assert_eq!(file.read(5).unwrap().as_deref(), Some("five!"));
        assert!(matches!(file.read(4), Err(Trouble::TooLarge { bytes: 5, most: 4 })));
        fs::write(file.path(), b"\xff").unwrap();
        assert!(matches!(file.read(5), Err(Trouble::NotText)));
        assert!(matches!(LocalFile::at(dir.path()).unwrap().read(5), Err(Trouble::NotAFile)));
        assert!(LocalFile::at(Path::new("/")).unwrap_err().to_string().contains("not a file"));
        assert!(LocalFile::at(&dir.path().join("none/notes.txt")).unwrap_err().to_string().contains("no folder"));
    }

    #[test]
    fn a_draft_that_cannot_be_written_leaves_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(dir.path());
        fs::write(file.path(), "old").unwrap();
        fs::create_dir(dir.path().join(".notes.txt.collab-new")).unwrap();
        let error = file.draft("new").unwrap_err();
        assert!(error.to_string().contains("as before"), "{error:#}");
        assert_eq!(file.read(5).unwrap().as_deref(), Some("old"));
    }

    #[test]
    fn copies_of_one_second_have_names_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(dir.path());
        let kept: Vec<_> = ["one", "two", "three"].iter().map(|text| file.keep_aside(text).unwrap()).collect();
        let texts: Vec<_> = kept.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        assert_eq!((texts, names(dir.path())), (vec!["one".into(), "two".into(), "three".into()], 3));
    }

    #[test]
    fn a_link_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("real.txt"), "old").unwrap();
        symlink("real.txt", dir.path().join("notes.txt")).unwrap();
        let file = file(dir.path());
        file.draft("new").unwrap();
        file.publish().unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("real.txt")).unwrap(), "new");
        assert!(dir.path().join("notes.txt").is_symlink());
    }
}
