//! One replica: what comes in, what goes out, and the guard around yrs.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, TextRef, Transact};

use crate::inspect::{self, Door, Id, Known, MAX_CLIENT, Verdict};
use crate::size::{Growth, Size};
use crate::{Poisoned, StateVectorError, UpdateError};

/// The name under which a document's text is kept: `doc.getText("text")` in Yjs.
pub const ROOT: &str = "text";

/// Most clients that one update from a member may bring in for the first time. An honest one brings its own, and those that
/// it used since it was last connected.
const MAX_NEW_CLIENTS: usize = 1024;

/// What a member's updates may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest update, in bytes. 256 KiB by default.
    pub max_update_bytes: usize,
    /// Longest encoded document, in bytes; deletions are still taken beyond. 4 MiB by default.
    pub max_document_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_update_bytes: 256 * 1024, max_document_bytes: 4 * 1024 * 1024 }
    }
}

/// Consecutive operations of one client, clocks `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Who wrote them.
    pub client: u64,
    /// The first one's clock.
    pub start: u32,
    /// One past the last one's clock.
    pub end: u32,
}

/// What an accepted update did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The operations that are new here, at most one section per client.
    pub sections: Vec<Section>,
    /// Whether the update names deletions, new or old.
    pub deletes: bool,
    /// Whether the document is another than before; a repeated update changes nothing.
    pub changed: bool,
}

/// One replica of a shared text. See the [crate] page.
pub struct Document {
    client_id: u64,
    root: String,
    limits: Limits,
    pub(crate) doc: Doc,
    pub(crate) text: TextRef,
    pub(crate) known: Known,
    pub(crate) size: Size,
    poisoned: AtomicBool,
}

impl Document {
    /// An empty document that edits as `client_id`, which no other replica may use at the same time. Only the lower 53 bits
    /// count: that is how far JavaScript counts.
    pub fn new(client_id: u64) -> Self {
        Self::with_root(client_id, ROOT)
    }

    /// As [`Document::new`], with the text under another name than [`ROOT`].
    pub fn with_root(client_id: u64, root: &str) -> Self {
        let client_id = client_id & MAX_CLIENT;
        let options =
            Options { client_id: ClientID::new(client_id), offset_kind: OffsetKind::Utf16, ..Options::default() };
        let doc = Doc::with_options(options);
        let text = doc.get_or_insert_text(root);
        Self {
            client_id,
            root: root.to_owned(),
            limits: Limits::default(),
            doc,
            text,
            known: Known::default(),
            size: Size::empty(),
            poisoned: AtomicBool::new(false),
        }
    }

    /// The same document with other limits for [`Document::apply`].
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The client id of local edits.
    pub fn client_id(&self) -> u64 {
        self.client_id
    }

    /// Whether the document failed inside. It answers nothing but [`Poisoned`] from then on.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// The text; empty when [poisoned](Document::is_poisoned).
    pub fn text(&self) -> String {
        self.guarded(|| self.text.get_string(&self.doc.transact())).unwrap_or_default()
    }

    /// Length of the text in UTF-16 code units.
    pub fn len(&self) -> u32 {
        self.guarded(|| self.text.len(&self.doc.transact())).unwrap_or_default()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which operations this replica has, as a Yjs state vector.
    pub fn state_vector(&self) -> Vec<u8> {
        inspect::write_state_vector(self.known.clocks())
    }

    /// The state vector as it was before the update that gave `applied`; to be asked before the next one is applied. A diff
    /// from there brings a reader up to date who was last told what came before.
    pub fn state_vector_before(&self, applied: &Applied) -> Vec<u8> {
        inspect::write_state_vector(self.known.clocks().map(|(client, clock)| {
            let added = applied.sections.iter().find(|section| section.client == client);
            (client, added.map_or(clock, |section| section.start))
        }))
    }

    /// How many clients ever wrote here.
    pub fn authors(&self) -> usize {
        self.known.len()
    }

    /// The whole state as an update.
    pub fn state(&self) -> Result<Vec<u8>, Poisoned> {
        self.guarded(|| self.doc.transact().encode_diff_v1(&StateVector::default()))
    }

    /// An upper bound of the length of [`Document::state`] in bytes, for the price of reading a number.
    pub fn encoded_len_estimate(&self) -> usize {
        self.size.bound()
    }

    /// Everything that somebody with this state vector may lack, as an update. Deletions are always in it, since a state
    /// vector does not tell which are known. It is [`EMPTY_UPDATE`](crate::EMPTY_UPDATE) when there is nothing.
    pub fn diff(&self, state_vector: &[u8]) -> Result<Vec<u8>, StateVectorError> {
        let pairs = inspect::read_state_vector(state_vector)?;
        let whole = pairs.into_iter().map(|(client, clock)| {
            // A clock between the halves of a surrogate pair comes from no honest replica; the whole pair helps it best.
            let cuts = self.known.cuts_pair(Id { client, clock });
            (ClientID::new(client), if cuts { clock - 1 } else { clock })
        });
        let state_vector = StateVector::from_iter(whole);
        Ok(self.guarded(|| self.doc.transact().encode_diff_v1(&state_vector))?)
    }

    /// Applies an update from a member: inspected, held to the limits, and without new operations under client ids for which
    /// `is_foreign` says yes. A repeated update is taken and changes nothing.
    pub fn apply(&mut self, update: &[u8], is_foreign: impl Fn(u64) -> bool) -> Result<Applied, UpdateError> {
        if update.len() > self.limits.max_update_bytes {
            return Err(UpdateError::TooLarge);
        }
        let door = Door {
            root: &self.root,
            is_foreign: &is_foreign,
            max_new_clients: MAX_NEW_CLIENTS,
            max_deletions: inspect::MAX_DELETIONS,
            max_steps: inspect::MAX_STEPS,
            is_trusted: false,
        };
        let verdict = self.inspect(update, &door)?;
        let growth = growth(&verdict, update.len());
        let measure = || guarded(&self.poisoned, || state_len(&self.doc));
        if !self.size.has_room(growth, self.limits.max_document_bytes, measure)? {
            return Err(UpdateError::DocumentFull);
        }
        self.commit(update, &verdict)
    }

    /// Applies an update from a trusted source, the store or the server: inspected all the same, but of any length and by
    /// any author.
    pub fn load(&mut self, update: &[u8]) -> Result<Applied, UpdateError> {
        let verdict = self.inspect(update, &self.trusted())?;
        self.commit(update, &verdict)
    }

    /// Remembers an update that yrs made and has applied already. Should the inspector refuse it, the two disagree.
    pub(crate) fn remember(&mut self, update: &[u8]) -> Result<(), Poisoned> {
        let remembered = self.inspect(update, &self.trusted()).and_then(|verdict| {
            verdict.arrange(&mut self.known)?;
            verdict.teach(&mut self.known);
            self.size.add(growth(&verdict, update.len()));
            Ok(())
        });
        remembered.map_err(|_| {
            self.poisoned.store(true, Ordering::Relaxed);
            Poisoned
        })
    }

    fn trusted(&self) -> Door<'_> {
        Door {
            root: &self.root,
            is_foreign: &|_| false,
            max_new_clients: usize::MAX,
            max_deletions: usize::MAX,
            max_steps: usize::MAX,
            is_trusted: true,
        }
    }

    fn inspect<'a>(&self, update: &'a [u8], door: &Door<'_>) -> Result<Verdict<'a>, UpdateError> {
        if self.is_poisoned() {
            return Err(UpdateError::Poisoned);
        }
        inspect::judge(inspect::Update::parse(update)?, &self.known, door)
    }

    fn commit(&mut self, bytes: &[u8], verdict: &Verdict<'_>) -> Result<Applied, UpdateError> {
        let sections: Vec<Section> = verdict.update.sections.iter().map(Section::from).collect();
        let deletes = !verdict.update.deletions.is_empty();
        if sections.is_empty() && !deletes {
            return Ok(Applied::default());
        }
        let bytes = if verdict.trimmed { Cow::Owned(verdict.to_bytes()) } else { Cow::Borrowed(bytes) };
        let len_before = self.len();
        verdict.arrange(&mut self.known)?;
        let cuts = verdict.cuts(&self.known);
        if verdict.deletes_first {
            self.integrate(cuts.as_deref(), &verdict.deletions_of(&self.known))?;
        }
        self.integrate(cuts.as_deref(), &bytes)?;
        verdict.teach(&mut self.known);
        self.size.add(growth(verdict, bytes.len()));
        let changed = !sections.is_empty() || self.len() != len_before;
        Ok(Applied { sections, deletes, changed })
    }

    /// Hands inspected bytes to yrs, after what cuts the document for them: yrs would join that again if it stood alone. Any
    /// refusal or remainder now means that inspector and yrs disagree: nothing can be said of the document then.
    fn integrate(&self, cuts: Option<&[u8]>, bytes: &[u8]) -> Result<(), Poisoned> {
        let applied = self.guarded(|| {
            let mut transaction = self.doc.transact_mut();
            let mut apply = |part| {
                let Ok(update) = yrs::Update::decode_v1(part) else { return false };
                transaction.apply_update(update).is_ok() && !transaction.has_missing_updates()
            };
            cuts.is_none_or(&mut apply) && apply(bytes)
        })?;
        if !applied {
            self.poisoned.store(true, Ordering::Relaxed);
            return Err(Poisoned);
        }
        Ok(())
    }

    pub(crate) fn guarded<T>(&self, call: impl FnOnce() -> T) -> Result<T, Poisoned> {
        guarded(&self.poisoned, call)
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("client_id", &self.client_id)
            .field("len", &self.len())
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

/// The last line: a panic inside yrs poisons the document instead of ending the caller.
fn guarded<T>(poisoned: &AtomicBool, call: impl FnOnce() -> T) -> Result<T, Poisoned> {
    if poisoned.load(Ordering::Relaxed) {
        return Err(Poisoned);
    }
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| {
        poisoned.store(true, Ordering::Relaxed);
        Poisoned
    })
}

fn state_len(doc: &Doc) -> usize {
    doc.transact().encode_diff_v1(&StateVector::default()).len()
}

fn growth(verdict: &Verdict<'_>, bytes: usize) -> Growth {
    let items = verdict.update.sections.iter().map(|section| section.last - section.first).sum();
    Growth { bytes, items, deletions: verdict.update.deletions.len() }
}

const _: () = {
    const fn moves_between_threads<T: Send + Sync>() {}
    moves_between_threads::<Document>();
};
