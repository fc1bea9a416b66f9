//! What file and room last had in common, on this device: the start of every comparison, also after a break.
//!
//! It stands in `synced/SERVER/ROOM/PATH` of the state directory, as the text's document with what of it is not saved. A local
//! change is written down here before it is sent, so that it is never taken for a new one. When the room's text goes into the
//! file, what the two will have in common stands under another name until the file's draft has taken its place: whether the
//! draft is still there tells after a crash which of the two holds.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::failure::Failure;
use crate::state::make_dir;
use crate::sync::file::LocalFile;
use crate::unsent::{Work, lock, sync_folder_of};

/// The records of one file and one room, which this program alone uses.
#[derive(Debug)]
pub struct Base {
    now: PathBuf,
    next: PathBuf,
    _lock: File,
}

impl Base {
    /// Takes the records in a folder.
    ///
    /// # Errors
    /// Another program has them; the folder cannot be used.
    pub fn open(folder: PathBuf, file: &LocalFile) -> anyhow::Result<Self> {
        make_dir(&folder)?;
        let now = folder.join("base.work");
        let Some(_lock) = lock(&now)? else {
            let what = format!("Another collab-cli keeps {} equal to this room already.", file.shown());
            return Err(Failure::new(what, "Leave it to that one, or end it first.").into());
        };
        Ok(Self { now, next: folder.join("next.work"), _lock })
    }

    /// What the two had in common when the last run ended, however it ended; none when they never met.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn recall(&self, file: &LocalFile) -> anyhow::Result<Option<Work>> {
        if file.has_draft() {
            self.revoke();
            file.discard_draft();
        } else if self.next.exists() {
            self.settle()?;
        }
        self.now.exists().then(|| Work::read(&self.now)).transpose()
    }

    /// What the two have in common now.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, work: &Work) -> anyhow::Result<()> {
        work.write(&self.now)
    }

    /// What they will have in common once the file's draft has taken its place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn announce(&self, work: &Work) -> anyhow::Result<()> {
        work.write(&self.next)
    }

    /// The draft is in its place.
    ///
    /// # Errors
    /// The record cannot be renamed.
    pub fn settle(&self) -> anyhow::Result<()> {
        fs::rename(&self.next, &self.now)?;
        sync_folder_of(&self.now)
    }

    /// The draft will not be used.
    pub fn revoke(&self) {
        // What stays is revoked at the next start, as long as the draft is there.
        let _ = fs::remove_file(&self.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collab_client::{Client, Config, Document};
    use collab_proto::{ClientId, Credential, Generation, RoomName};
    use std::time::Instant;

    fn work(text: &str) -> Work {
        let mut document = Document::new(7);
        document.set_text(text);
        let config = Config {
            room: RoomName::parse("demo").unwrap(),
            name: "Ada".to_owned(),
            credential: Credential::Password(String::new()),
            client_id: ClientId(7),
            seed: 1,
        };
        let client = Client::with_document(config, document, Some(Generation(1)), Instant::now());
        Work::of(&client, 0).unwrap().unwrap()
    }

    fn text(work: Option<Work>) -> Option<String> {
        let unsent = crate::unsent::together(&[work?], ClientId(1)).unwrap().unwrap();
        Some(unsent.document.text())
    }

    #[test]
    fn after_a_crash_the_draft_tells_which_record_holds() {
        let dir = tempfile::tempdir().unwrap();
        let file = LocalFile::at(&dir.path().join("notes.txt")).unwrap();
        let base = Base::open(dir.path().join("state"), &file).unwrap();
        assert_eq!(text(base.recall(&file).unwrap()), None);
        base.keep(&work("old")).unwrap();

        file.draft("new").unwrap();
        assert_eq!(text(base.recall(&file).unwrap()).as_deref(), Some("old"), "a crash before the announcement");
        file.draft("new").unwrap();
        base.announce(&work("new")).unwrap();
        assert_eq!(text(base.recall(&file).unwrap()).as_deref(), Some("old"), "a crash before the renaming");
        assert!(!file.has_draft());
        file.draft("new").unwrap();
        base.announce(&work("new")).unwrap();
        file.publish().unwrap();
        assert_eq!(text(base.recall(&file).unwrap()).as_deref(), Some("new"), "a crash after the renaming");
        assert_eq!(text(base.recall(&file).unwrap()).as_deref(), Some("new"));
    }

    #[test]
    fn one_program_keeps_a_file_and_a_room_equal() {
        let dir = tempfile::tempdir().unwrap();
        let file = LocalFile::at(&dir.path().join("notes.txt")).unwrap();
        let first = Base::open(dir.path().join("state"), &file).unwrap();
        let error = Base::open(dir.path().join("state"), &file).unwrap_err();
        assert!(error.to_string().contains("Another collab-cli keeps"), "{error}");
        drop(first);
        Base::open(dir.path().join("state"), &file).unwrap();
    }
}
