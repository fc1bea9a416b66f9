//! Whether a sound update fits a document: rules 4 to 8.

use std::cell::Cell;

use super::order::Run;
use super::update::SPLIT;
use super::{Content, Deletion, Id, Item, Known, Update, Writer, utf16, write_deletions, write_item};
use crate::UpdateError;

type Result<T> = std::result::Result<T, UpdateError>;

const OTHER_ROOT: UpdateError = UpdateError::NotText("another root name");
const BESIDE_ITSELF: UpdateError = UpdateError::Invalid("an item beside itself or its author's later ones");

/// How an update came in.
pub(crate) struct Door<'d> {
    /// The name of the document's text.
    pub(crate) root: &'d str,
    /// Client ids under which no new operations are taken.
    pub(crate) is_foreign: &'d dyn Fn(u64) -> bool,
    /// Most clients that may appear for the first time; each makes later merging at one place slower.
    pub(crate) max_new_clients: usize,
    /// Most items looked at while placing the new ones.
    pub(crate) max_steps: usize,
    /// Most ranges deleted; each may cost a search and a move of everything its client wrote later.
    pub(crate) max_deletions: usize,
    /// Whether the source is trusted to have judged before; see [`Inspection::cuts_pair`].
    pub(crate) is_trusted: bool,
}

/// An update that may be applied: it is cut down to what is new.
pub(crate) struct Verdict<'a> {
    pub(crate) update: Update<'a>,
    /// Whether something known was cut off, so that the original bytes are not what is to be applied.
    pub(crate) trimmed: bool,
    /// Second halves of surrogate pairs among the new operations, ascending.
    pairs: Vec<Id>,
    /// The items in an order in which each comes after what it builds on, each with its section.
    sequence: Vec<(usize, usize)>,
    max_steps: usize,
    /// Whether it cuts a pair that it deletes: what it deletes must be gone before.
    pub(crate) deletes_first: bool,
}

/// Judges an update against what is known of the document.
pub(crate) fn judge<'a>(mut update: Update<'a>, known: &Known, door: &Door<'_>) -> Result<Verdict<'a>> {
    let trimmed = trim(&mut update, known, door)?;
    check_authors(&update, known, door)?;
    let pairs = pairs_in(&update);
    let doomed = if door.is_trusted { sorted(&update.deletions) } else { Vec::new() };
    let deletes_first = Cell::new(false);
    let inspection =
        Inspection { update: &update, known, root: door.root, pairs: &pairs, doomed, deletes_first: &deletes_first };
    inspection.check_items()?;
    let sequence = inspection.causal_sequence()?;
    if update.deletions.len() > door.max_deletions {
        return Err(UpdateError::Invalid("too many deletions at once"));
    }
    update.deletions.iter().try_for_each(|deletion| inspection.check_deletion(deletion))?;
    let deletes_first = deletes_first.get();
    Ok(Verdict { update, trimmed, pairs, sequence, max_steps: door.max_steps, deletes_first })
}

fn sorted(deletions: &[Deletion]) -> Vec<Deletion> {
    let mut sorted = deletions.to_vec();
    sorted.sort_unstable();
    sorted
}

impl Verdict<'_> {
    /// Writes down what was accepted, without what was known before.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.count(self.update.sections.len());
        for section in &self.update.sections {
            writer.count(section.last - section.first);
            writer.uint(section.client);
            writer.clock(section.start);
            for item in self.update.items_of(section) {
                let text = if let Content::Text(text) = item.content { text } else { "" };
                write_item(&mut writer, item, &[text]);
            }
        }
        write_deletions(&mut writer, &self.update.deletions);
        writer.into_bytes()
    }

    /// Writes down the deletions alone, of what is known already.
    pub(crate) fn deletions_of(&self, known: &Known) -> Vec<u8> {
        let clipped = self.update.deletions.iter().filter_map(|deletion| {
            let end = deletion.end.min(known.next(deletion.client));
            (deletion.start < end).then_some(Deletion { end, ..*deletion })
        });
        let mut writer = Writer::default();
        writer.count(0);
        write_deletions(&mut writer, &clipped.collect::<Vec<_>>());
        writer.into_bytes()
    }

    /// Puts the items in their places beside the document, or refuses those that have none.
    pub(crate) fn arrange(&self, known: &mut Known) -> Result<()> {
        known.order.begin(self.max_steps);
        let arranged = self.sequence.iter().try_for_each(|(section, item)| {
            let (client, item) = (self.update.sections[*section].client, &self.update.items[*item]);
            let Item { start, end, origin, right_origin, .. } = *item;
            known.order.insert(Run { client, start, end, origin, right_origin })
        });
        if arranged.is_err() {
            self.update.sections.iter().for_each(|section| known.order.forget(section.client, section.start));
        }
        known.order.settle();
        arranged
    }

    /// Remembers what was accepted, once it is applied.
    pub(crate) fn teach(&self, known: &mut Known) {
        for section in &self.update.sections {
            let from = self.pairs.partition_point(|pair| pair.client < section.client);
            let own = self.pairs[from..].iter().take_while(|pair| pair.client == section.client);
            known.learn(section.client, section.end, own.map(|pair| pair.clock));
        }
        self.update.deletions.iter().for_each(|deletion| known.forget_pairs(deletion));
    }
}

/// Rule 4: refuses gaps and cuts off what is known. Returns whether anything was.
fn trim(update: &mut Update<'_>, known: &Known, door: &Door<'_>) -> Result<bool> {
    let mut trimmed = false;
    for section in &mut update.sections {
        let next = known.next(section.client);
        if section.start > next {
            return Err(UpdateError::Gap);
        }
        if section.start == next {
            continue;
        }
        trimmed = true;
        section.start = next.min(section.end);
        let mut repeated = update.items[section.first..section.last].iter().take_while(|item| item.start < next);
        if !door.is_trusted {
            repeated.try_for_each(|item| check_repeated(section.client, item, known, door.root))?;
        }
        while section.first < section.last && update.items[section.first].end <= next {
            section.first += 1;
        }
        if section.first < section.last {
            update.items[section.first].cut_before(Id { client: section.client, clock: next })?;
        }
    }
    update.sections.retain(|section| section.first < section.last);
    Ok(trimmed)
}

/// What is cut off here is not cut off where the same bytes go on to, and Yjs looks for its neighbours all the same: it would
/// wait for unknown ones, cut a character in two, or open another root.
fn check_repeated(client: u64, item: &Item<'_>, known: &Known, root: &str) -> Result<()> {
    if item.origin.is_none() && item.right_origin.is_none() && item.root != root {
        return Err(OTHER_ROOT);
    }
    for id in item.origin.into_iter().chain(item.right_origin) {
        if id.client == client && id.clock >= item.start {
            return Err(BESIDE_ITSELF);
        }
        if id.clock >= known.next(id.client) {
            return Err(UpdateError::Gap);
        }
    }
    check_cuts(item, |at| known.cuts_pair(at))
}

/// No neighbour may be half a character.
fn check_cuts(item: &Item<'_>, cuts_pair: impl Fn(Id) -> bool) -> Result<()> {
    let cut_behind = item.origin.is_some_and(|id| cuts_pair(Id { clock: id.clock + 1, ..id }));
    let cut_before = item.right_origin.is_some_and(cuts_pair);
    if cut_behind || cut_before { Err(SPLIT) } else { Ok(()) }
}

/// Rule 6, and the cap on new clients.
fn check_authors(update: &Update<'_>, known: &Known, door: &Door<'_>) -> Result<()> {
    if update.sections.iter().any(|section| (door.is_foreign)(section.client)) {
        return Err(UpdateError::ForeignAuthor);
    }
    let new = update.sections.iter().filter(|section| known.next(section.client) == 0).count();
    if new > door.max_new_clients { Err(UpdateError::Invalid("too many new authors at once")) } else { Ok(()) }
}

/// The second halves of surrogate pairs that an update brings, ascending.
fn pairs_in(update: &Update<'_>) -> Vec<Id> {
    let mut pairs = Vec::new();
    for section in update.sections.iter().rev() {
        for item in update.items_of(section) {
            match item.content {
                Content::Text(text) if utf16::wide(text) > 0 => {
                    pairs.extend(
                        utf16::second_halves(text).map(|at| Id { client: section.client, clock: item.start + at }),
                    );
                }
                _ => {}
            }
        }
    }
    pairs
}

struct Inspection<'i, 'a> {
    update: &'i Update<'a>,
    known: &'i Known,
    root: &'i str,
    pairs: &'i [Id],
    /// What a trusted update deletes, ascending.
    doomed: Vec<Deletion>,
    deletes_first: &'i Cell<bool>,
}

impl Inspection<'_, '_> {
    /// Rule 5 without the causal order, item by item; and the root name.
    fn check_items(&self) -> Result<()> {
        for (index, section) in self.update.sections.iter().enumerate() {
            for item in self.update.items_of(section) {
                self.check_item(index, item)?;
            }
        }
        Ok(())
    }

    fn check_item(&self, section: usize, item: &Item<'_>) -> Result<()> {
        if item.origin.is_none() && item.right_origin.is_none() && item.root != self.root {
            return Err(OTHER_ROOT);
        }
        for id in item.origin.into_iter().chain(item.right_origin) {
            if self.locate(id)? == Some(section) && id.clock >= item.start {
                return Err(BESIDE_ITSELF);
            }
        }
        check_cuts(item, |at| self.cuts_pair(at))
    }

    fn check_deletion(&self, deletion: &Deletion) -> Result<()> {
        let at = |clock| Id { client: deletion.client, clock };
        self.locate(at(deletion.end - 1))?;
        if self.cuts_pair(at(deletion.start)) || self.cuts_pair(at(deletion.end)) { Err(SPLIT) } else { Ok(()) }
    }

    /// Where an operation is: in one of the update's sections, or (none) in the document. Nowhere is a gap.
    fn locate(&self, id: Id) -> Result<Option<usize>> {
        if id.clock < self.known.next(id.client) {
            return Ok(None);
        }
        match self.update.section_of(id.client) {
            Some(section) if id.clock < self.update.sections[section].end => Ok(Some(section)),
            _ => Err(UpdateError::Gap),
        }
    }

    /// Whether a cut just before this clock separates a pair. One that the update itself deletes does not count when it comes
    /// from a trusted source: elsewhere it may have been deleted, and forgotten to be a pair, before somebody wrote there.
    fn cuts_pair(&self, at: Id) -> bool {
        if self.pairs.binary_search(&at).is_ok() {
            return true;
        }
        if !self.known.cuts_pair(at) {
            return false;
        }
        let before = self.doomed.partition_point(|deletion| (deletion.client, deletion.start) < (at.client, at.clock));
        let doom = before.checked_sub(1).map(|index| self.doomed[index]);
        let is_doomed = doom.is_some_and(|deletion| deletion.client == at.client && deletion.end > at.clock);
        self.deletes_first.set(self.deletes_first.get() || is_doomed);
        !is_doomed
    }

    /// The rest of rule 5: walks the sections as if applying them, going to a neighbour's section first where needed.
    /// A section that waits for itself, through others, has no order.
    fn causal_sequence(&self) -> Result<Vec<(usize, usize)>> {
        let sections = &self.update.sections;
        let mut walk = Walk { next: sections.iter().map(|section| section.first).collect(), waiting: Vec::new() };
        let mut is_waiting = vec![false; sections.len()];
        let mut sequence = Vec::new();
        for (start, section) in sections.iter().enumerate() {
            walk.waiting.push((start, section.end - 1));
            is_waiting[start] = true;
            while let Some((at, needed)) = walk.waiting.last().copied() {
                if self.done(&walk, at, needed) {
                    walk.waiting.pop();
                    is_waiting[at] = false;
                } else if let Some((other, clock)) = self.blocked_by(&walk, at)? {
                    if std::mem::replace(&mut is_waiting[other], true) {
                        return Err(UpdateError::Invalid("items that wait for each other"));
                    }
                    walk.waiting.push((other, clock));
                } else {
                    sequence.push((at, walk.next[at]));
                    walk.next[at] += 1;
                }
            }
        }
        Ok(sequence)
    }

    /// Whether the walk has passed a clock of a section.
    fn done(&self, walk: &Walk, section: usize, clock: u32) -> bool {
        let next = walk.next[section];
        next == self.update.sections[section].last || self.update.items[next].start > clock
    }

    /// What the next item of a section still waits for.
    fn blocked_by(&self, walk: &Walk, section: usize) -> Result<Option<(usize, u32)>> {
        let item = &self.update.items[walk.next[section]];
        for id in item.origin.into_iter().chain(item.right_origin) {
            match self.locate(id)? {
                Some(other) if other != section && !self.done(walk, other, id.clock) => {
                    return Ok(Some((other, id.clock)));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

struct Walk {
    /// Per section, the next item to be passed.
    next: Vec<usize>,
    /// Sections under way, each with the clock that the one before it waits for.
    waiting: Vec<(usize, u32)>,
}
