//! Scales of plots: where a value lies between the ends, and which values are written beside it.

/// A scale with its ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    is_log: bool,
    low: f64,
    high: f64,
    ticks: Vec<Tick>,
}

/// A value that is written beside a scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where it lies, from 0 to 1.
    pub at: f64,
    /// What is written there.
    pub label: String,
}

/// As many intervals between ticks as a linear scale has at most.
const MOST_INTERVALS: f64 = 5.0;

/// As many ticks as a logarithmic scale has at most.
const MOST_DECADES: i32 = 7;

impl Axis {
    /// From 0 to a round number that is not below `max`.
    pub fn linear(max: f64, label: impl Fn(f64) -> String) -> Self {
        let step = round_up(max.max(f64::MIN_POSITIVE) / MOST_INTERVALS);
        let intervals = (max / step - 1e-9).ceil().max(1.0);
        Self::new(false, 0.0, step * intervals, (0..=intervals as i32).map(|at| f64::from(at) * step), label)
    }

    /// From 0 to exactly `max`, for time.
    pub fn exact(max: f64, label: impl Fn(f64) -> String) -> Self {
        let max = max.max(1.0);
        let step = round_up(max / MOST_INTERVALS);
        Self::new(false, 0.0, max, (0..).map(|at| f64::from(at) * step).take_while(|value| *value <= max), label)
    }

    /// Between powers of ten around `min` and `max`, which are above 0.
    pub fn log(min: f64, max: f64, label: impl Fn(f64) -> String) -> Self {
        let low = (min.log10() + 1e-9).floor() as i32;
        let high = ((max.log10() - 1e-9).ceil() as i32).max(low + 1);
        let stride = 1 + (high - low) / MOST_DECADES;
        let ticks = (low..=high).step_by(stride as usize).map(|power| 10_f64.powi(power));
        Self::new(true, 10_f64.powi(low), 10_f64.powi(high), ticks, label)
    }

    /// Shares of samples, from all down to one in `samples`: 0 %, 90 %, 99 % and so on, each as far from the next. A value
    /// on it is how many samples there are to one that is beyond.
    pub fn shares(samples: u64) -> Self {
        Self::log(1.0, (samples as f64).max(100.0), |one_in| {
            let nines = one_in.log10().round() as usize;
            match nines {
                0 => "0 %".to_owned(),
                1 => "90 %".to_owned(),
                2 => "99 %".to_owned(),
                _ => format!("99.{} %", "9".repeat(nines - 2)),
            }
        })
    }

    fn new(is_log: bool, low: f64, high: f64, ticks: impl Iterator<Item = f64>, label: impl Fn(f64) -> String) -> Self {
        let mut axis = Self { is_log, low, high, ticks: Vec::new() };
        axis.ticks = ticks.map(|value| Tick { at: axis.place(value), label: label(value) }).collect();
        axis
    }

    /// Where a value lies between the ends, from 0 to 1. One beyond them lies at the end.
    pub fn place(&self, value: f64) -> f64 {
        let of = |value: f64| if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = (of(value) - of(self.low)) / (of(self.high) - of(self.low));
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// What is written beside it.
    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is not below.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= value * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn linear_scales_end_at_round_numbers() {
        let plain = |value: f64| format!("{value}");
        assert_eq!(labels(&Axis::linear(4500.0, plain)), ["0", "1000", "2000", "3000", "4000", "5000"]);
        assert_eq!(labels(&Axis::linear(1.0, plain)), ["0", "0.2", "0.4", "0.6000000000000001", "0.8", "1"]);
        assert_eq!(labels(&Axis::exact(31.0, plain)), ["0", "10", "20", "30"]);
        let nothing = Axis::linear(0.0, plain);
        assert!(nothing.ticks().len() >= 2 && nothing.place(0.0) == 0.0);
    }

    #[test]
    fn logarithmic_scales_go_from_power_to_power() {
        let axis = Axis::log(300.0, 7000.0, |value| format!("{value}"));
        assert_eq!(labels(&axis), ["100", "1000", "10000"]);
        assert_eq!(axis.place(1000.0), 0.5);
        assert_eq!((axis.place(1.0), axis.place(0.0), axis.place(1e9)), (0.0, 0.0, 1.0));
        assert_eq!(labels(&Axis::log(1000.0, 1000.0, |value| format!("{value}"))), ["1000", "10000"]);
        assert!(Axis::log(1.0, 6e8, |value| format!("{value}")).ticks().len() <= 8);
    }

    #[test]
    fn shares_are_written_in_nines() {
        assert_eq!(labels(&Axis::shares(5000)), ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert_eq!(labels(&Axis::shares(0)), ["0 %", "90 %", "99 %"]);
    }

    #[test]
    fn no_place_is_not_a_number() {
        for axis in [Axis::linear(0.0, |_| String::new()), Axis::log(1.0, 1.0, |_| String::new()), Axis::shares(1)] {
            for value in [0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
                assert!((0.0..=1.0).contains(&axis.place(value)), "{axis:?} {value}");
            }
        }
    }
}
