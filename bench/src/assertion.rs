//! Conditions on the results, such as `edit_p99<20ms`.

use std::fmt;
use std::str::FromStr;

/// A bound on one figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    text: String,
    figure: String,
    comparison: Comparison,
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
}

/// Longest first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 5] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("=", Comparison::Equal),
];

/// What a unit is worth in the unit of the figures: microseconds, bytes or none.
const UNITS: [(&str, f64); 10] = [
    ("us", 1.0),
    ("µs", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("MiB", 1_048_576.0),
    ("", 1.0),
];

impl Assertion {
    /// Whether it holds, given the figures by name. An unknown or absent figure does not hold.
    pub fn check(&self, figure: impl Fn(&str) -> Option<f64>) -> Result<(), String> {
        let Some(value) = figure(&self.figure) else {
            return Err(format!("{self}: there is no figure {:?} in these results", self.figure));
        };
        let holds = match self.comparison {
            Comparison::Less => value < self.bound,
            Comparison::AtMost => value <= self.bound,
            Comparison::Greater => value > self.bound,
            Comparison::AtLeast => value >= self.bound,
            Comparison::Equal => value == self.bound,
        };
        if holds { Ok(()) } else { Err(format!("{self} does not hold: it is {value}")) }
    }
}

impl FromStr for Assertion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (at, sign, comparison) = COMPARISONS
            .iter()
            .filter_map(|(sign, comparison)| Some((text.find(sign)?, *sign, *comparison)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))
            .ok_or_else(|| format!("{text:?} compares nothing; write for example edit_p99<20ms"))?;
        let figure = text[..at].trim();
        if figure.is_empty() {
            return Err(format!("{text:?} names no figure"));
        }
        let bound = parse_bound(text[at + sign.len()..].trim())?;
        Ok(Self { text: text.to_owned(), figure: figure.to_owned(), comparison, bound })
    }
}

fn parse_bound(text: &str) -> Result<f64, String> {
    let unit_at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (amount, unit) = (&text[..unit_at], text[unit_at..].trim());
    let amount: f64 = amount.parse().map_err(|_| format!("{text:?} is not a number with a unit"))?;
    let (_, worth) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| {
        let names: Vec<_> = UNITS.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
        format!("{unit:?} is not a unit; there are {}", names.join(", "))
    })?;
    Ok(amount * worth)
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, value: f64) -> bool {
        text.parse::<Assertion>().unwrap().check(|name| (name == "edit_p99").then_some(value)).is_ok()
    }

    #[test]
    fn a_bound_is_met_or_broken() {
        assert!(holds("edit_p99<20ms", 19_999.0));
        assert!(!holds("edit_p99<20ms", 20_000.0));
        assert!(holds("edit_p99 <= 20 ms", 20_000.0));
        assert!(!holds("edit_p99>20ms", 20_000.0));
        assert!(holds("edit_p99>=1.5s", 1_500_000.0));
        assert!(holds("edit_p99=0", 0.0));
        assert!(holds("edit_p99<1MiB", 1_048_575.0));
    }

    #[test]
    fn a_figure_that_is_not_there_does_not_hold() {
        assert!(!holds("nothing<20ms", 1.0));
    }

    #[test]
    fn what_is_not_a_condition_is_refused() {
        for bad in ["", "edit_p99", "<20ms", "edit_p99<", "edit_p99<ms", "edit_p99<20 bananas", "edit_p99<=>3", "a<-3"]
        {
            assert!(bad.parse::<Assertion>().is_err(), "{bad:?}");
        }
    }
}
