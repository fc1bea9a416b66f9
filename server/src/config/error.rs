//! What is wrong with what the operator chose.

use std::path::PathBuf;

/// Why there is no configuration. Each is one line that says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The command line is not understood, or it asks for help. Has its own exit code.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: {message}", path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A key or a variable does not exist.
    #[error("{place}: there is no {name}; did you mean {nearest}?")]
    Unknown {
        /// The file or the environment.
        place: String,
        /// What was given.
        name: String,
        /// What was probably meant.
        nearest: String,
    },
    /// A value of a kind that no key has, such as a table.
    #[error("{place}: {name} is a {kind}; a number, a text or a list of texts was expected")]
    Kind {
        /// Which file.
        place: String,
        /// Which key.
        name: String,
        /// What it is instead.
        kind: &'static str,
    },
    /// A variable is not UTF-8.
    #[error("the environment: {0} is not UTF-8")]
    NotText(String),
    /// A value is of the wrong form or out of bounds.
    #[error("{name} (from {place}) = {value:?} {}is {reason}", in_unit(unit))]
    Value {
        /// Which key.
        name: &'static str,
        /// Where the value came from.
        place: String,
        /// What was given.
        value: String,
        /// The unit of the key.
        unit: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A key needs another one.
    #[error("{given} is set without {missing}; set both, or neither for a certificate that the server makes itself")]
    Alone {
        /// Which is set.
        given: &'static str,
        /// Which is not.
        missing: &'static str,
    },
}

fn in_unit(unit: &str) -> String {
    const COUNTED: [&str; 9] =
        ["BYTES", "DAYS", "EDITS", "ENTRIES", "MEMBERS", "MILLISECONDS", "ROOMS", "SECONDS", "SESSIONS"];
    if COUNTED.contains(&unit) { format!("{} ", unit.to_lowercase()) } else { String::new() }
}
