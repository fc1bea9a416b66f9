//! What other crates and the page are tested with as well: golden frames, and inputs that break an unguarded CRDT.

use serde_json::Value;

/// The body of a golden frame.
#[derive(Debug, Clone)]
pub struct Golden {
    /// What it is.
    pub name: String,
    /// `client`, `server` or `datagram`.
    pub kind: String,
    /// The bytes, without a length in front.
    pub body: Vec<u8>,
}

/// An input that breaks an unguarded CRDT.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Whether it is an update; else it is a state vector.
    pub is_update: bool,
    /// The update that came before.
    pub base: Vec<u8>,
    /// The input.
    pub bytes: Vec<u8>,
}

/// `vectors/frames.json`.
pub fn golden() -> Vec<Golden> {
    let list: Vec<Value> = serde_json::from_str(&file("frames.json")).expect("a list");
    let frame =
        |value: &Value| Golden { name: text(value, "name"), kind: text(value, "kind"), body: bytes(value, "hex") };
    list.iter().map(frame).collect()
}

/// `vectors/hostile.jsonl`.
pub fn hostile() -> Vec<Hostile> {
    let text_of_file = file("hostile.jsonl");
    let values = text_of_file.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let case = |(number, value): (usize, Value)| Hostile {
        line: number + 1,
        is_update: text(&value, "kind") == "update",
        base: bytes(&value, "base"),
        bytes: bytes(&value, "bytes"),
    };
    values.enumerate().map(case).collect()
}

fn file(name: &str) -> String {
    let path = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

fn bytes(value: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(value, field)).expect("hexadecimal digits")
}
