//! A large update as several small ones, and an update without what somebody knows already.

use std::collections::BTreeMap;

use crate::UpdateError;
use crate::inspect::{
    Content, Deletion, Id, Item, MAX_DELETIONS, Update, Writer, utf16_len, write_deletions, write_item,
};

/// Shortest part that [`split`] makes way for, in bytes: room for an item's ids and some text.
const MIN_PART_BYTES: usize = 256;

/// What counts and the author of a section take, in bytes: two varints of 32 bits, one of 53.
const SECTION_HEAD_BYTES: usize = 18;

/// Most authors in one part: a member's update may not bring in more for the first time.
const MAX_PART_AUTHORS: usize = 1000;

/// What one deletion takes at most in an update, in bytes, when it is its author's only one.
const DELETION_BYTES: usize = 24;

/// `update` in parts that a server with this `max_bytes` (256 at least) takes: each no longer, with no more deletions than one
/// update may name. Applied in order they do the same. An update that fits comes back as it is.
///
/// # Errors
///
/// [`UpdateError::Malformed`], [`UpdateError::NotText`], and [`UpdateError::Invalid`] for items that build on each other in a
/// circle.
pub fn split(update: &[u8], max_bytes: usize) -> Result<Vec<Vec<u8>>, UpdateError> {
    let parsed = Update::parse(update)?;
    if update.len() <= max_bytes && parsed.deletions.len() <= MAX_DELETIONS {
        return Ok(vec![update.to_vec()]);
    }
    let mut parts = Parts { max_bytes: max_bytes.max(MIN_PART_BYTES), done: Vec::new(), current: Part::default() };
    for (section, item) in causal_order(&parsed)? {
        parts.item(parsed.sections[section].client, parsed.items[item]);
    }
    for deletion in &parsed.deletions {
        parts.deletion(*deletion);
    }
    parts.finish();
    Ok(parts.done)
}

/// `update` without the deletions that `known` names too. A difference from a state vector names all deletions that ever were,
/// since a state vector does not tell them; what the other side sent tells.
///
/// # Errors
///
/// [`UpdateError::Malformed`] or [`UpdateError::NotText`] of either.
pub fn without_deletions_of(update: &[u8], known: &[u8]) -> Result<Vec<u8>, UpdateError> {
    let (update, known) = (Update::parse(update)?, Update::parse(known)?);
    let mut part = Part::default();
    for section in &update.sections {
        update.items_of(section).iter().for_each(|item| part.push(section.client, item));
    }
    part.deletions = remaining(&update.deletions, &known.deletions);
    Ok(part.into_bytes())
}

/// Of an update of several authors, the parts that stand by themselves: for each author the operations, from the first one on,
/// that build on none of another author in this update. None where there is one author. A server that refuses the whole for
/// the sake of one author takes the others' parts.
///
/// # Errors
///
/// [`UpdateError::Malformed`] or [`UpdateError::NotText`].
pub fn independent_parts(update: &[u8]) -> Result<Vec<Vec<u8>>, UpdateError> {
    let update = Update::parse(update)?;
    let mut parts = Vec::new();
    for section in update.sections.iter().filter(|_| update.sections.len() > 1) {
        let stands = |item: &&Item<'_>| {
            item.origin
                .into_iter()
                .chain(item.right_origin)
                .all(|id| id.client == section.client || !brings(&update, id))
        };
        let mut part = Part::default();
        update.items_of(section).iter().take_while(stands).for_each(|item| part.push(section.client, item));
        if part.bytes > 0 {
            parts.push(part.into_bytes());
        }
    }
    Ok(parts)
}

/// Whether an operation is among those that the update carries.
fn brings(update: &Update<'_>, id: Id) -> bool {
    let section = update.section_of(id.client).map(|place| &update.sections[place]);
    section.is_some_and(|section| section.start <= id.clock && id.clock < section.end)
}

/// What is left of deletions without others, by author, ascending.
fn remaining(deletions: &[Deletion], known: &[Deletion]) -> Vec<Deletion> {
    let mut known_of: BTreeMap<u64, Vec<Deletion>> = BTreeMap::new();
    known.iter().for_each(|deletion| known_of.entry(deletion.client).or_default().push(*deletion));
    let mut left = Vec::new();
    for deletion in deletions {
        let known = known_of.get(&deletion.client).map_or(&[][..], Vec::as_slice);
        let mut start = deletion.start;
        for hole in &known[known.partition_point(|hole| hole.end <= start)..] {
            if hole.start >= deletion.end {
                break;
            }
            if start < hole.start {
                left.push(Deletion { start, end: hole.start, ..*deletion });
            }
            start = start.max(hole.end);
        }
        if start < deletion.end {
            left.push(Deletion { start, ..*deletion });
        }
    }
    left
}

/// The items in an order in which each comes after what it builds on, each with its section. An author's items stay together
/// as far as that allows.
fn causal_order(update: &Update<'_>) -> Result<Vec<(usize, usize)>, UpdateError> {
    let mut next: Vec<usize> = update.sections.iter().map(|section| section.first).collect();
    let mut order = Vec::with_capacity(update.items.len());
    for section in 0..update.sections.len() {
        let mut road = vec![(section, update.sections[section].end)];
        while let Some(&(section, until)) = road.last() {
            let at = next[section];
            if at == update.sections[section].last || update.items[at].start >= until {
                road.pop();
            } else if let Some((other, clock)) = missing(update, &next, &update.items[at]) {
                if road.iter().any(|(waiting, _)| *waiting == other) {
                    return Err(UpdateError::Invalid("items that build on each other in a circle"));
                }
                road.push((other, clock + 1));
            } else {
                order.push((section, at));
                next[section] += 1;
            }
        }
    }
    Ok(order)
}

/// What an item builds on that is in the update and has not had its turn: its section and clock.
fn missing(update: &Update<'_>, next: &[usize], item: &Item<'_>) -> Option<(usize, u32)> {
    item.origin.into_iter().chain(item.right_origin).find_map(|id| {
        let place = update.section_of(id.client)?;
        let section = &update.sections[place];
        let waits = next[place] < section.last && update.items[next[place]].start <= id.clock && id.clock < section.end;
        waits.then_some((place, id.clock))
    })
}

struct Parts {
    max_bytes: usize,
    done: Vec<Vec<u8>>,
    current: Part,
}

impl Parts {
    /// Adds an item, in pieces where it does not fit.
    fn item(&mut self, client: u64, item: Item<'_>) {
        let mut rest = Some(item);
        while let Some(mut item) = rest.take() {
            if self.room() < MIN_PART_BYTES / 2 || self.current.sections.len() >= MAX_PART_AUTHORS {
                self.finish();
            }
            rest = cut(client, &mut item, self.room());
            self.current.push(client, &item);
        }
    }

    fn deletion(&mut self, deletion: Deletion) {
        if self.room() < DELETION_BYTES || self.current.deletions.len() >= MAX_DELETIONS {
            self.finish();
        }
        self.current.deletions.push(deletion);
        self.current.bytes += DELETION_BYTES;
    }

    fn room(&self) -> usize {
        self.max_bytes.saturating_sub(self.current.bytes + SECTION_HEAD_BYTES)
    }

    fn finish(&mut self) {
        let part = std::mem::take(&mut self.current);
        if part.bytes > 0 {
            self.done.push(part.into_bytes());
        }
    }
}

/// Cuts an item's text so that it takes no more than `room` bytes, if it can: what is left is given back.
fn cut<'a>(client: u64, item: &mut Item<'a>, room: usize) -> Option<Item<'a>> {
    let Content::Text(text) = item.content else { return None };
    // An id takes 13 bytes at most, a length 5, kind and root's kind one each.
    let head = 2 * 13 + 2 * 5 + 2 + item.root.len();
    let fits = room.saturating_sub(head).max(4);
    if text.len() <= fits {
        return None;
    }
    let boundary = (fits.saturating_sub(3)..=fits).rev().find(|at| text.is_char_boundary(*at))?;
    let (front, back) = text.split_at(boundary);
    let middle = item.start + utf16_len(front) as u32;
    let mut rest = Item { start: middle, content: Content::Text(back), root: "", ..*item };
    rest.origin = Some(Id { client, clock: middle - 1 });
    (item.end, item.content) = (middle, Content::Text(front));
    Some(rest)
}

/// An update in the making.
#[derive(Default)]
struct Part {
    /// By author: the first clock, how many items, and those.
    sections: BTreeMap<u64, (u32, usize, Writer)>,
    deletions: Vec<Deletion>,
    bytes: usize,
}

impl Part {
    fn push(&mut self, client: u64, item: &Item<'_>) {
        let (_, count, writer) = self.sections.entry(client).or_insert_with(|| {
            self.bytes += SECTION_HEAD_BYTES;
            (item.start, 0, Writer::default())
        });
        let before = writer.len();
        write_item(writer, item, &[if let Content::Text(text) = item.content { text } else { "" }]);
        *count += 1;
        self.bytes += writer.len() - before;
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.count(self.sections.len());
        for (client, (start, count, items)) in self.sections.into_iter().rev() {
            writer.count(count);
            writer.uint(client);
            writer.clock(start);
            writer.append(items);
        }
        write_deletions(&mut writer, &self.deletions);
        writer.into_bytes()
    }
}
