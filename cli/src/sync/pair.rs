//! A file and a room, and how they become equal: what changed in the file since both had the same is merged into the room's text,
//! as if it had been written there, and the merged text goes into the file.

mod room;

use anyhow::Context;
use collab_client::driver::Driver;
use collab_client::{Client, Document, SaveState};
use collab_proto::Role;
use jiff::Timestamp;

use super::base::Base;
use super::file::LocalFile;
use super::report::Report;
use crate::failure::Failure;
use crate::unsent::{self, Work};

/// Why a change of the file goes nowhere.
const READS_ONLY: &str = "you may read this room but not change it, so your changes are not in it";

/// What the parts of a large update have beyond the whole, in bytes each, at most.
const PART_BYTES: usize = 64;

/// A file and a room.
pub struct Pair {
    driver: Driver,
    file: LocalFile,
    base: Base,
    report: Report,
    /// The text as the file last had it, as a replica: a change of the file is a change of this one.
    shadow: Document,
    /// What the file had then; none while it was missing.
    text: Option<String>,
    /// Something of the file is not saved, as far as the record says.
    unsaved: bool,
    /// The room's text is to take the place of the file's, as soon as it is here; this is what the file had, of which there is a
    /// copy.
    yields: Option<String>,
    /// What keeps the file from being exchanged; told once.
    trouble: Option<String>,
}

/// What is to be done after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing: both are equal, or something has to happen first.
    All,
    /// The same again: the file changed meanwhile.
    Again,
}

impl Pair {
    /// A pair that had the text of a work in common when it last met; nothing, when there is none.
    ///
    /// # Errors
    /// The text cannot be read.
    pub fn new(driver: Driver, file: LocalFile, base: Base, works: &[Work], report: Report) -> anyhow::Result<Self> {
        let id = driver.client().config().client_id;
        let shadow = unsent::together(works, id)?.map_or_else(|| Document::new(id.0), |unsent| unsent.document);
        let unsaved = driver.client().save_state() != SaveState::Saved;
        let text = Some(shadow.text());
        Ok(Self { driver, file, base, report, shadow, text, unsaved, yields: None, trouble: None })
    }

    /// The room.
    pub fn driver(&mut self) -> &mut Driver {
        &mut self.driver
    }

    /// The room's client, to look at.
    pub fn client(&self) -> &Client {
        self.driver.client()
    }

    /// The file.
    pub fn file(&self) -> &LocalFile {
        &self.file
    }

    /// What is told.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What the file has now; none when it is missing.
    ///
    /// # Errors
    /// A [`Failure`]: it cannot be exchanged as it is.
    pub fn look(&self) -> Result<Option<String>, Failure> {
        self.file.read(self.client().policy().max_document_bytes.into()).map_err(|trouble| {
            let what = format!("{} {trouble}.", self.file.shown());
            Failure::new(what, "Nothing is exchanged until that is mended.")
        })
    }

    /// Makes the two equal, as far as both can be had now.
    ///
    /// # Errors
    /// A [`Failure`]: the disk does not take what must be kept.
    pub fn exchange(&mut self) -> anyhow::Result<Done> {
        if self.yields.is_some() {
            return Ok(Done::All);
        }
        let troubled = match self.look() {
            Ok(Some(text)) if Some(&text) != self.text.as_ref() => self.file_changed(text)?,
            Ok(None) if self.text.is_some() => {
                let next = "The room keeps its text. Put the file back, or start again to have it written anew.";
                Some(Failure::new(format!("{} is gone.", self.file.shown()), next))
            }
            Ok(_) => None,
            Err(failure) => Some(failure),
        };
        match troubled {
            Some(trouble) => self.suspend(&trouble).map(|()| Done::All),
            None => {
                self.trouble = None;
                self.follow_room()
            }
        }
    }

    /// Whether the file last had what the room has now.
    pub fn is_equal(&self) -> bool {
        self.text.as_ref() == Some(&self.client().document().text())
    }

    /// What keeps the file from being exchanged now.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn suspend(&mut self, trouble: &Failure) -> anyhow::Result<()> {
        if self.trouble.as_ref() == Some(&trouble.what) {
            return Ok(());
        }
        self.trouble = Some(trouble.what.clone());
        self.report.trouble(trouble)
    }

    /// Merges a change of the file into the room's text; what is wrong with the change when it cannot be.
    fn file_changed(&mut self, text: String) -> anyhow::Result<Option<Failure>> {
        if self.client().role() == Some(Role::Viewer) {
            self.keep_aside(READS_ONLY, &text)?;
            self.text = Some(text);
            return Ok(None);
        }
        if text == self.client().document().text() {
            // The same change came from both sides.
            self.text = Some(text);
            self.base.keep(&self.work(self.client().document())?)?;
            self.catch_up()?;
            return Ok(None);
        }
        let mut changed = replica(&self.shadow)?;
        let update = changed.set_text(&text);
        if changed.text() != text {
            anyhow::bail!("the change of {} cannot be worked out", self.file.shown());
        }
        if let Some(failure) = self.too_much(&update)? {
            return Ok(Some(failure));
        }
        self.base.keep(&self.work(&changed)?.and(&update))?;
        self.driver.merge_own(update).context("the change does not fit the room's text")?;
        self.report.to_room(text.len())?;
        (self.shadow, self.text, self.unsaved) = (changed, Some(text), true);
        Ok(None)
    }

    /// What to say of a change with which the room would have more than it may. The server takes deletions all the same, and
    /// nothing once more than that stands in the queue.
    fn too_much(&self, update: &[u8]) -> anyhow::Result<Option<Failure>> {
        let policy = self.client().policy();
        let parts = 1 + update.len() / policy.max_update_bytes as usize;
        let size = self.client().document().state()?.len() + update.len() + parts * PART_BYTES;
        let most = policy.max_document_bytes;
        if size <= most as usize || collab_document::sections(update)?.is_empty() {
            return Ok(None);
        }
        let what = format!("With this change of {} the room would exceed its {most} bytes.", self.file.shown());
        Ok(Some(Failure::new(what, "The change is not sent. Make the file smaller.")))
    }

    /// Brings the room's text into the file, unless somebody has changed that meanwhile.
    fn follow_room(&mut self) -> anyhow::Result<Done> {
        if self.is_equal() {
            return self.catch_up().map(|()| Done::All);
        }
        let text = self.client().document().text();
        self.file.draft(&text)?;
        self.base.announce(&self.work(self.client().document())?)?;
        if self.look().ok().as_ref() != Some(&self.text) {
            self.base.revoke();
            self.file.discard_draft();
            return Ok(Done::Again);
        }
        self.file.publish()?;
        self.base.settle()?;
        self.report.to_file(text.len())?;
        self.text = Some(text);
        self.catch_up().map(|()| Done::All)
    }

    /// The replica learns what the room has beyond it.
    fn catch_up(&mut self) -> anyhow::Result<()> {
        let news = self.driver.client().document().diff(&self.shadow.state_vector())?;
        self.shadow.load(&news)?;
        Ok(())
    }

    /// The room's text takes the place of `text`, which the file has now.
    ///
    /// # Errors
    /// A [`Failure`]: it cannot be written, or somebody changed the file just now.
    pub fn adopt(&mut self, text: Option<String>) -> anyhow::Result<()> {
        (self.text, self.yields) = (text, None);
        self.shadow = replica(self.client().document())?;
        if self.follow_room()? == Done::Again {
            let what = format!("{} was changed in this moment.", self.file.shown());
            return Err(Failure::new(what, "Run the command again.").into());
        }
        self.base.keep(&self.work(&self.shadow)?)
    }

    /// The room's text is what the file is compared with from now on: all that the file has beyond it is new.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn ground(&mut self) -> anyhow::Result<()> {
        self.shadow = replica(self.client().document())?;
        self.text = Some(self.shadow.text());
        self.base.keep(&self.work(&self.shadow)?)
    }

    /// Keeps a text in a copy beside the file, and tells why.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_aside(&self, why: &str, text: &str) -> anyhow::Result<()> {
        let copy = self.file.keep_aside(text)?;
        self.report.kept(why, &copy)
    }

    fn work(&self, document: &Document) -> anyhow::Result<Work> {
        let now = u64::try_from(Timestamp::now().as_millisecond())?;
        Work::beside(self.client(), document, now)?.context("the room was never entered")
    }
}

/// The same text in another document, which writes under the same id: only one of the two may be written in.
fn replica(document: &Document) -> anyhow::Result<Document> {
    let mut replica = Document::new(document.client_id());
    replica.load(&document.state()?)?;
    Ok(replica)
}
