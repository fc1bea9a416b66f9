//! Updates without a document: what they carry, and several as one.

use std::collections::BTreeMap;

use crate::inspect::{self, Content, Deletion, Id, Item, ItemSection, Update, Writer, write_deletions, write_item};
use crate::{Section, UpdateError};

impl From<&ItemSection> for Section {
    fn from(section: &ItemSection) -> Self {
        Self { client: section.client, start: section.start, end: section.end }
    }
}

/// Which operations an update carries, from its structure alone: whether it fits a document is not asked.
pub fn sections(update: &[u8]) -> Result<Vec<Section>, UpdateError> {
    Ok(Update::parse(update)?.sections.iter().map(Section::from).collect())
}

/// As [`sections`], without memory: gives each to `visit` as it is read. What stands behind the last one is not looked at, and
/// those before a fault have been given already.
pub fn visit_sections(update: &[u8], mut visit: impl FnMut(Section)) -> Result<(), UpdateError> {
    inspect::visit_sections(update, |client, start, end| visit(Section { client, start, end }))
}

/// One update out of several, in time proportional to their length. The operations of each client must follow on each other
/// ([`UpdateError::Gap`] otherwise); what comes twice is taken once. Consecutive typing becomes one item.
pub fn merge(updates: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, UpdateError> {
    let updates = updates.iter().map(|update| Update::parse(update.as_ref())).collect::<Result<Vec<_>, _>>()?;
    let mut writer = Writer::default();
    let clients = by_client(&updates);
    writer.count(clients.len());
    for (client, mut sections) in clients.into_iter().rev() {
        sections.sort_by_key(|(_, section)| (section.start, section.end));
        write_section(&mut writer, client, &sections)?;
    }
    write_deletions(&mut writer, &union(updates.iter().flat_map(|update| &update.deletions)));
    Ok(writer.into_bytes())
}

type Parts<'u, 'a> = Vec<(&'u Update<'a>, &'u ItemSection)>;

fn by_client<'u, 'a>(updates: &'u [Update<'a>]) -> BTreeMap<u64, Parts<'u, 'a>> {
    let mut clients: BTreeMap<u64, Parts<'u, 'a>> = BTreeMap::new();
    for update in updates {
        for section in &update.sections {
            clients.entry(section.client).or_default().push((update, section));
        }
    }
    clients
}

fn write_section(writer: &mut Writer, client: u64, parts: &Parts<'_, '_>) -> Result<(), UpdateError> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let start = parts.first().map_or(0, |(_, section)| section.start);
    let mut next = start;
    for (update, section) in parts {
        if section.start > next {
            return Err(UpdateError::Gap);
        }
        let known = update.items_of(section).partition_point(|item| item.end <= next);
        for mut item in update.items_of(section)[known..].iter().copied() {
            item.cut_before(Id { client, clock: next.max(item.start) })?;
            next = item.end;
            push(&mut runs, client, item);
        }
    }
    writer.count(runs.len());
    writer.uint(client);
    writer.clock(start);
    runs.iter().for_each(|run| write_item(writer, &run.item, &run.texts));
    Ok(())
}

/// Items that are one: each was put behind the one before, with the same right neighbour.
struct Run<'a> {
    item: Item<'a>,
    texts: Vec<&'a str>,
}

fn push<'a>(runs: &mut Vec<Run<'a>>, client: u64, item: Item<'a>) {
    let text = if let Content::Text(text) = item.content { text } else { "" };
    if let Some(run) = runs.last_mut() {
        let follows = item.origin == Some(Id { client, clock: run.item.end - 1 });
        let alike = (item.content == Content::Deleted) == (run.item.content == Content::Deleted);
        if follows && alike && item.right_origin == run.item.right_origin {
            run.item.end = item.end;
            run.texts.push(text);
            return;
        }
    }
    runs.push(Run { item, texts: vec![text] });
}

fn union<'u>(deletions: impl Iterator<Item = &'u Deletion>) -> Vec<Deletion> {
    let mut all: Vec<Deletion> = deletions.copied().collect();
    all.sort_unstable();
    let mut union: Vec<Deletion> = Vec::with_capacity(all.len());
    for next in all {
        match union.last_mut() {
            Some(last) if last.client == next.client && next.start <= last.end => last.end = last.end.max(next.end),
            _ => union.push(next),
        }
    }
    union
}
