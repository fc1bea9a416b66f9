use std::time::{Duration, Instant};

use super::*;
use crate::comeback::Reconnect;
use crate::machine::Usage;
use crate::report::tests::good;
use crate::series::recorder::Recorder;
use crate::stats::{Kind, Precision};

/// Three seconds of two users, always the same.
fn recorder() -> Recorder {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut recorder = Recorder::new(start).unwrap();
    recorder.stage("joining", start);
    recorder.server(Usage::default(), start);
    recorder.own(Usage::default(), start);
    recorder.time(Kind::Join, Duration::from_millis(20), at(20));
    recorder.stage("editing", at(500));
    for (ms, latency_ms) in [(600, 1), (700, 2), (900, 4), (2100, 100)] {
        recorder.sent(at(ms));
        recorder.time(Kind::Edit, Duration::from_millis(latency_ms), at(ms));
        recorder.time(Kind::Saved, Duration::from_millis(2 * latency_ms), at(ms));
    }
    let used = Usage { cpu: Duration::from_millis(250), rss_bytes: 9_000_000, peak_rss_bytes: 9_000_000 };
    recorder.server(used, at(2200));
    recorder.own(Usage { cpu: Duration::from_millis(100), ..used }, at(2200));
    recorder.end();
    recorder
}

fn page(report: &Report, latencies: &Latencies, failures: &[String]) -> String {
    Page { report, latencies, runs: std::slice::from_ref(report), failures }.write()
}

fn golden_page() -> String {
    let recorder = recorder();
    let mut report = Report { series: recorder.timeline(), ..good() };
    report.machine.began = "2026-01-01T00:00:00Z".to_owned();
    report.machine.cores = 2;
    report.machine.processor = Some("A <fast> one".to_owned());
    report.machine.kernel = Some("6.0".to_owned());
    (report.machine.load_before, report.machine.load_after) = (Some(0.5), None);
    page(&report, recorder.totals(), &["edit_p99<5ms does not hold: it is 100 ms".to_owned()])
}

/// The page as it was when somebody last looked at it. After a change that is meant, look at it in a browser, and write it
/// anew with COLLAB_WRITE_GOLDEN=1.
#[test]
fn the_page_is_the_one_that_was_looked_at() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/html/golden.html");
    let page = golden_page();
    if std::env::var_os("COLLAB_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    let differs = page.lines().zip(golden.lines()).find(|(now, then)| now != then);
    assert_eq!(differs, None);
    assert_eq!(page.len(), golden.len());
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let page = golden_page();
    for word in ["<script", "src=", "href=", "url(", "@import", "http://", "https://"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn names_from_elsewhere_are_text() {
    let mut report = good();
    report.errors.insert("<script>alert(1)</script>".to_owned(), 1);
    report.versions.server = "\"><img>".to_owned();
    report.command = "collab-bench '</pre><b>'".to_owned();
    let page = page(&report, &Latencies::new(Precision::Finest).unwrap(), &["<i>".to_owned()]);
    for markup in ["<script", "<img", "<b>", "<i>"] {
        assert!(!page.contains(markup), "{markup}");
    }
}

#[test]
fn a_run_without_a_sample_is_a_page_without_a_number_that_is_none() {
    let report = Report {
        edit: Default::default(),
        saved: Default::default(),
        ping: Default::default(),
        join: Default::default(),
        server: None,
        duration_s: 0.0,
        ..good()
    };
    let mut empty = Recorder::new(Instant::now()).unwrap();
    empty.end();
    for series in [Default::default(), empty.timeline()] {
        let page = page(&Report { series, ..report.clone() }, empty.totals(), &[]);
        assert!(page.contains("Nothing was measured"));
        for word in ["NaN", "inf", "-0"] {
            assert!(!page.contains(&format!(">{word}")) && !page.contains(&format!(" {word}")), "{word}");
        }
    }
}

#[test]
fn a_server_that_was_killed_has_a_plot_of_who_was_back_when() {
    let back_per_100_ms = vec![0, 1, 1];
    let [noticed, live] = [Default::default(); 2];
    let reconnect = Some(Reconnect { down_s: 1.0, back: 2, noticed, live, back_per_100_ms, server_cpu_s: 0.5 });
    let page = page(&Report { reconnect, ..good() }, &Latencies::new(Precision::Finest).unwrap(), &[]);
    assert!(page.contains("Live again") && page.contains("2 users were back"));
    assert!(page.contains(">0.6 s<"), "ticks are rounded");
}

#[test]
fn one_sample_is_a_dot() {
    let start = Instant::now();
    let mut recorder = Recorder::new(start).unwrap();
    recorder.time(Kind::Ping, Duration::from_millis(1), start);
    recorder.end();
    let page = page(&Report { series: recorder.timeline(), ..good() }, recorder.totals(), &[]);
    assert!(page.contains("m-1.5 0h3"), "a dot");
    assert!(!page.contains("NaN"));
}
