//! Where values come from: command line, environment, file. All of them as text, with their place.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

use super::setting::Setting;
use super::{ConfigError, KEYS};

/// Names the file when no flag does.
pub(crate) const FILE_VARIABLE: &str = "COLLAB_CONFIG";

/// Variables of the terminal client, which may stand in the same shell.
const CLIENT_VARIABLES: [&str; 3] = ["COLLAB_ADMIN_TOKEN", "COLLAB_PASSWORD", "COLLAB_URL"];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Flag(String),
    Variable(String),
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The values that were given, each from the place that wins.
#[derive(Debug, Default)]
pub(crate) struct Values(BTreeMap<String, (String, Place)>);

impl Values {
    /// Takes a value unless a place read earlier gave one: places are read in the order of precedence.
    pub fn offer(&mut self, key: &str, text: String, place: Place) {
        self.0.entry(key.to_owned()).or_insert((text, place));
    }

    /// Where the value of a key came from; none for the default.
    pub fn place(&self, key: &str) -> Option<&Place> {
        self.0.get(key).map(|(_, place)| place)
    }

    /// The checked value of a key; none when no place gave one.
    pub fn parsed<T: Setting>(
        &self,
        name: &'static str,
        unit: &'static str,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((text, place)) = self.0.get(name) else { return Ok(None) };
        let wrong = |reason| ConfigError::Value { name, place: place.to_string(), value: text.clone(), unit, reason };
        let value = T::parse(text).map_err(wrong)?;
        check(&value).map_err(wrong)?;
        Ok(Some(value))
    }

    /// Reads every `COLLAB_` variable and returns the name of the file, if one is there.
    pub fn read_environment(
        &mut self,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Option<PathBuf>, ConfigError> {
        let mut file = None;
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with("COLLAB_")) else { continue };
            match KEYS.iter().find(|key| key.variable() == name) {
                _ if name == FILE_VARIABLE => file = Some(PathBuf::from(value)),
                _ if CLIENT_VARIABLES.contains(&name) => {}
                None => return Err(unknown("the environment", name, KEYS.iter().map(|key| key.variable()))),
                Some(key) => {
                    let text = value.into_string().map_err(|_| ConfigError::NotText(name.to_owned()))?;
                    self.offer(key.name, text, Place::Variable(name.to_owned()));
                }
            }
        }
        Ok(file)
    }

    /// Reads a TOML file.
    pub fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let table: toml::Table = toml::from_str(&text).map_err(|error| not_toml(path, &text, &error))?;
        let place = path.display().to_string();
        for (name, value) in table {
            if !KEYS.iter().any(|key| key.name == name) {
                return Err(unknown(&place, &name, KEYS.iter().map(|key| key.name.to_owned())));
            }
            let kind = value.type_str();
            let text =
                as_text(value).ok_or_else(|| ConfigError::Kind { place: place.clone(), name: name.clone(), kind })?;
            self.offer(&name, text, Place::File(path.to_owned()));
        }
        Ok(())
    }
}

/// A value as it would stand on the command line.
fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Array(parts) => {
            let parts: Option<Vec<_>> = parts.iter().map(Value::as_str).collect();
            Some(parts?.join(","))
        }
        _ => None,
    }
}

fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let message = error.message().lines().collect::<Vec<_>>().join("; ");
    ConfigError::Toml { path: path.to_owned(), line: before.matches('\n').count() + 1, message }
}

fn unknown(place: &str, name: &str, known: impl Iterator<Item = String>) -> ConfigError {
    let likeness = |other: &String| (strsim::jaro_winkler(name, other) * 1e6) as u64;
    let nearest = known.max_by_key(likeness).unwrap_or_default();
    ConfigError::Unknown { place: place.to_owned(), name: name.to_owned(), nearest }
}
