use super::*;
use crate::report::tests::good;

/// A run on a quiet machine whose edits take so long at 99 %.
fn run_of(p99_us: u64) -> Report {
    let mut report = good();
    report.edit.p99_us = p99_us;
    report.machine.load_before = Some(0.1);
    report
}

fn edit_p99(comparison: &Comparison) -> &Compared {
    comparison.figures.iter().find(|compared| compared.figure == "edit_p99").unwrap()
}

#[test]
fn a_difference_counts_when_the_runs_do_not_overlap() {
    let before = [run_of(4000), run_of(5000), run_of(6000)];
    for (after, ratio, verdict) in [
        ([run_of(2000), run_of(2500), run_of(3900)], 0.5, Verdict::Lower),
        ([run_of(6001), run_of(7500), run_of(9000)], 1.5, Verdict::Higher),
        ([run_of(2000), run_of(2500), run_of(4000)], 0.5, Verdict::Same),
    ] {
        let comparison = Comparison::new(&before, &after);
        assert_eq!((edit_p99(&comparison).ratio, edit_p99(&comparison).verdict), (Some(ratio), verdict));
        assert_eq!(comparison.doubts, [""; 0]);
    }
    let same = Comparison::new(&before, &[run_of(3000), run_of(3000)]);
    assert_eq!((edit_p99(&same).least, edit_p99(&same).most), (Some(0.5), Some(0.75)));
}

#[test]
fn one_run_is_not_enough_and_that_is_said() {
    let comparison = Comparison::new(&[run_of(4000)], &[run_of(1000), run_of(1000)]);
    assert_eq!(edit_p99(&comparison).verdict, Verdict::Unknown);
    assert!(comparison.table().contains("--repeat 3"));
}

#[test]
fn nothing_is_divided_by_nothing() {
    let comparison = Comparison::new(&[run_of(0), run_of(0)], &[run_of(0), run_of(1)]);
    assert_eq!(edit_p99(&comparison).ratio, None);
    let table = comparison.table();
    assert!(!table.contains("NaN") && !table.contains("inf"), "{table}");
}

#[test]
fn what_differs_besides_the_server_makes_it_doubtful() {
    type Spoil = fn(&mut Report);
    let spoilt: [(Spoil, &str); 6] = [
        (|report| report.machine.cores += 1, "cores"),
        (|report| report.clients = 3, "users"),
        (|report| report.versions.bench = "2".to_owned(), "version of collab-bench"),
        (|report| report.generator.bound = true, "generator-bound"),
        (|report| report.lost = 1, "lost"),
        (|report| report.machine.load_before = Some(99.0), "busy"),
    ];
    for (spoil, word) in spoilt {
        let mut after = run_of(1000);
        spoil(&mut after);
        let doubts = Comparison::new(&[run_of(1000)], &[after]).doubts;
        assert!(doubts.iter().any(|doubt| doubt.contains(word)), "{word}: {doubts:?}");
    }
    let late = Report { generator: crate::report::Generator { bound: true, ..good().generator }, ..run_of(1) };
    let doubts = Comparison::new(&[run_of(1000)], &[run_of(1), late.clone(), late]).doubts;
    assert!(doubts.len() == 1 && doubts[0].starts_with("after, 2 of 3 runs: generator-bound"), "{doubts:?}");
    let mut after = run_of(1000);
    after.versions.server = "2".to_owned();
    assert_eq!(Comparison::new(&[run_of(1000)], &[after]).doubts, [""; 0], "that is what is compared");
}

#[test]
fn files_of_one_run_and_of_several_are_read_and_others_refused() {
    let one = serde_json::to_string(&good()).unwrap();
    assert_eq!(runs_in(&one).unwrap().len(), 1);
    assert_eq!(runs_in(&format!("{{\"figures\": {{}}, \"runs\": [{one}, {one}]}}")).unwrap().len(), 2);
    for bad in ["", "{}", "[]", "{\"runs\": []}", "{\"runs\": [1]}", "nonsense"] {
        assert!(runs_in(bad).is_err(), "{bad}");
    }
    let error = read(Path::new("/nowhere/at/all.json")).unwrap_err();
    assert!(format!("{error:#}").contains("/nowhere/at/all.json"));
}
