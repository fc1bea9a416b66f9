//! What figures are measured in, and how people read and write them.

/// What a figure is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Time,
    /// Bytes.
    Memory,
    /// How many.
    Count,
    /// Processors that were busy, on average.
    Cores,
}

/// What a unit that people write is worth in microseconds.
const TIMES: [(&str, f64); 4] = [("us", 1.0), ("µs", 1.0), ("ms", 1e3), ("s", 1e6)];

/// What a unit that people write is worth in bytes.
const MEMORIES: [(&str, f64); 7] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

impl Unit {
    /// A value as people read it, with three digits that mean something.
    pub fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        match self {
            Self::Time if value >= 1e6 => format!("{} s", three_digits(value / 1e6)),
            Self::Time => format!("{} ms", three_digits(value / 1e3)),
            Self::Memory if value < 1e6 => format!("{} kB", three_digits(value / 1e3)),
            Self::Memory if value >= 1e9 => format!("{} GB", three_digits(value / 1e9)),
            Self::Memory => format!("{} MB", three_digits(value / 1e6)),
            Self::Count => grouped(value),
            Self::Cores => format!("{value:.2}"),
        }
    }

    /// Reads a value such as `20ms`, `1.5 GB` or `7`.
    ///
    /// # Errors
    /// It is no number, or its unit is missing or another one.
    pub fn read(self, text: &str) -> Result<f64, String> {
        let unit_at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (amount, unit) = (&text[..unit_at], text[unit_at..].trim());
        let amount: f64 = amount.parse().map_err(|_| format!("{text:?} is not a number"))?;
        let units = match self {
            Self::Time => &TIMES[..],
            Self::Memory => &MEMORIES[..],
            Self::Count | Self::Cores => &[("", 1.0)],
        };
        let worth = units.iter().find(|(name, _)| *name == unit).map(|(_, worth)| amount * worth);
        worth.ok_or_else(|| {
            let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
            match self {
                Self::Count | Self::Cores => format!("{text:?} has a unit, but this is a number alone"),
                _ if unit.is_empty() => format!("{text:?} has no unit; write one of {}", names.join(", ")),
                _ => format!("{unit:?} is not its unit; there are {}", names.join(", ")),
            }
        })
    }
}

fn three_digits(value: f64) -> String {
    let decimals = match value {
        _ if value >= 99.95 => 0,
        _ if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// With a comma between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_with_three_digits() {
        for (unit, value, text) in [
            (Unit::Time, 0.0, "0.00 ms"),
            (Unit::Time, 812.0, "0.81 ms"),
            (Unit::Time, 21_960.0, "22.0 ms"),
            (Unit::Time, 99_960.0, "100 ms"),
            (Unit::Time, 1_560_000.0, "1.56 s"),
            (Unit::Memory, 131_400_000.0, "131 MB"),
            (Unit::Memory, 2_000_000_000.0, "2.00 GB"),
            (Unit::Count, 999.0, "999"),
            (Unit::Count, 1_350_000.0, "1,350,000"),
            (Unit::Cores, 0.614, "0.61"),
            (Unit::Time, f64::NAN, "–"),
        ] {
            assert_eq!(unit.show(value), text);
        }
    }

    #[test]
    fn values_are_read_in_their_unit_only() {
        assert_eq!(Unit::Time.read("1.5 s"), Ok(1_500_000.0));
        assert_eq!(Unit::Memory.read("1MiB"), Ok(1_048_576.0));
        assert_eq!(Unit::Count.read("7"), Ok(7.0));
        for (unit, bad) in [
            (Unit::Time, "5"),
            (Unit::Time, "5MB"),
            (Unit::Memory, "5ms"),
            (Unit::Count, "5ms"),
            (Unit::Cores, "x"),
            (Unit::Time, "-3ms"),
            (Unit::Time, "1.2.3ms"),
            (Unit::Count, ""),
        ] {
            assert!(unit.read(bad).is_err(), "{bad:?}");
        }
    }
}
