//! The plots of a run: latencies, percentiles, rates, and what the server used.

use super::axis::Axis;
use super::plot::{Line, Plot};
use crate::comeback::Reconnect;
use crate::report::Report;
use crate::report::unit::Unit;
use crate::series::timeline::{Percentiles, Point, Timeline};
use crate::stats::{Kind, Latencies, Summary};

/// What is plotted over time as p50, p99 and longest.
struct Timed {
    title: &'static str,
    of: fn(&Point) -> Option<Percentiles>,
    summary: Summary,
}

/// All of them, in the order in which they stand on the page.
pub fn plots<'a>(report: &'a Report, latencies: &Latencies) -> Vec<Plot<'a>> {
    let timed = |title, of, summary| over_time(&report.series, &Timed { title, of, summary });
    let mut plots = vec![
        timed("Edit, until another member has it", |point| point.edit_us, report.edit),
        timed("Saved, until the author knows", |point| point.saved_us, report.saved),
        timed("Ping, there and back", |point| point.ping_us, report.ping),
        percentiles(latencies),
        deliveries(&report.series),
        edits(&report.series),
    ];
    let known = |of: fn(&Point) -> bool| report.series.seconds.iter().any(of);
    if known(|point| point.server_cores.or(point.generator_cores).is_some()) {
        plots.push(cores(&report.series));
    }
    if known(|point| point.server_rss_bytes.is_some()) {
        plots.push(memory(&report.series));
    }
    plots.extend(report.reconnect.as_ref().map(back));
    plots.push(timed("Lag of the load generator itself", |point| point.lag_us, report.generator.lag));
    plots
}

fn over_time<'a>(series: &'a Timeline, timed: &Timed) -> Plot<'a> {
    let values = |part: fn(Percentiles) -> u64| move |point: &Point| (timed.of)(point).map(|us| part(us) as f64);
    let lines = vec![
        line(series, "longest", "third", values(|us| us.max)),
        line(series, "p99", "second", values(|us| us.p99)),
        line(series, "p50", "first", values(|us| us.p50)),
    ];
    let hint = |point: &Point| {
        let us = (timed.of)(point)?;
        Some(format!("p50 {}, p99 {}, longest {}", time(us.p50), time(us.p99), time(us.max)))
    };
    let Summary { count, p50_us, p99_us, max_us, .. } = timed.summary;
    let description = format!(
        "over the whole run {count} samples, p50 {}, p99 {}, longest {}",
        time(p50_us),
        time(p99_us),
        time(max_us)
    );
    Plot { y: latency_axis(&lines), ..plot(series, timed.title, description, lines, hint) }
}

fn deliveries(series: &Timeline) -> Plot<'_> {
    let rate = |point: &Point| per_second(point.delivered, series);
    let lines = vec![line(series, "delivered", "first", |point| Some(rate(point)))];
    let most = greatest(&lines);
    let description = format!("at most {most:.0} in a second");
    let hint = |point: &Point| Some(format!("{:.0} deliveries a second", rate(point)));
    Plot { y: counts_axis(most), ..plot(series, "Deliveries a second", description, lines, hint) }
}

fn edits(series: &Timeline) -> Plot<'_> {
    let per_second = |count: u64| per_second(count, series);
    let errors: u64 = series.seconds.iter().map(|point| point.errors).sum();
    let lines = vec![
        line(series, "sent", "first", |point| Some(per_second(point.sent))),
        line(series, "saved", "second", |point| Some(per_second(point.saved))),
        line(series, "errors", "wrong", |point| (errors > 0).then(|| per_second(point.errors))),
    ];
    let description = format!("sent and saved; at most {:.0} in a second; {errors} errors", greatest(&lines));
    let hint = |point: &Point| {
        let [sent, saved, errors] = [point.sent, point.saved, point.errors].map(per_second);
        Some(format!("{sent:.0} sent, {saved:.0} saved, {errors:.0} errors a second"))
    };
    Plot { y: counts_axis(greatest(&lines)), ..plot(series, "Edits a second", description, lines, hint) }
}

fn cores(series: &Timeline) -> Plot<'_> {
    let server = line(series, "server", "first", |point| point.server_cores);
    let lines = vec![server, line(series, "generator", "second", |point| point.generator_cores)];
    let most = greatest(&lines);
    let shown = |cores: Option<f64>| cores.map_or("–".to_owned(), |cores| format!("{cores:.2}"));
    let hint = |point: &Point| {
        Some(format!("server {}, generator {} cores", shown(point.server_cores), shown(point.generator_cores)))
    };
    let description = format!("at most {most:.2} cores");
    let y = Axis::linear(most, |cores| format!("{cores:.2}"));
    Plot { y, ..plot(series, "Processors in use", description, lines, hint) }
}

fn memory(series: &Timeline) -> Plot<'_> {
    let of = |point: &Point| point.server_rss_bytes.map(|bytes| bytes as f64);
    let lines = vec![line(series, "resident memory", "first", of)];
    let most = greatest(&lines);
    let hint = |point: &Point| of(point).map(|bytes| Unit::Memory.show(bytes));
    let description = format!("at most {}", Unit::Memory.show(most));
    let y = Axis::linear(most / 1e6, |megabytes| format!("{} MB", rounded(megabytes)));
    let lines = lines.into_iter().map(|line| line.times(1e-6)).collect();
    Plot { y, ..plot(series, "Server: memory", description, lines, hint) }
}

/// How many were back when, after a server that was killed listened again.
fn back(reconnect: &Reconnect) -> Plot<'static> {
    let tenth = |at: usize| (at as f64 + 0.5) / 10.0;
    let bars: Vec<_> = reconnect.back_per_100_ms.iter().map(|count| *count as f64).enumerate().collect();
    let points = bars.iter().map(|&(at, count)| (tenth(at), Some(count))).collect();
    let lines = vec![Line { name: "live again in each tenth of a second", look: "first", points }];
    let last = Unit::Time.show(reconnect.live.max_us as f64);
    Plot {
        title: "Live again, after the server listened",
        description: format!("{} users were back, the last one after {last}", reconnect.back),
        x: Axis::exact(bars.len() as f64 / 10.0, seconds),
        y: counts_axis(greatest(&lines)),
        hints: bars.iter().map(|&(at, count)| (tenth(at), format!("{count} users"))).collect(),
        lines,
        stages: &[],
    }
}

/// What share of the samples took at most how long. To the right, each step is ten times rarer.
fn percentiles(latencies: &Latencies) -> Plot<'static> {
    let mut samples = 0;
    let mut curve = |name, look, kind| {
        let (latency, count) = (latencies.of(kind), latencies.of(kind).summary().count);
        samples = samples.max(count);
        let one_in = |share: f64| (1.0 / (1.0 - share)).min(count as f64).max(1.0);
        let points = latency.curve().into_iter().map(|(share, us)| (one_in(share), Some(us.max(1) as f64)));
        Line { name, look, points: points.collect() }
    };
    let lines = vec![
        curve("ping", "third", Kind::Ping),
        curve("saved", "second", Kind::Saved),
        curve("edit", "first", Kind::Edit),
    ];
    let of = |kind| latencies.of(kind).summary();
    let said = [("edit", of(Kind::Edit)), ("saved", of(Kind::Saved)), ("ping", of(Kind::Ping))]
        .map(|(name, summary)| format!("99.9 % of {name} within {}", time(summary.p999_us)));
    Plot {
        title: "Percentiles",
        description: said.join(", "),
        x: Axis::shares(samples),
        y: latency_axis(&lines),
        lines,
        stages: &[],
        hints: Vec::new(),
    }
}

/// A plot over time; its `y` is still to be given.
fn plot<'a>(
    series: &'a Timeline,
    title: &'a str,
    description: String,
    lines: Vec<Line>,
    hint: impl Fn(&Point) -> Option<String>,
) -> Plot<'a> {
    let hints = series.seconds.iter().filter_map(|point| {
        let text = hint(point)?;
        Some((middle(point, series), format!("{} s: {text}", point.t_s)))
    });
    let x = Axis::exact((series.seconds.len() as u64 * series.step_s) as f64, seconds);
    Plot { title, description, x, y: counts_axis(1.0), lines, stages: &series.stages, hints: hints.collect() }
}

fn line(series: &Timeline, name: &'static str, look: &'static str, of: impl Fn(&Point) -> Option<f64>) -> Line {
    Line { name, look, points: series.seconds.iter().map(|point| (middle(point, series), of(point))).collect() }
}

fn middle(point: &Point, series: &Timeline) -> f64 {
    point.t_s as f64 + series.step_s as f64 / 2.0
}

fn per_second(count: u64, series: &Timeline) -> f64 {
    count as f64 / series.step_s.max(1) as f64
}

fn greatest(lines: &[Line]) -> f64 {
    lines.iter().flat_map(Line::values).fold(0.0, f64::max)
}

fn latency_axis(lines: &[Line]) -> Axis {
    let least = lines.iter().flat_map(Line::values).fold(f64::INFINITY, f64::min);
    let label = |us: f64| match us {
        _ if us >= 1e6 => format!("{} s", us / 1e6),
        _ if us >= 1e3 => format!("{} ms", us / 1e3),
        _ => format!("{us} µs"),
    };
    if least.is_finite() { Axis::log(least.max(1.0), greatest(lines).max(1.0), label) } else { counts_axis(1.0) }
}

fn counts_axis(most: f64) -> Axis {
    // Below 5 the steps would be fractions.
    Axis::linear(most.max(5.0), |count| Unit::Count.show(count))
}

fn seconds(at: f64) -> String {
    if at >= 600.0 { format!("{:.0} min", at / 60.0) } else { format!("{} s", rounded(at)) }
}

/// To two digits behind the point: steps of a scale are no exact fractions.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn time(us: u64) -> String {
    Unit::Time.show(us as f64)
}
