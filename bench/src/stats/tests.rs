use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn thousand() -> Latency {
    let mut latency = Latency::new(Precision::Finest).unwrap();
    (1..=1000).for_each(|ms| latency.record(Duration::from_millis(ms)));
    latency
}

#[test]
fn percentiles_are_right_to_three_digits() {
    let summary = thousand().summary();
    assert_eq!(summary.count, 1000);
    for (found, wanted) in [(summary.p50_us, 500_000), (summary.p90_us, 900_000), (summary.p99_us, 990_000)] {
        assert!(found.abs_diff(wanted) <= wanted / 1000, "{found} is not {wanted}");
    }
    assert!(summary.p999_us >= 999_000 && summary.max_us >= 1_000_000);
}

#[test]
fn nothing_recorded_is_all_zero() {
    assert_eq!(Latency::new(Precision::Finest).unwrap().summary(), Summary::default());
}

#[test]
fn what_is_beyond_the_scale_counts_as_the_longest() {
    let mut latency = Latency::new(Precision::Finest).unwrap();
    latency.record(Duration::from_secs(86_400));
    latency.record(Duration::ZERO);
    assert_eq!(latency.summary().count, 2);
    assert!(latency.summary().max_us >= LONGEST_US - LONGEST_US / 1000);
}

#[test]
fn a_percentile_file_rises_to_the_last_sample() {
    let mut text = Vec::new();
    thousand().write_hgrm(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(2)
        .take_while(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().map(|number| number.parse().unwrap()).collect())
        .collect();
    assert!(rows.len() > 10 && rows.is_sorted_by(|a, b| a[1] <= b[1] && a[2] <= b[2]));
    let last = rows.last().unwrap();
    assert_eq!((last[1], last[2]), (1.0, 1000.0));
    assert!(text.contains("#[Mean"));
}

fn of(samples: &[u64], precision: Precision) -> Latency {
    let mut latency = Latency::new(precision).unwrap();
    samples.iter().for_each(|us| latency.record(Duration::from_micros(*us)));
    latency
}

proptest! {
    #[test]
    fn adding_two_is_recording_all_in_one(a in vec(0..2 * LONGEST_US, 0..50), b in vec(0..2 * LONGEST_US, 0..50)) {
        for precision in [Precision::Fine, Precision::Finest] {
            let mut sum = of(&a, precision);
            sum.add(&of(&b, precision));
            prop_assert_eq!(sum, of(&[a.clone(), b.clone()].concat(), precision));
        }
    }

    #[test]
    fn what_is_written_is_read_again(samples in vec(0..LONGEST_US, 0..50)) {
        for precision in [Precision::Fine, Precision::Finest] {
            let written = of(&samples, precision);
            let read = Latency::from_bytes(&written.to_bytes(), precision).unwrap();
            prop_assert_eq!(read.summary(), written.summary());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..100)) {
        let good = of(&[1, 2], Precision::Fine).to_bytes();
        let headed = [&good[..V2_HEADER], &bytes].concat();
        for bytes in [bytes, headed] {
            let _ = Latency::from_bytes(&bytes, Precision::Fine);
        }
    }
}

#[test]
fn a_histogram_that_would_take_other_memory_is_refused() {
    let good = of(&[1, 2, 3], Precision::Fine).to_bytes();
    assert!(Latency::from_bytes(&good, Precision::Fine).is_ok());
    assert!(Latency::from_bytes(&good, Precision::Finest).is_err());
    for changed in [0, 5, 15, 31, 39] {
        let mut bad = good.clone();
        bad[changed] ^= 0x40;
        assert!(Latency::from_bytes(&bad, Precision::Fine).is_err(), "byte {changed}");
    }
}

#[test]
fn the_curve_rises_to_the_longest() {
    let curve = thousand().curve();
    assert!(curve.is_sorted() && curve[0].0 == 0.0);
    assert_eq!(curve.last(), Some(&(1.0, thousand().summary().max_us)));
    assert_eq!(of(&[], Precision::Fine).curve(), []);
}
