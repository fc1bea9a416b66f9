//! From a table of keys to a struct, a list for the help, and the code that fills the one and prints the other.

/// What the help says about a key.
#[derive(Debug)]
pub struct Key {
    /// Its name in the file; the flag has dashes instead, the variable is in capitals behind `COLLAB_`.
    pub name: &'static str,
    /// Under which heading it stands.
    pub group: &'static str,
    /// What it means, in a sentence.
    pub help: &'static str,
    /// Its unit or kind, in capitals.
    pub unit: &'static str,
    /// Its default in TOML; none when it is not set.
    pub default: fn() -> Option<toml::Value>,
}

impl Key {
    /// `--throttle-ms`, without the dashes in front.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// `COLLAB_THROTTLE_MS`.
    pub fn variable(&self) -> String {
        format!("COLLAB_{}", self.name.to_ascii_uppercase())
    }
}

macro_rules! settings {
    ($($group:literal { $(
        $(#[doc = $help:literal])+ $name:ident: $type:ty = $default:expr, $unit:literal, $check:expr;
    )+ })+) => {
        /// Everything that an operator can choose, checked.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Config {
            $($($(#[doc = $help])+ pub $name: $type,)+)+
        }

        /// Every key, in the order of the help.
        pub const KEYS: &[Key] = &[$($(Key {
            name: stringify!($name),
            group: $group,
            help: concat!($($help),+),
            unit: $unit,
            default: || {
                let value: $type = $default;
                setting::Setting::show(&value)
            },
        },)+)+];

        impl Default for Config {
            fn default() -> Self {
                Self { $($($name: $default,)+)+ }
            }
        }

        impl Config {
            fn from_values(values: &sources::Values) -> Result<Self, ConfigError> {
                let config = Self {
                    $($($name: values.parsed(stringify!($name), $unit, $check)?.unwrap_or_else(|| $default),)+)+
                };
                config.check_together()
            }

            /// Every key with its value in TOML, in the order of [`KEYS`].
            fn shown(&self) -> Vec<(&'static str, Option<toml::Value>)> {
                vec![$($((stringify!($name), setting::Setting::show(&self.$name)),)+)+]
            }
        }
    };
}
