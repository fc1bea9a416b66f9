//! What the user is told: a line on standard error, and with `--json` an object on standard output.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;

/// Tells what happens between a file and a room.
#[derive(Debug)]
pub struct Report {
    json: bool,
    file: String,
    room: String,
}

impl Report {
    /// A report of this file and this room.
    pub fn new(json: bool, file: &str, room: &str) -> Self {
        Self { json, file: file.to_owned(), room: room.to_owned() }
    }

    /// File and room have the same text of so many bytes.
    ///
    /// # Errors
    /// As all that print: nobody reads.
    pub fn equal(&self, bytes: usize) -> anyhow::Result<()> {
        self.line(
            "equal",
            &format!("{} and {} are equal ({bytes} bytes)", self.file, self.room),
            ("bytes", bytes.into()),
        )
    }

    /// The two are kept equal from now on; the room's text has so many bytes.
    ///
    /// # Errors
    /// As [`equal`](Self::equal).
    pub fn begun(&self, bytes: usize) -> anyhow::Result<()> {
        let words = format!("{} and {} are kept equal ({bytes} bytes); Ctrl-C ends", self.file, self.room);
        self.line("begun", &words, ("bytes", bytes.into()))
    }

    /// A change of the file is on its way to the room.
    ///
    /// # Errors
    /// As [`equal`](Self::equal).
    pub fn to_room(&self, bytes: usize) -> anyhow::Result<()> {
        self.line("to-room", &format!("{} → {} ({bytes} bytes)", self.file, self.room), ("bytes", bytes.into()))
    }

    /// A change of the room is in the file.
    ///
    /// # Errors
    /// As [`equal`](Self::equal).
    pub fn to_file(&self, bytes: usize) -> anyhow::Result<()> {
        self.line("to-file", &format!("{} → {} ({bytes} bytes)", self.room, self.file), ("bytes", bytes.into()))
    }

    /// Every change of the file is on the server's disk.
    ///
    /// # Errors
    /// As [`equal`](Self::equal).
    pub fn saved(&self) -> anyhow::Result<()> {
        self.line("saved", &format!("saved in {}", self.room), ("room", self.room.as_str().into()))
    }

    /// A text is in neither of the two any more, but in a copy.
    ///
    /// # Errors
    /// As [`equal`](Self::equal).
    pub fn kept(&self, why: &str, copy: &Path) -> anyhow::Result<()> {
        let path = copy.display().to_string();
        self.line("kept", &format!("{why}; a copy is in {path}"), ("path", path.as_str().into()))
    }

    /// Something keeps file and room from being equal.
    ///
    /// # Errors
    /// As [`equal`](Self::equal).
    pub fn trouble(&self, trouble: &Failure) -> anyhow::Result<()> {
        self.line("trouble", &format!("{} {}", trouble.what, trouble.next), ("message", trouble.what.as_str().into()))
    }

    fn line(&self, event: &str, words: &str, (name, value): (&str, Value)) -> anyhow::Result<()> {
        output::tell(words.trim_end());
        if !self.json {
            return Ok(());
        }
        let mut line = json!({ "time": Timestamp::now().to_string(), "event": event });
        line[name] = value;
        output::print_json(&line)
    }
}
