//! Conditions on the results, such as `edit_p99<20ms`.

use std::fmt;
use std::str::FromStr;

use crate::report::figure::Figure;

/// A bound on one figure.
#[derive(Debug, Clone)]
pub struct Assertion {
    text: String,
    figure: Figure,
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
    Unequal,
}

/// Longest first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("=", Comparison::Equal),
];

impl Assertion {
    /// Whether it holds, given what a figure is. One that was not measured does not hold.
    ///
    /// # Errors
    /// It does not; the sentence says what the figure is.
    pub fn check(&self, value: impl Fn(Figure) -> Option<f64>) -> Result<(), String> {
        let Some(value) = value(self.figure) else {
            return Err(format!("{self} does not hold: {} was not measured in this run", self.figure));
        };
        let holds = match self.comparison {
            Comparison::Less => value < self.bound,
            Comparison::AtMost => value <= self.bound,
            Comparison::Greater => value > self.bound,
            Comparison::AtLeast => value >= self.bound,
            Comparison::Equal => value == self.bound,
            Comparison::Unequal => value != self.bound,
        };
        if holds { Ok(()) } else { Err(format!("{self} does not hold: it is {}", self.figure.unit().show(value))) }
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
        let figure: Figure = text[..at].trim().parse()?;
        let bound = figure.unit().read(text[at + sign.len()..].trim())?;
        Ok(Self { text: text.to_owned(), figure, comparison, bound })
    }
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
        text.parse::<Assertion>().unwrap().check(|_| Some(value)).is_ok()
    }

    #[test]
    fn a_bound_is_met_or_broken() {
        assert!(holds("edit_p99<20ms", 19_999.0));
        assert!(!holds("edit_p99<20ms", 20_000.0));
        assert!(holds("edit_p99 <= 20 ms", 20_000.0));
        assert!(!holds("edit_p99>20ms", 20_000.0));
        assert!(holds("edit_p99>=1.5s", 1_500_000.0));
        assert!(holds("lost=0", 0.0) && holds("lost==0", 0.0) && !holds("lost==0", 1.0));
        assert!(holds("sent!=0", 1.0) && !holds("sent != 0", 0.0));
        assert!(holds("server_rss<1MiB", 1_048_575.0));
        assert!(holds("server_cores<0.5", 0.49));
    }

    #[test]
    fn what_broke_is_told_with_figure_bound_and_value() {
        let assertion: Assertion = "edit_p99<5ms".parse().unwrap();
        assert_eq!(assertion.check(|_| Some(7210.0)), Err("edit_p99<5ms does not hold: it is 7.21 ms".to_owned()));
        let error = assertion.check(|_| None).unwrap_err();
        assert!(error.contains("edit_p99 was not measured"), "{error}");
    }

    #[test]
    fn what_is_not_a_condition_is_refused() {
        for bad in [
            "",
            "edit_p99",
            "<20ms",
            "edit_p99<",
            "edit_p99<ms",
            "edit_p99<20 bananas",
            "edit_p99<20",
            "lost<3ms",
            "edit_p99<=>3ms",
            "edit_p99<-3ms",
            "edit_p98<3ms",
            "nonsense=0",
        ] {
            assert!(bad.parse::<Assertion>().is_err(), "{bad:?}");
        }
    }
}
