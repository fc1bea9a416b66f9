//! Updates made to measure: well-formed for the most part, and as wrong as the fuzzer likes.

use arbitrary::{Arbitrary, Result, Unstructured};
use collab_document::{Document, ROOT};

const WORDS: [&str; 8] = ["a", "bc", "é", "中", "😀", "x\n", "👍🏽", ""];

/// Under which ids crafted operations are written: some of them wrote honest text as well.
const AUTHORS: u64 = 6;

/// How far beyond anything known a neighbour or a deletion may be looked for, in clocks.
const REACH: u64 = 40;

/// The bytes of an update that builds, more or less, on what `document` has.
pub fn update(input: &mut Unstructured<'_>, document: &Document) -> Result<Vec<u8>> {
    let known = clocks(&document.state_vector());
    let mut bytes = Vec::new();
    let mut authors: Vec<u64> = (0..input.int_in_range(0..=3)?).map(|_| author(input)).collect::<Result<_>>()?;
    if input.ratio(15, 16)? {
        authors.sort_unstable_by(|a, b| b.cmp(a));
        authors.dedup();
    }
    uint(&mut bytes, authors.len() as u64);
    for author in authors {
        section(input, &mut bytes, author, &known)?;
    }
    deletions(input, &mut bytes, &known)?;
    Ok(bytes)
}

/// Bytes with some of them changed, lost or doubled.
pub fn damaged(input: &mut Unstructured<'_>, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    for _ in 0..input.int_in_range(1..=4)? {
        if bytes.is_empty() {
            break;
        }
        let at = input.choose_index(bytes.len())?;
        match input.int_in_range(0..=3)? {
            0 => bytes[at] = u8::arbitrary(input)?,
            1 => bytes[at] = bytes[at].wrapping_add(input.int_in_range(0..=4)?).wrapping_sub(2),
            2 => bytes.insert(at, u8::arbitrary(input)?),
            _ => drop(bytes.remove(at)),
        }
    }
    Ok(bytes)
}

/// A word, empty now and then.
pub fn word(input: &mut Unstructured<'_>) -> Result<&'static str> {
    input.choose(&WORDS).copied()
}

/// The pairs of an honest state vector: clients, and how many operations of each are known.
fn clocks(state_vector: &[u8]) -> Vec<(u64, u64)> {
    let mut rest = state_vector;
    let count = read_uint(&mut rest);
    (0..count).map(|_| (read_uint(&mut rest), read_uint(&mut rest))).collect()
}

fn next(known: &[(u64, u64)], author: u64) -> u64 {
    known.iter().find(|(client, _)| *client == author).map_or(0, |(_, clock)| *clock)
}

fn author(input: &mut Unstructured<'_>) -> Result<u64> {
    Ok(input.int_in_range(0..=AUTHORS - 1)? + 1)
}

/// Mostly a clock that is known, sometimes any.
fn place(input: &mut Unstructured<'_>, known: &[(u64, u64)]) -> Result<(u64, u64)> {
    if known.is_empty() || input.ratio(1, 8)? {
        return Ok((author(input)?, input.int_in_range(0..=REACH)?));
    }
    let (author, next) = *input.choose(known)?;
    Ok((author, input.int_in_range(0..=next - 1)?))
}

fn section(input: &mut Unstructured<'_>, bytes: &mut Vec<u8>, author: u64, known: &[(u64, u64)]) -> Result<()> {
    let next = next(known, author);
    let items = input.int_in_range(0..=4u64)?;
    // Mostly what follows, sometimes what overlaps or leaves a gap.
    let start = match input.int_in_range(0..=7u64)? {
        0 => next + 1,
        back @ 1..=3 => next.saturating_sub(back),
        _ => next,
    };
    uint(bytes, items);
    uint(bytes, author);
    uint(bytes, start);
    (0..items).try_for_each(|_| item(input, bytes, known))
}

fn item(input: &mut Unstructured<'_>, bytes: &mut Vec<u8>, known: &[(u64, u64)]) -> Result<()> {
    let (origin, right_origin) = (input.ratio(3, 4)?, input.ratio(1, 2)?);
    let deleted = input.ratio(1, 6)?;
    let kind = if deleted { 1 } else { 4 };
    bytes.push(kind | u8::from(origin) << 7 | u8::from(right_origin) << 6);
    for _ in 0..u8::from(origin) + u8::from(right_origin) {
        let (author, clock) = place(input, known)?;
        uint(bytes, author);
        uint(bytes, clock);
    }
    if !origin && !right_origin {
        uint(bytes, 1);
        string(bytes, ROOT);
    }
    if deleted {
        uint(bytes, input.int_in_range(0..=3)?);
    } else {
        string(bytes, word(input)?);
    }
    Ok(())
}

fn deletions(input: &mut Unstructured<'_>, bytes: &mut Vec<u8>, known: &[(u64, u64)]) -> Result<()> {
    let authors = input.int_in_range(0..=2u64)?;
    uint(bytes, authors);
    for _ in 0..authors {
        let ranges = input.int_in_range(1..=3u64)?;
        let (author, mut at) = place(input, known)?;
        uint(bytes, author);
        uint(bytes, ranges);
        for _ in 0..ranges {
            let len = input.int_in_range(0..=4)?;
            uint(bytes, at);
            uint(bytes, len);
            at += len + input.int_in_range(0..=4)?;
        }
    }
    Ok(())
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    uint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn uint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn read_uint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let Some((byte, tail)) = rest.split_first() else { break };
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    value
}
