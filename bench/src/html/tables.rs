//! The tables of the page: what the plots show, for those who read, and what no plot shows.

use std::fmt::Write;

use super::escape;
use crate::report::Report;
use crate::report::spread::headline;
use crate::report::unit::Unit;
use crate::saturate::Step;
use crate::series::timeline::{Percentiles, Point, Timeline};
use crate::stats::Summary;

/// Every kind of latency with its percentiles.
pub fn write_latencies(report: &Report, out: &mut String) {
    begin(
        out,
        "Time taken, from the first to the last user",
        &["what", "count", "p50", "p90", "p99", "p99.9", "longest"],
    );
    for (name, summary) in report.timed() {
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td>",
            escape(name),
            Unit::Count.show(summary.count as f64)
        );
        let Summary { count, p50_us, p90_us, p99_us, p999_us, max_us } = *summary;
        for us in [p50_us, p90_us, p99_us, p999_us, max_us] {
            let shown = if count > 0 { Unit::Time.show(us as f64) } else { "–".to_owned() };
            let _ = write!(out, "<td>{shown}</td>");
        }
        out.push_str("</tr>\n");
    }
    end(out);
}

/// How far apart several runs were.
pub fn write_runs(runs: &[Report], out: &mut String) {
    let _ = writeln!(out, "<h2>{} runs</h2>", runs.len());
    begin(
        out,
        "The page is about the run in the middle, by the 99 % of its edits",
        &["figure", "median", "least", "most"],
    );
    for (figure, spread) in headline(runs) {
        let _ = write!(out, "<tr><th scope=\"row\">{figure}</th>");
        for value in [spread.median, spread.least, spread.most] {
            let _ = write!(out, "<td>{}</td>", figure.unit().show(value));
        }
        out.push_str("</tr>\n");
    }
    end(out);
}

/// What each second was like, folded away.
pub fn write_seconds(series: &Timeline, out: &mut String) {
    out.push_str("<details><summary>The same as a table</summary>\n");
    let heads = [
        "second",
        "joined",
        "sent",
        "delivered",
        "saved",
        "errors",
        "edit p50",
        "edit p99",
        "edit longest",
        "saved p99",
        "ping p99",
        "lag p99",
        "cores",
        "memory",
    ];
    begin(out, "What happened in each second", &heads);
    for point in &series.seconds {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", point.t_s);
        for cell in cells(point) {
            let _ = write!(out, "<td>{cell}</td>");
        }
        out.push_str("</tr>\n");
    }
    end(out);
    out.push_str("</details>\n");
}

fn cells(point: &Point) -> Vec<String> {
    let counts = [point.joined, point.sent, point.delivered, point.saved, point.errors];
    let mut cells: Vec<_> = counts.iter().map(|count| Unit::Count.show(*count as f64)).collect();
    let time = |us: Option<u64>| us.map_or("–".to_owned(), |us| Unit::Time.show(us as f64));
    let p99 = |us: Option<Percentiles>| time(us.map(|us| us.p99));
    cells.extend([time(point.edit_us.map(|us| us.p50)), p99(point.edit_us), time(point.edit_us.map(|us| us.max))]);
    cells.extend([p99(point.saved_us), p99(point.ping_us), p99(point.lag_us)]);
    let shown = |value: Option<f64>, unit: Unit| value.map_or("–".to_owned(), |value| unit.show(value));
    cells.push(shown(point.server_cores, Unit::Cores));
    cells.push(shown(point.server_rss_bytes.map(|bytes| bytes as f64), Unit::Memory));
    cells
}

/// The steps up to the one that was too much.
pub fn write_saturation(steps: &[Step], out: &mut String) {
    out.push_str("<h2>How much it takes</h2>\n");
    begin(
        out,
        "Step by step, until it was too much",
        &["judged", "edits a minute each", "deliveries a second", "edit p99"],
    );
    for step in steps {
        let judged = if step.is_good { "good" } else { "too much" };
        let [rate, deliveries] = [step.rate, step.deliveries_per_s].map(|count| Unit::Count.show(count));
        let p99 = Unit::Time.show(step.edit_p99_us as f64);
        let _ =
            write!(out, "<tr><th scope=\"row\">{judged}</th><td>{rate}</td><td>{deliveries}</td><td>{p99}</td></tr>");
    }
    end(out);
}

/// What became of the edits.
pub fn write_outcome(report: &Report, out: &mut String) {
    let mut rows: Vec<(&str, String)> = [
        ("users that joined", report.joined as u64),
        ("edits sent", report.sent),
        ("deliveries", report.delivered),
        ("deliveries lost", report.lost),
        ("deliveries doubled", report.duplicated),
    ]
    .map(|(name, count)| (name, Unit::Count.show(count as f64)))
    .into();
    rows.extend(report.unsaved.map(|count| ("edits not saved", Unit::Count.show(count as f64))));
    rows.push(("pings lost", Unit::Count.show(report.pings_lost as f64)));
    rows.push(("replicas", if report.converged { "equal" } else { "differ" }.to_owned()));
    rows.extend(report.errors.iter().map(|(error, count)| (error.as_str(), count.to_string())));
    write_pairs("What became of the edits", &rows, out);
}

/// Where it ran, with what.
pub fn write_conditions(report: &Report, out: &mut String) {
    let unknown = || "unknown".to_owned();
    let load = |load: Option<f64>| load.map_or_else(unknown, |load| format!("{load:.2}"));
    let (machine, versions) = (&report.machine, &report.versions);
    let asked = &report.asked;
    let or = |text: &str, without: &str| if text.is_empty() { without.to_owned() } else { text.to_owned() };
    let rows = [
        ("edits come", asked.arrival.clone()),
        ("replicas in each room", asked.replicas_per_room.to_string()),
        ("who edits in each room", asked.writers_per_room.map_or("all".to_owned(), |writers| writers.to_string())),
        ("settings of the server", or(&asked.server_settings, "its own")),
        ("machine", format!("{} cores, {}", machine.cores, machine.processor.clone().unwrap_or_else(unknown))),
        ("kernel", machine.kernel.clone().map_or_else(unknown, |kernel| format!("Linux {kernel}"))),
        ("load average", format!("{} before, {} after", load(machine.load_before), load(machine.load_after))),
        ("edits a minute of each user", report.rate.to_string()),
        ("time of editing", format!("{} s", report.duration_s)),
        ("transport", report.transport.to_string()),
        ("seed", report.seed.to_string()),
        ("server", format!("version {}, protocol {}", versions.server, versions.protocol)),
        ("load generator", format!("version {}", versions.bench)),
        (
            "processors that it used",
            format!("{:.2}", report.generator.cpu_s / report.duration_s.max(f64::MIN_POSITIVE)),
        ),
    ];
    write_pairs("Where it ran, with what", &rows, out);
}

fn write_pairs(caption: &str, rows: &[(&str, String)], out: &mut String) {
    let _ = writeln!(out, "<div class=\"scroll\" tabindex=\"0\"><table><caption>{caption}</caption><tbody>");
    for (name, value) in rows {
        let (name, value) = (escape(name), escape(value));
        let _ = writeln!(out, "<tr><th scope=\"row\">{name}</th><td class=\"words\">{value}</td></tr>");
    }
    end(out);
}

fn begin(out: &mut String, caption: &str, heads: &[&str]) {
    let _ = write!(out, "<div class=\"scroll\" tabindex=\"0\"><table><caption>{caption}</caption><thead><tr>");
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead><tbody>\n");
}

fn end(out: &mut String) {
    out.push_str("</tbody></table></div>\n");
}
