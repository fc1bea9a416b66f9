//! Yjs in a process of its own: commands are gathered, sent at once, and answered at once.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The program of the other side.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/differential/yjs.js");

/// A document in the other process.
pub type Doc = u64;

pub struct Yjs {
    _process: Child,
    input: ChildStdin,
    output: ChildStdout,
    commands: Vec<u8>,
}

/// A text as Yjs shows it.
#[derive(Debug)]
pub struct Shown {
    pub live: String,
    pub reloaded: String,
    /// Whether something waits for what is missing.
    pub pending: bool,
}

impl Yjs {
    pub fn start() -> Self {
        let mut command = Command::new("node");
        let process = command.arg(PROGRAM).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.unwrap_or_else(|error| panic!("node: {error}"));
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { _process: process, input, output, commands: Vec::new() }
    }

    /// Makes a document, in the place of an earlier one of this number.
    pub fn create(&mut self, doc: Doc, client: u64) {
        self.command(0, &[doc, client]);
    }

    pub fn apply(&mut self, doc: Doc, update: &[u8]) {
        self.command(1, &[doc]);
        self.bytes(update);
    }

    /// Replaces characters; Yjs takes the place modulo the length of its text.
    pub fn splice(&mut self, doc: Doc, at: u64, delete: u64, insert: &str) {
        self.command(2, &[doc, at, delete]);
        self.bytes(insert.as_bytes());
    }

    /// Brings one document what another has.
    pub fn sync(&mut self, from: Doc, to: Doc) {
        self.command(3, &[from, to]);
    }

    /// Asks what one document has that another lacks: [`Answers::update`].
    pub fn diff(&mut self, from: Doc, to: Doc) {
        self.command(4, &[from, to]);
    }

    /// Asks for a text: [`Answers::text`].
    pub fn show(&mut self, doc: Doc) {
        self.command(5, &[doc]);
    }

    /// Sends what was gathered and waits for the answers, which stand in the order of the questions.
    pub fn exchange(&mut self) -> Answers {
        let len = u32::try_from(self.commands.len()).unwrap();
        self.input.write_all(&[&len.to_le_bytes()[..], &self.commands].concat()).unwrap();
        self.commands.clear();
        let mut len = [0; 4];
        self.output.read_exact(&mut len).unwrap();
        let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
        self.output.read_exact(&mut bytes).unwrap();
        Answers { bytes, at: 0 }
    }

    fn command(&mut self, number: u64, arguments: &[u64]) {
        self.uint(number);
        arguments.iter().for_each(|argument| self.uint(*argument));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.uint(bytes.len() as u64);
        self.commands.extend_from_slice(bytes);
    }

    fn uint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.commands.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.commands.push(value as u8);
    }
}

pub struct Answers {
    bytes: Vec<u8>,
    at: usize,
}

impl Answers {
    pub fn update(&mut self) -> Vec<u8> {
        let len = self.uint();
        self.at += len;
        self.bytes[self.at - len..self.at].to_vec()
    }

    pub fn text(&mut self) -> Shown {
        let mut text = || String::from_utf8(self.update()).unwrap();
        let (live, reloaded) = (text(), text());
        self.at += 1;
        Shown { live, reloaded, pending: self.bytes[self.at - 1] != 0 }
    }

    fn uint(&mut self) -> usize {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.bytes[self.at];
            self.at += 1;
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }
}
