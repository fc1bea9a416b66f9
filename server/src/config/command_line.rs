//! The command line, made from the table of keys.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::sources::{FILE_VARIABLE, Place, Values};
use super::{Config, ConfigError, KEYS, Key};

/// What the operator asks for.
#[derive(Debug)]
pub enum Request {
    /// To serve.
    Serve(Box<Config>),
    /// To see the configuration: TOML to print.
    Show(String),
    /// To check the database in a data folder.
    Check(PathBuf),
    /// To fill an empty data folder from a backup.
    Restore {
        /// The folder.
        data: PathBuf,
        /// The backup.
        backup: PathBuf,
    },
}

/// The argument of `restore`. Its name is in no table of keys.
const BACKUP: &str = "backup file";

const PRECEDENCE: &str = "A value comes from the command line, else the environment, else the file, else the default.";

/// Reads the command line (with the program's name), the environment, and the file that one of them names.
pub fn read(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Request, ConfigError> {
    let matches = command().try_get_matches_from(arguments)?;
    let command = matches.subcommand();
    let mut values = Values::default();
    let flagged_file = read_flags(command.map_or(&matches, |(_, matches)| matches), &mut values);
    let file = values.read_environment(environment.into_iter())?;
    if let Some(path) = flagged_file.or(file) {
        values.read_file(&path)?;
    }
    let config = Config::from_values(&values)?;
    Ok(match command {
        Some(("config", _)) => Request::Show(shown(&config, &values)),
        Some(("check", _)) => Request::Check(config.data),
        Some(("restore", matches)) => {
            Request::Restore { data: config.data, backup: matches.get_one(BACKUP).cloned().unwrap_or_default() }
        }
        _ => Request::Serve(Box::new(config)),
    })
}

fn command() -> Command {
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help_heading("Configuration")
        .value_parser(value_parser!(PathBuf))
        .help(format!("TOML file with the same keys, written with underscores [env: {FILE_VARIABLE}]"));
    Command::new("collab-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves rooms in which people write one text together, live")
        .after_help(format!("{PRECEDENCE}\n`collab-server config` shows each value and where it comes from."))
        .arg(file)
        .args(KEYS.iter().map(argument))
        .subcommand(Command::new("config").about("Shows the configuration as TOML, and where each value comes from"))
        .subcommand(
            Command::new("check").about(
                "Checks the database in the data folder, which no server may use: pages, records, texts and log",
            ),
        )
        .subcommand(restore())
}

fn restore() -> Command {
    let backup = Arg::new(BACKUP)
        .value_name("FILE")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("What `collab-cli backup` wrote");
    Command::new("restore").about("Fills an empty or new data folder from a backup").arg(backup).after_help(
        "Every room keeps its text, its password and its log, and begins another life: clients that come back with unsaved \
         edits are offered to keep a copy. Owner tokens of before are void; the admin token rules the rooms.",
    )
}

fn argument(key: &'static Key) -> Arg {
    let default = (key.default)().map(|value| format!(", default: {}", plain(&value))).unwrap_or_default();
    Arg::new(key.name).long(key.flag()).value_name(key.unit).global(true).help_heading(key.group).help(format!(
        "{} [env: {}{default}]",
        key.help.trim(),
        key.variable()
    ))
}

fn read_flags(matches: &ArgMatches, values: &mut Values) -> Option<PathBuf> {
    for key in KEYS {
        if let Some(text) = matches.get_one::<String>(key.name) {
            values.offer(key.name, text.clone(), Place::Flag(key.flag()));
        }
    }
    matches.get_one::<PathBuf>("config").cloned()
}

/// A default as it would stand on the command line.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(parts) if parts.is_empty() => "none".to_owned(),
        other => other.to_string(),
    }
}

fn shown(config: &Config, values: &Values) -> String {
    let mut text = format!("# {PRECEDENCE}\n");
    for (name, value) in config.shown() {
        let place = values.place(name).map_or_else(|| "default".to_owned(), Place::to_string);
        let line = value.map_or_else(|| format!("# {name} is not set"), |value| format!("{name} = {value}"));
        let _ = writeln!(text, "{line:<48} # {place}");
    }
    text
}
