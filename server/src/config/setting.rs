//! The types that a value may have, and what is checked about it.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;

use toml::Value;
use tracing_subscriber::EnvFilter;

/// A type of value: read from text, shown in TOML.
pub(crate) trait Setting: Sized {
    /// Reads a value; the error completes the sentence "… is".
    fn parse(text: &str) -> Result<Self, String>;

    /// The value in TOML; none when it is not set.
    fn show(&self) -> Option<Value>;
}

/// Who may create rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomCreation {
    /// Anybody who reaches the server.
    Open,
    /// Whoever has the admin token.
    Admin,
}

/// Whether there is something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// There is.
    On,
    /// There is not.
    Off,
}

/// How the server's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn parse(text: &str) -> Result<Self, String> {
                text.replace('_', "").parse().map_err(|_| "not a whole number that fits".to_owned())
            }

            fn show(&self) -> Option<Value> {
                i64::try_from(*self).ok().map(Value::Integer)
            }
        }
    )+};
}

numbers!(u32, u64, usize);

macro_rules! choices {
    ($($type:ident: $($name:literal = $variant:ident),+;)+) => {$(
        impl Setting for $type {
            fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(format!("not one of {}", [$($name),+].join(", "))),
                }
            }

            fn show(&self) -> Option<Value> {
                let name = match self {
                    $(Self::$variant => $name,)+
                };
                Some(Value::String(name.to_owned()))
            }
        }
    )+};
}

choices! {
    Switch: "on" = On, "off" = Off;
    RoomCreation: "open" = Open, "admin" = Admin;
    LogFormat: "auto" = Auto, "human" = Human, "json" = Json;
}

impl Setting for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.clone()))
    }
}

impl Setting for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("empty".to_owned()) } else { Ok(text.into()) }
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.display().to_string()))
    }
}

impl<T: Setting> Setting for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Some)
    }

    fn show(&self) -> Option<Value> {
        self.as_ref().and_then(T::show)
    }
}

impl Setting for Vec<String> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Array(self.iter().cloned().map(Value::String).collect()))
    }
}

impl Setting for SocketAddr {
    fn parse(text: &str) -> Result<Self, String> {
        let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let wrong = |_| "not an address with a port, such as [::]:4433 or 127.0.0.1:3001".to_owned();
        numeric.as_deref().unwrap_or(text).parse().map_err(wrong)
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }
}

/// The default for threads that keep a core busy: all cores but the one of the network.
pub(crate) fn spare_cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1)).clamp(1, 256)
}

/// Checks nothing beyond the type.
pub(crate) fn any<T>(_: &T) -> Result<(), String> {
    Ok(())
}

/// Checks that a number lies within bounds, both allowed.
pub(crate) fn between<T: PartialOrd + Display + Copy>(least: T, most: T) -> impl Fn(&T) -> Result<(), String> {
    move |value| match (least..=most).contains(value) {
        true => Ok(()),
        false => Err(format!("not between {least} and {most}")),
    }
}

/// Checks that only this machine can reach an address.
pub(crate) fn loopback(address: &SocketAddr) -> Result<(), String> {
    match address.ip().to_canonical().is_loopback() {
        true => Ok(()),
        false => Err("not a loopback address (127.0.0.1 or [::1]): this port is in clear text; \
             people elsewhere find the same pages by HTTPS at the address of listen"
            .to_owned()),
    }
}

/// Checks a filter for the server's own log.
#[allow(clippy::ptr_arg, reason = "a check takes a reference to the key's type")]
pub(crate) fn filter(text: &String) -> Result<(), String> {
    EnvFilter::try_new(text).map(drop).map_err(|error| format!("not a log filter ({error})"))
}
