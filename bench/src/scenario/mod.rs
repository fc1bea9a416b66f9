//! Loads with a name: TOML files whose keys are the options of the command line, so that both mean and check the same.
//!
//! What the user gives on the command line counts before what stands in the file.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Command};
use toml::{Table, Value};

use crate::options::load::Load;

/// Those that come with the program, in the order in which they are listed.
const BUILT_IN: [(&str, &str); 12] = [
    ("steady", include_str!("../../scenarios/steady.toml")),
    ("burst", include_str!("../../scenarios/burst.toml")),
    ("big-room-200", include_str!("../../scenarios/big-room-200.toml")),
    ("big-room-1000", include_str!("../../scenarios/big-room-1000.toml")),
    ("join-storm", include_str!("../../scenarios/join-storm.toml")),
    ("reconnect", include_str!("../../scenarios/reconnect.toml")),
    ("idle", include_str!("../../scenarios/idle.toml")),
    ("presence", include_str!("../../scenarios/presence.toml")),
    ("trace", include_str!("../../scenarios/trace.toml")),
    ("slow-readers", include_str!("../../scenarios/slow-readers.toml")),
    ("lossy", include_str!("../../scenarios/lossy.toml")),
    ("saturate", include_str!("../../scenarios/saturate.toml")),
];

/// The key that says in a sentence what a scenario is for.
const ABOUT: &str = "about";

/// The table of settings for the server.
const SERVER: &str = "server";

/// The flag for them.
const SETTINGS: &str = "server-settings";

/// A load with a name.
#[derive(Debug)]
pub struct Scenario {
    text: String,
    table: Table,
}

impl Scenario {
    /// Finds one by its name, or reads a file.
    ///
    /// # Errors
    ///
    /// As a sentence: there is neither, or a key is unknown.
    pub fn find(name_or_file: &str) -> Result<Self, String> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
            return Self::parse(text);
        }
        if !Path::new(name_or_file).is_file() {
            let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no scenario or file {name_or_file:?}; there are {}", names.join(", ")));
        }
        let text = fs::read_to_string(name_or_file).map_err(|error| format!("cannot read {name_or_file}: {error}"))?;
        Self::parse(&text).map_err(|error| format!("{name_or_file}: {error}"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let scenario = Self { text: text.to_owned(), table };
        scenario.arguments().map(|_| scenario)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it is for.
    pub fn about(&self) -> &str {
        self.table.get(ABOUT).and_then(Value::as_str).unwrap_or("(it does not say what it is for)")
    }

    /// As arguments of this program.
    pub fn arguments(&self) -> Result<Vec<String>, String> {
        let known = keys();
        let mut arguments = Vec::new();
        for (key, value) in &self.table {
            let flag = key.replace('_', "-");
            let value = match (key.as_str(), value) {
                (ABOUT, Value::String(_)) => continue,
                (SERVER, Value::Table(settings)) => {
                    arguments.push(format!("--{SETTINGS}={}", in_one_line(settings)?));
                    continue;
                }
                _ if !known.contains(&flag) => {
                    return Err(format!("{key:?} is not known; there are {ABOUT}, {}, [{SERVER}]", listed(&known)));
                }
                (_, value) => plain(key, value)?,
            };
            arguments.push(format!("--{flag}={value}"));
        }
        Ok(arguments)
    }
}

/// Those that come with the program: each with its name and what it is for.
pub fn list() -> Result<Vec<(&'static str, String)>, String> {
    let one = |(name, text): (&'static str, &str)| Ok((name, Scenario::parse(text)?.about().to_owned()));
    BUILT_IN.into_iter().map(one).collect()
}

/// Lists them, or shows one, on standard output.
///
/// # Errors
///
/// There is no such scenario.
pub fn show(name: Option<&str>) -> anyhow::Result<ExitCode> {
    match name {
        Some(name) => print!("{}", Scenario::find(name).map_err(anyhow::Error::msg)?.text()),
        None => {
            for (name, about) in list().map_err(anyhow::Error::msg)? {
                println!("{name:<16}{about}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The flags of the command line that a scenario may set. The settings of the server have a table of their own.
fn keys() -> Vec<String> {
    let command = Load::augment_args(Command::new(""));
    let flags = command.get_arguments().filter_map(|argument| argument.get_long());
    flags.filter(|flag| *flag != SETTINGS).map(str::to_owned).collect()
}

fn listed(keys: &[String]) -> String {
    keys.iter().map(|key| key.replace('-', "_")).collect::<Vec<_>>().join(", ")
}

fn in_one_line(settings: &Table) -> Result<String, String> {
    let setting = |(key, value): (&String, &Value)| Ok(format!("{key}={}", plain(key, value)?));
    settings.iter().map(setting).collect::<Result<Vec<_>, String>>().map(|all| all.join(","))
}

fn plain(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        _ => Err(format!("{key} is neither a number nor a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::CommandLine;

    #[test]
    fn every_scenario_is_one_that_the_command_line_takes_and_says_what_it_is_for() {
        for (name, about) in list().unwrap() {
            assert!(about.len() > 20 && about.len() < 100 && !about.contains("does not say"), "{name}: {about}");
            let line = CommandLine::from_words(["collab-bench", "--scenario", name]);
            assert!(line.is_ok(), "{name}: {}", line.unwrap_err());
        }
    }

    #[test]
    fn every_number_is_commented() {
        for (name, text) in BUILT_IN {
            for line in text.lines().filter(|line| !line.starts_with(['#', '[']) && !line.starts_with(ABOUT)) {
                let (setting, comment) = line.split_once('#').unwrap_or((line, ""));
                assert!(setting.trim().is_empty() || comment.trim().len() >= 6, "{name}: {line}");
            }
        }
    }

    #[test]
    fn keys_become_flags_and_the_server_gets_its_settings() {
        let text = "about = 'x'\nclients = 7\nping_interval = '2s'\nrate = 1.5\n[server]\nthrottle_ms = 0\nburst = 9\n";
        let mut arguments = Scenario::parse(text).unwrap().arguments().unwrap();
        arguments.sort_unstable();
        let wanted = ["--clients=7", "--ping-interval=2s", "--rate=1.5", "--server-settings=burst=9,throttle_ms=0"];
        assert_eq!(arguments, wanted);
    }

    #[test]
    fn what_is_unknown_or_not_for_a_file_is_refused() {
        for bad in [
            "nonsense = 1",
            "url = 'http://x'",
            "server = 'x'",
            "clients = [1]",
            "clients = ",
            "[stage]\nx = 1",
            "server_settings = 'burst=1'",
            "quiet = 'x'",
            "assert = 'lost==0'",
            "[server]\nburst = [1]",
        ] {
            assert!(Scenario::parse(bad).is_err(), "{bad:?}");
        }
        let error = Scenario::parse("client = 1").unwrap_err();
        assert!(error.contains("clients") && error.contains("ping_interval"), "{error}");
        assert!(Scenario::find("no-such-scenario").unwrap_err().contains("steady"));
    }

    #[test]
    fn a_file_is_read_like_one_that_comes_with_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        fs::write(&path, "about = 'a load of mine'\nclients = 12\n").unwrap();
        assert_eq!(Scenario::find(path.to_str().unwrap()).unwrap().about(), "a load of mine");
        fs::write(&path, "about = 'a load of mine'\nclinets = 12\n").unwrap();
        assert!(Scenario::find(path.to_str().unwrap()).unwrap_err().contains("mine.toml"));
    }
}
