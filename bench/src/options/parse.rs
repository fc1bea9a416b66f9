//! Texts to values, each with what is wrong when it is.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::profile::{Profile, Stage};

/// Reads `500ms`, `30s`, `2m` or `1h`. A number alone is in seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds_per_unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        unit => return Err(format!("{unit:?} is not a unit of time; there are ms, s, m, h")),
    };
    let amount: f64 = digits.parse().map_err(|_| format!("{text:?} is not a time, such as 30s"))?;
    let seconds = amount * seconds_per_unit;
    if !(0.001..=86_400.0).contains(&seconds) {
        return Err("a time is at least 1ms and at most 24h".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Reads a number of edits a minute.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=60_000.0).contains(&rate) => Ok(rate),
        _ => Err("a rate is a number of edits per minute from 0.01 to 60000".to_owned()),
    }
}

/// How the rate changes over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stages(Profile);

impl Stages {
    /// In edits a second.
    pub fn profile(&self) -> &Profile {
        &self.0
    }
}

impl FromStr for Stages {
    type Err = String;

    /// Reads `10s at 30, 5s to 60`: stages that keep a rate, or rise or fall evenly to it from the one before. In edits a minute.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut stages: Vec<Stage> = Vec::new();
        for part in text.split(',') {
            let words: Vec<&str> = part.split_whitespace().collect();
            let [duration, how, rate] = words[..] else {
                return Err(format!("{part:?} is not a stage; write for example '10s at 30' or '5s to 60'"));
            };
            let (duration, to) = (parse_duration(duration)?, stage_rate(rate)?);
            let before = stages.last().map_or(0.0, |stage| stage.to);
            let from = match how {
                "at" => to,
                "to" => before,
                _ => return Err(format!("a stage keeps a rate (at) or goes to one (to); {how:?} is neither")),
            };
            stages.push(Stage { duration, from, to });
        }
        Ok(Self(Profile::new(stages)))
    }
}

/// In edits a second; nothing is a rate too.
fn stage_rate(text: &str) -> Result<f64, String> {
    if text == "0" { Ok(0.0) } else { parse_rate(text).map(|rate| rate / 60.0) }
}

/// Settings with which a server is started, by the names that it gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings(Vec<(String, String)>);

impl Settings {
    /// As arguments of the server.
    pub fn arguments(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().flat_map(|(name, value)| [format!("--{}", name.replace('_', "-")), value.clone()])
    }

    /// As they were given.
    pub fn shown(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    }
}

impl FromStr for Settings {
    type Err = String;

    /// Reads `throttle_ms=0,burst=60000`. Whether there are such settings, the server says.
    fn from_str(text: &str) -> Result<Self, String> {
        let setting = |part: &str| {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("{part:?} has no value; write {part}=VALUE"))?;
            let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| matches!(c, 'a'..='z' | '_' | '-'));
            match (name.trim(), value.trim()) {
                (name, value) if is_name(name) && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
                _ => Err(format!("{part:?} is not a setting such as throttle_ms=0")),
            }
        };
        text.split(',').map(setting).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        for bad in ["", "s", "3 weeks", "-1s", "0s", "NaN", "infs", "25h", "3µs"] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn stages_keep_a_rate_or_go_to_one() {
        let stages: Stages = "10s at 30, 4s to 90,6s to 0".parse().unwrap();
        assert_eq!((stages.profile().duration(), stages.profile().total()), (Duration::from_secs(20), 5.0 + 4.0 + 4.5));
        let rising: Stages = "10s to 60".parse().unwrap();
        assert_eq!(rising.profile().total(), 5.0, "it begins at nothing");
        for bad in
            ["", "10s", "10s at", "10s by 30", "10s at 30 fast", "10s at 30,", "0s at 30", "10s at 60001", "10s at -1"]
        {
            assert!(bad.parse::<Stages>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn settings_become_arguments_of_the_server() {
        let settings: Settings = "throttle_ms=0, burst = 60000".parse().unwrap();
        let arguments: Vec<_> = settings.arguments().collect();
        assert_eq!(arguments, ["--throttle-ms", "0", "--burst", "60000"]);
        assert_eq!(settings.shown(), "throttle_ms=0,burst=60000");
        for bad in ["", "burst", "burst=", "=3", "Burst=3", "--burst=3 x,", "burst=1,,"] {
            assert!(bad.parse::<Settings>().is_err(), "{bad:?}");
        }
    }
}
