//! Inputs that crash, hang or corrupt an unguarded yrs: each must be refused or harmless.

#![allow(clippy::unwrap_used)] // Helpers outside test functions, where the lint has no exception.

use collab_document::*;
use serde_json::Value;

struct Case {
    number: usize,
    is_update: bool,
    base: Vec<u8>,
    bytes: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/hostile.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    lines.lines().enumerate().map(|(number, line)| parse(number + 1, line)).collect()
}

fn parse(number: usize, line: &str) -> Case {
    let value: Value = serde_json::from_str(line).unwrap();
    let field = |name: &str| value[name].as_str().unwrap().to_owned();
    let bytes = |name: &str| hex::decode(field(name)).unwrap();
    Case { number, is_update: field("kind") == "update", base: bytes("base"), bytes: bytes("bytes") }
}

/// An honest text by three authors, with insertions amid, deletions and characters of two code units.
fn honest(root: &str) -> Document {
    let mut first = Document::with_root(1, root);
    first.splice(0, 0, "hello 😀 world\n").unwrap();
    for client in [2, 3, 4] {
        let mut next = Document::with_root(client, root);
        next.load(&first.state().unwrap()).unwrap();
        next.splice(3, 2, "中文😀").unwrap();
        next.splice(next.len(), 0, "more").unwrap();
        first.load(&next.state().unwrap()).unwrap();
    }
    first
}

/// The case's own base where the inspector takes it, an empty document, and an honest text.
fn documents(case: &Case, root: &str) -> Vec<Document> {
    let mut own = Document::with_root(1_000, root);
    let _ = own.load(&case.base);
    vec![own, Document::with_root(1_000, root), honest(root)]
}

fn replica(of: &Document, client: u64, root: &str) -> Document {
    let mut replica = Document::with_root(client, root);
    replica.load(&of.state().unwrap()).unwrap();
    replica
}

fn assert_sound(document: &mut Document, root: &str, at: &str) {
    assert!(!document.is_poisoned(), "{at}");
    let mut other = replica(document, 2_000, root);
    assert_eq!(other.text(), document.text(), "{at}: reloaded");
    document.splice(document.len(), 0, "end").unwrap();
    document.splice(0, 0, "start 😀").unwrap();
    document.apply(&other.splice(0, 0, "other").unwrap(), |_| false).unwrap();
    document.splice(2, 2, "").unwrap();
    other.apply(&document.diff(&other.state_vector()).unwrap(), |_| false).unwrap();
    assert_eq!(other.text(), document.text(), "{at}: converged");
    assert_eq!(other.state_vector(), document.state_vector(), "{at}");
    assert!(!document.is_poisoned() && !other.is_poisoned(), "{at}");
}

#[test]
fn every_hostile_input_is_refused_or_harmless() {
    let cases = cases();
    assert_eq!(cases.len(), 248);
    let mut refused = 0;
    for case in &cases {
        for root in [ROOT, "t"] {
            for (which, mut document) in documents(case, root).into_iter().enumerate() {
                let at = format!("line {} on document {which} under {root}", case.number);
                let result = match case.is_update {
                    true => document.apply(&case.bytes, |_| false).map(|_| ()).map_err(|error| error.to_string()),
                    false => document.diff(&case.bytes).map(|_| ()).map_err(|error| error.to_string()),
                };
                refused += usize::from(result.is_err());
                assert_sound(&mut document, root, &at);
            }
        }
    }
    // Most of these are refused: a corpus that suddenly passes means that the inspector no longer looks.
    assert!(refused > cases.len() * 6 / 2, "{refused} of {} refused", cases.len() * 6);
}

#[test]
fn no_prefix_of_a_state_is_taken() {
    let state = honest(ROOT).state().unwrap();
    for len in 0..state.len() {
        let mut document = Document::new(9);
        assert!(document.apply(&state[..len], |_| false).is_err(), "{len} bytes");
        assert!(document.is_empty());
    }
}

/// Updates by hand: each breaks one rule, and is refused for it.
#[test]
fn each_rule_is_kept() {
    let refusal = |bytes: &[u8]| {
        let mut document = honest(ROOT);
        let error = document.apply(bytes, |client| client == 3).unwrap_err();
        assert_sound(&mut document, ROOT, "after a refusal");
        error
    };
    let malformed = |bytes: &[u8]| assert!(matches!(refusal(bytes), UpdateError::Malformed(_)), "{bytes:?}");
    let not_text = |bytes: &[u8]| assert!(matches!(refusal(bytes), UpdateError::NotText(_)), "{bytes:?}");
    let invalid = |bytes: &[u8]| assert!(matches!(refusal(bytes), UpdateError::Invalid(_)), "{bytes:?}");

    malformed(&[]);
    malformed(&[0, 0, 0]); // bytes after the end
    malformed(&[0x80, 0, 0]); // a padded number
    malformed(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]); // a count that lies
    malformed(&[1, 0, 9, 0, 0, 0, 0]); // an empty section
    malformed(&[2, 1, 9, 0, 0x84, 1, 0, 1, b'a', 1, 9, 1, 0x84, 1, 0, 1, b'b', 0]); // a client twice
    malformed(&[1, 1, 9, 0, 0x84, 1, 0, 0, 0]); // empty text
    malformed(&[1, 1, 9, 0, 0x84, 1, 0, 1, 0xff, 0]); // not UTF-8
    malformed(&[1, 1, 9, 0, 0x81, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]); // beyond the last clock
    malformed(&[0, 1, 1, 0]); // an empty list of deletions
    malformed(&[0, 1, 1, 1, 0, 0]); // an empty deletion
    malformed(&[0, 1, 1, 2, 3, 2, 4, 1]); // deletions that overlap
    malformed(&[0, 2, 1, 1, 0, 1, 1, 1, 3, 1]); // a client's deletions twice

    not_text(&[1, 1, 9, 0, 0x04, 1, 1, b'x', 1, b'a', 0]); // another root
    not_text(&[1, 1, 9, 0, 0x04, 0, 1, 0, 1, b'a', 0]); // a parent that is no root
    not_text(&[1, 1, 9, 0, 0x24, 1, 4, b't', b'e', b'x', b't', 1, b'k', 1, b'a', 0]); // a map key
    for kind in [0, 2, 3, 5, 6, 7, 8, 9, 10, 11, 31] {
        not_text(&[1, 1, 9, 0, 0x80 | kind, 1, 0, 1, b'a', 0]);
    }

    // What repeats known operations changes nothing here, but Yjs looks for its neighbours all the same.
    invalid(&[1, 1, 2, 0, 0x84, 1, 6, 1, b'a', 0]); // behind half a pair
    invalid(&[1, 1, 2, 0, 0x84, 2, 0, 1, b'a', 0]); // beside itself
    not_text(&[1, 1, 2, 0, 0x04, 1, 1, b'x', 1, b'a', 0]); // another root
    assert_eq!(refusal(&[1, 1, 2, 0, 0x84, 1, 99, 1, b'a', 0]), UpdateError::Gap);

    assert_eq!(refusal(&[1, 1, 9, 1, 0x84, 1, 0, 1, b'a', 0]), UpdateError::Gap); // starts too late
    assert_eq!(refusal(&[1, 1, 9, 0, 0x84, 5, 0, 1, b'a', 0]), UpdateError::Gap); // beside an unknown author's
    assert_eq!(refusal(&[1, 1, 9, 0, 0x84, 1, 99, 1, b'a', 0]), UpdateError::Gap); // beside an unknown clock
    assert_eq!(refusal(&[0, 1, 1, 1, 0, 99]), UpdateError::Gap); // deletes what is unknown
    assert_eq!(refusal(&[1, 1, 3, 8, 0x84, 1, 0, 1, b'a', 0]), UpdateError::ForeignAuthor);

    invalid(&[1, 1, 9, 0, 0x84, 9, 0, 1, b'a', 0]); // beside itself
    invalid(&[1, 2, 9, 0, 0x44, 9, 1, 1, b'a', 0x84, 9, 0, 1, b'b', 0]); // before its own later one
    invalid(&[2, 1, 9, 0, 0x84, 8, 0, 1, b'a', 1, 8, 0, 0x84, 9, 0, 1, b'b', 0]); // each behind the other
    invalid(&[1, 1, 9, 0, 0x84, 1, 6, 1, b'a', 0]); // behind half a pair
    invalid(&[1, 1, 9, 0, 0x44, 1, 7, 1, b'a', 0]); // before half a pair
    invalid(&[0, 1, 1, 1, 6, 1]); // deletes half a pair
    invalid(&[0, 1, 1, 1, 7, 1]); // deletes the other half
}

/// Who never saw a deleted text cannot tell where its pairs are, and lets somebody write amid one. Those who know it, from
/// before the deletion or as its author, must be able to read that.
#[test]
fn a_deleted_pair_that_is_cut_elsewhere_is_read_by_those_who_knew_it() {
    let mut author = Document::new(1);
    author.splice(0, 0, "x😀y").unwrap();
    let mut late = replica(&author, 3, ROOT);
    author.splice(1, 2, "").unwrap();
    let mut server = replica(&author, 2, ROOT);
    let between = [1, 1, 9, 0, 0xc4, 1, 1, 1, 2, 1, b'!', 0];
    server.apply(&between, |_| false).unwrap();
    assert_eq!(server.text(), "x!y");
    for reader in [&mut author, &mut late] {
        reader.load(&server.diff(&reader.state_vector()).unwrap()).unwrap();
        assert_eq!(reader.text(), "x!y");
        assert_sound(reader, ROOT, "after a cut pair");
    }
    let mut fresh = replica(&server, 4, ROOT);
    let live = fresh.splice(0, 0, "😀").unwrap();
    server.apply(&live, |_| false).unwrap();
    let amid_live = [1, 1, 9, 1, 0xc4, 4, 0, 4, 1, 1, b'!', 0];
    assert_eq!(server.apply(&amid_live, |_| false), Err(UpdateError::Invalid("it cuts a character in two")));
}
