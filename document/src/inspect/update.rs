//! The structure of an update: rules 1 to 3, and the half of rule 7 that needs no document.
//!
//! Nothing is copied: texts and root names are borrowed from the bytes.

use super::{Id, MAX_CLOCK, Reader, Writer, utf16};
use crate::UpdateError;

type Result<T> = std::result::Result<T, UpdateError>;

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_MAP_KEY: u8 = 0x20;
const KIND: u8 = 0x1f;
const DELETED: u8 = 1;
const TEXT: u8 = 4;

/// The least bytes of a section: how many structs, client, clock, and one struct.
const SECTION_BYTES: usize = 3 + STRUCT_BYTES;
/// The least bytes of a struct: its kind, two for an id or a root name, one for a length.
const STRUCT_BYTES: usize = 4;
/// The least bytes of a client's deletions: client, how many, and one range of two.
const DELETIONS_BYTES: usize = 2 + RANGE_BYTES;
const RANGE_BYTES: usize = 2;

/// What an item holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Text(&'a str),
    Deleted,
}

/// A run of characters, live or deleted, that was put into the text in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) start: u32,
    /// One past the last clock.
    pub(crate) end: u32,
    pub(crate) origin: Option<Id>,
    pub(crate) right_origin: Option<Id>,
    /// Named only by an item without neighbours, the others have theirs.
    pub(crate) root: &'a str,
    pub(crate) content: Content<'a>,
}

pub(crate) const SPLIT: UpdateError = UpdateError::Invalid("it cuts a character in two");

impl Item<'_> {
    /// Drops the clocks before `at`. What is left stands behind the last of them, as if it had been written there.
    pub(crate) fn cut_before(&mut self, at: Id) -> Result<()> {
        if self.start == at.clock {
            return Ok(());
        }
        if let Content::Text(text) = self.content {
            let rest = utf16::tail(text, at.clock - self.start).ok_or(SPLIT)?;
            self.content = Content::Text(rest);
        }
        self.start = at.clock;
        self.origin = Some(Id { client: at.client, clock: at.clock - 1 });
        Ok(())
    }
}

/// One client's items, one after the other without holes: `items[first..last]` of the update.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ItemSection {
    pub(crate) client: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// Deleted clocks of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deletion {
    pub(crate) client: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// An update whose structure is sound. Whether it fits a document is for [`super::rules`].
#[derive(Debug, Default)]
pub(crate) struct Update<'a> {
    /// By client, descending.
    pub(crate) sections: Vec<ItemSection>,
    pub(crate) items: Vec<Item<'a>>,
    /// Those of a client stand together, ascending.
    pub(crate) deletions: Vec<Deletion>,
}

impl<'a> Update<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let mut update = Self::default();
        for _ in 0..reader.count(SECTION_BYTES)? {
            update.read_section(&mut reader)?;
        }
        let deleters = reader.count(DELETIONS_BYTES)?;
        let deleters: Vec<u64> = (0..deleters).map(|_| update.read_deletions(&mut reader)).collect::<Result<_>>()?;
        each_once(deleters)?;
        reader.finish()?;
        Ok(update)
    }

    pub(crate) fn items_of(&self, section: &ItemSection) -> &[Item<'a>] {
        &self.items[section.first..section.last]
    }

    /// The section of a client, by its place in `sections`.
    pub(crate) fn section_of(&self, client: u64) -> Option<usize> {
        self.sections.binary_search_by(|section| client.cmp(&section.client)).ok()
    }

    fn read_section(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let head = SectionHead::read(reader)?;
        let client = head.client;
        if self.sections.last().is_some_and(|previous| previous.client <= client) {
            return Err(UpdateError::Malformed("clients out of order"));
        }
        let first = self.items.len();
        let (start, end) = head.read_items(reader, |item| self.items.push(item))?;
        self.sections.push(ItemSection { client, start, end, first, last: self.items.len() });
        Ok(())
    }

    fn read_deletions(&mut self, reader: &mut Reader<'a>) -> Result<u64> {
        let client = reader.client()?;
        let count = reader.count(RANGE_BYTES)?;
        if count == 0 {
            return Err(UpdateError::Malformed("an empty list of deletions"));
        }
        let mut previous = 0;
        for _ in 0..count {
            let start = reader.clock()?;
            let end = advance(start, reader.clock()?)?;
            if start < previous {
                return Err(UpdateError::Malformed("deletions out of order"));
            }
            previous = end;
            self.deletions.push(Deletion { client, start, end });
        }
        Ok(client)
    }
}

/// What stands before a client's items.
struct SectionHead {
    count: usize,
    client: u64,
    start: u32,
}

impl SectionHead {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let count = reader.count(STRUCT_BYTES)?;
        let (client, start) = (reader.client()?, reader.clock()?);
        if count == 0 {
            return Err(UpdateError::Malformed("an empty section"));
        }
        Ok(Self { count, client, start })
    }

    /// Gives each item to `keep`. The clocks from the first to one past the last.
    fn read_items<'a>(&self, reader: &mut Reader<'a>, mut keep: impl FnMut(Item<'a>)) -> Result<(u32, u32)> {
        let mut clock = self.start;
        for _ in 0..self.count {
            let item = read_item(reader, clock)?;
            clock = item.end;
            keep(item);
        }
        Ok((self.start, clock))
    }
}

/// Gives each section's client and clocks to `visit`, and reads no further than the last of them.
pub(crate) fn visit_sections(bytes: &[u8], mut visit: impl FnMut(u64, u32, u32)) -> Result<()> {
    let mut reader = Reader::new(bytes);
    for _ in 0..reader.count(SECTION_BYTES)? {
        let head = SectionHead::read(&mut reader)?;
        let (start, end) = head.read_items(&mut reader, |_| {})?;
        visit(head.client, start, end);
    }
    Ok(())
}

/// Clients may come in any order among the deletions, but each only once.
fn each_once(mut clients: Vec<u64>) -> Result<()> {
    clients.sort_unstable();
    let repeated = clients.windows(2).any(|pair| pair[0] == pair[1]);
    if repeated { Err(UpdateError::Malformed("a client's deletions twice")) } else { Ok(()) }
}

fn read_item<'a>(reader: &mut Reader<'a>, start: u32) -> Result<Item<'a>> {
    let info = reader.byte()?;
    let kind = info & KIND;
    if kind != TEXT && kind != DELETED {
        return Err(UpdateError::NotText("content that is neither text nor deleted"));
    }
    if info & HAS_MAP_KEY != 0 {
        return Err(UpdateError::NotText("a map key"));
    }
    let origin = if info & HAS_ORIGIN != 0 { Some(reader.id()?) } else { None };
    let right_origin = if info & HAS_RIGHT_ORIGIN != 0 { Some(reader.id()?) } else { None };
    let root = if origin.is_none() && right_origin.is_none() { read_root(reader)? } else { "" };
    let (content, len) = read_content(reader, kind)?;
    Ok(Item { start, end: advance(start, len)?, origin, right_origin, root, content })
}

fn read_root<'a>(reader: &mut Reader<'a>) -> Result<&'a str> {
    match reader.uint()? {
        1 => reader.string(),
        _ => Err(UpdateError::NotText("a parent that is no root")),
    }
}

fn read_content<'a>(reader: &mut Reader<'a>, kind: u8) -> Result<(Content<'a>, u32)> {
    if kind == DELETED {
        return Ok((Content::Deleted, reader.clock()?));
    }
    let text = reader.string()?;
    let len = u32::try_from(utf16::len(text)).map_err(|_| UpdateError::Malformed("a number out of range"))?;
    Ok((Content::Text(text), len))
}

/// The clock `len` after `start`: never the same, never beyond the last.
fn advance(start: u32, len: u32) -> Result<u32> {
    match start.checked_add(len) {
        Some(end) if len > 0 && end <= MAX_CLOCK => Ok(end),
        Some(_) if len == 0 => Err(UpdateError::Malformed("something of length zero")),
        _ => Err(UpdateError::Malformed("a clock out of range")),
    }
}

/// Writes an item that holds `texts` one after the other, or as many deleted clocks as `item` spans.
pub(crate) fn write_item(writer: &mut Writer, item: &Item<'_>, texts: &[&str]) {
    let flag = |id: Option<Id>, flag: u8| if id.is_some() { flag } else { 0 };
    let kind = if item.content == Content::Deleted { DELETED } else { TEXT };
    writer.byte(kind | flag(item.origin, HAS_ORIGIN) | flag(item.right_origin, HAS_RIGHT_ORIGIN));
    item.origin.into_iter().chain(item.right_origin).for_each(|id| writer.id(id));
    if item.origin.is_none() && item.right_origin.is_none() {
        writer.uint(1);
        writer.string(&[item.root]);
    }
    match item.content {
        Content::Text(_) => writer.string(texts),
        Content::Deleted => writer.clock(item.end - item.start),
    }
}

/// Writes deletions; those of a client must stand together.
pub(crate) fn write_deletions(writer: &mut Writer, deletions: &[Deletion]) {
    let by_client = || deletions.chunk_by(|a, b| a.client == b.client);
    writer.count(by_client().count());
    for ranges in by_client() {
        writer.uint(ranges[0].client);
        writer.count(ranges.len());
        for range in ranges {
            writer.clock(range.start);
            writer.clock(range.end - range.start);
        }
    }
}
