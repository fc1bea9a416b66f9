//! Inputs to begin with: the project's golden frames and hostile inputs, in the form that each target reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Longest base of a hostile input that is kept, in bytes: mutating a long one finds little.
const MAX_BASE: usize = 400;

/// The seeds of a target, by its name, and the inputs that once broke a promise of it. Sorted, each once.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds: BTreeSet<Vec<u8>> = findings(target).into_iter().collect();
    match target {
        "codec" => seeds.extend(golden().into_iter().flat_map(|(_, body)| [framed(&body), body])),
        "room" => {
            let frames = golden().into_iter().filter(|(kind, _)| kind == "client");
            seeds.extend(frames.map(|(_, body)| [&[0], &body[..]].concat()));
            seeds.extend(hostile("update").into_iter().map(|(_, bytes)| [&[1], &bytes[..]].concat()));
        }
        kind => seeds.extend(hostile(kind).into_iter().flat_map(|(base, bytes)| {
            let own = (base.len() <= MAX_BASE).then(|| own(&base, &bytes));
            own.into_iter().chain((0..3).map(move |base| [&[base], &bytes[..]].concat()))
        })),
    }
    seeds.into_iter().collect()
}

/// Where the inputs are kept that once broke a promise.
pub fn findings_of(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../findings").join(target)
}

fn findings(target: &str) -> Vec<Vec<u8>> {
    let Ok(folder) = std::fs::read_dir(findings_of(target)) else { return Vec::new() };
    folder.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn own(base: &[u8], bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(base.len()).unwrap().to_le_bytes();
    [&[3], &len[..], base, bytes].concat()
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![body.len() as u8 & 0x7f];
    if body.len() > 0x7f {
        framed[0] |= 0x80;
        framed.push((body.len() >> 7) as u8);
    }
    framed.extend_from_slice(body);
    framed
}

/// Kind and body of every golden frame.
fn golden() -> Vec<(String, Vec<u8>)> {
    let list: Vec<Value> = serde_json::from_str(&vectors("frames.json")).unwrap();
    list.iter().map(|value| (text(value, "kind"), bytes(value, "hex"))).collect()
}

/// Base and bytes of every hostile input of a kind.
fn hostile(kind: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let lines = vectors("hostile.jsonl");
    let values = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = values.filter(|value| value["kind"] == kind);
    own.map(|value| (bytes(&value, "base"), bytes(&value, "bytes"))).collect()
}

fn vectors(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}

fn bytes(value: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(value, field)).unwrap()
}
