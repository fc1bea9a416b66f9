//! One document, and updates and state vectors of every kind.

use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use collab_document::{Document, EMPTY_UPDATE, merge, sections};

use crate::craft;

/// Under which the document at hand, its reloaded copy and an honest editor write. Crafted updates use small ids.
const LIVE: u64 = 1 << 40;
const RELOADED: u64 = LIVE + 1;
const HONEST: u64 = LIVE + 2;

/// Most updates that one input brings.
const MAX_STEPS: usize = 40;

/// The states of the texts that everything begins from: none, a little one by four authors, and one with a long past.
fn bases() -> &'static [Vec<u8>; 3] {
    static BASES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    BASES.get_or_init(|| [EMPTY_UPDATE.to_vec(), little(), long_past()])
}

fn little() -> Vec<u8> {
    let mut first = Document::new(1);
    first.splice(0, 0, "hello 😀 world\n").unwrap();
    for client in 2..5 {
        let mut next = replica(&first, client);
        next.splice(3, 2, "中文😀").unwrap();
        next.splice(next.len(), 0, "more").unwrap();
        first.load(&next.state().unwrap()).unwrap();
    }
    first.state().unwrap()
}

fn long_past() -> Vec<u8> {
    let mut text = Document::new(2);
    for round in 0..60u32 {
        text.splice(round * 7 % (text.len() + 1), 0, "abc").unwrap();
        text.splice(round * 5 % (text.len() - 1), 1, "").unwrap();
    }
    text.state().unwrap()
}

/// A document with one of the [`bases`], or with what the input itself brings, as far as that is taken.
fn begin(choice: u8, own: &[u8]) -> Document {
    let mut document = Document::new(LIVE);
    let base = bases().get(usize::from(choice)).map_or(own, Vec::as_slice);
    let _ = document.load(base);
    document
}

fn replica(of: &Document, client: u64) -> Document {
    let mut replica = Document::new(client);
    replica.load(&of.state().unwrap()).unwrap();
    replica
}

/// The input's first byte says what the rest is: 0 to 2 one raw update on a base, 3 a base and an update with the base's length
/// (two bytes) in front, anything else choices of the fuzzer on a base.
pub fn update(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    match how {
        0..=2 => one(begin(how, &[]), rest),
        3 => {
            let (own, update) = split_own(rest);
            one(begin(3, own), update);
        }
        _ => {
            let mut trial = Trial::new(begin(how % 3, &[]));
            // It ends when the input does.
            let _ = trial.play(&mut Unstructured::new(rest));
            trial.finish();
        }
    }
}

fn split_own(rest: &[u8]) -> (&[u8], &[u8]) {
    let Some((len, rest)) = rest.split_first_chunk::<2>() else { return (&[], rest) };
    rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()))
}

fn one(document: Document, update: &[u8]) {
    let mut trial = Trial::new(document);
    trial.give(update, false);
    let _ = (sections(update), merge(&[update, update]));
    trial.finish();
}

/// A document under attack, and what it took.
struct Trial {
    document: Document,
    base: Vec<u8>,
    taken: Vec<Vec<u8>>,
    honest: Document,
}

impl Trial {
    fn new(document: Document) -> Self {
        let base = document.state().unwrap();
        let honest = replica(&document, HONEST);
        Self { document, base, taken: Vec::new(), honest }
    }

    fn play(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..MAX_STEPS {
            if input.is_empty() {
                break;
            }
            match input.int_in_range(0..=7)? {
                0..=3 => {
                    let update = craft::update(input, &self.document)?;
                    self.give(&update, false);
                }
                4 => {
                    let diff = self.edit_elsewhere(input)?;
                    let update = craft::damaged(input, diff)?;
                    self.give(&update, false);
                }
                5 => {
                    let diff = self.edit_elsewhere(input)?;
                    assert!(self.give(&diff, true), "an honest update is taken");
                }
                6 => {
                    let diff = self.document.diff(&self.honest.state_vector()).unwrap();
                    self.honest.apply(&diff, |_| false).unwrap();
                }
                _ => {
                    let len = self.document.len();
                    let (at, word) = (input.int_in_range(0..=len)?, craft::word(input)?);
                    if let Ok(update) = self.document.splice(at, 0, word) {
                        self.taken.push(update);
                    }
                }
            }
        }
        Ok(())
    }

    /// What somebody else wrote, who may not have read everything.
    fn edit_elsewhere(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        let len = self.honest.len();
        let at = input.int_in_range(0..=len)?;
        let delete = input.int_in_range(0..=3.min(len - at))?;
        let _ = self.honest.splice(at, delete, craft::word(input)?);
        Ok(self.honest.diff(&self.document.state_vector()).unwrap())
    }

    /// Applies an update as a member's; whether it was taken. Nobody but the honest editor writes under its id.
    fn give(&mut self, update: &[u8], honest: bool) -> bool {
        let before = (self.document.text(), self.document.state_vector());
        let given = self.document.apply(update, |client| client == LIVE || (client == HONEST && !honest));
        assert!(!self.document.is_poisoned());
        match given {
            Ok(applied) => {
                assert_eq!(self.document.state_vector_before(&applied), before.1);
                assert!(applied.changed || self.document.text() == before.0);
                self.taken.push(update.to_vec());
                true
            }
            Err(_) => {
                assert_eq!(
                    (self.document.text(), self.document.state_vector()),
                    before,
                    "a refused update does nothing"
                );
                false
            }
        }
    }

    /// What must hold after everything.
    fn finish(mut self) {
        let text = self.document.text();
        assert_eq!(self.document.len() as usize, text.encode_utf16().count());
        assert!(self.document.encoded_len_estimate() >= self.document.state().unwrap().len());
        let mut reloaded = replica(&self.document, RELOADED);
        assert_eq!(reloaded.text(), text, "a reload shows the same text");
        assert_eq!(reloaded.state_vector(), self.document.state_vector());
        self.replay();
        self.converge(&mut reloaded);
    }

    /// The journal, read again, gives the same.
    fn replay(&self) {
        let mut replayed = Document::new(RELOADED);
        replayed.load(&self.base).unwrap();
        self.taken.iter().for_each(|update| drop(replayed.load(update).unwrap()));
        assert_eq!(replayed.text(), self.document.text(), "the journal gives the same text");
    }

    /// Honest edits on both sides are taken, and both show the same.
    fn converge(&mut self, other: &mut Document) {
        let document = &mut self.document;
        document.splice(document.len(), 0, "end").unwrap();
        document.splice(0, 0, "start 😀").unwrap();
        document.apply(&other.splice(0, 0, "other").unwrap(), |_| false).unwrap();
        other.apply(&document.diff(&other.state_vector()).unwrap(), |_| false).unwrap();
        self.honest.apply(&document.diff(&self.honest.state_vector()).unwrap(), |_| false).unwrap();
        document.apply(&self.honest.diff(&document.state_vector()).unwrap(), |_| false).unwrap();
        other.apply(&document.diff(&other.state_vector()).unwrap(), |_| false).unwrap();
        assert_eq!(other.text(), document.text());
        assert_eq!(self.honest.text(), document.text());
        assert_eq!(other.state_vector(), document.state_vector());
        assert!(!document.is_poisoned() && !other.is_poisoned());
    }
}

/// The input's first byte chooses the document, as for [`update`]; the rest is the state vector.
pub fn state_vector(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    let (own, state_vector) = if how == 3 { split_own(rest) } else { (&[][..], rest) };
    let document = begin(how % 4, own);
    let diff = document.diff(state_vector);
    assert!(!document.is_poisoned());
    let Ok(diff) = diff else { return };
    sections(&diff).unwrap();
    assert!(diff.len() <= document.state().unwrap().len() + 16, "a diff is no longer than everything");
    let mut full = replica(&document, RELOADED);
    assert!(!full.load(&diff).unwrap().changed, "who has everything learns nothing");
    assert_eq!(full.text(), document.text());
    let _ = Document::new(HONEST).apply(&diff, |_| false);
}
