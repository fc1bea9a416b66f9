//! The results as one page of HTML that needs nothing else: no network, no script. Plots are SVG in its text.

mod axis;
mod plot;
mod plots;
mod tables;

use std::fmt::Write;

use crate::report::Report;
use crate::report::figure::Figure;
use crate::report::unit::Unit;
use crate::stats::Latencies;

const STYLE: &str = include_str!("html/page.css");

/// Nothing from elsewhere is loaded, whatever a name in the results may say.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// What a page is about.
pub struct Page<'a> {
    /// The run.
    pub report: &'a Report,
    /// Its whole distributions.
    pub latencies: &'a Latencies,
    /// All runs of the same load, the one that the page is about among them.
    pub runs: &'a [Report],
    /// What did not hold that must, assertions among it.
    pub failures: &'a [String],
}

impl Page<'_> {
    /// The text of the page.
    pub fn write(&self) -> String {
        let title = escape(&headline(self.report));
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} · collab-bench</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header>\n<p>collab-bench {} · {}</p>\n<h1>{title}</h1>\n</header>\n<main>\n",
            escape(&self.report.versions.bench),
            escape(&self.report.machine.began.replace(['T', 'Z'], " ")),
        );
        self.write_verdict(&mut out);
        self.write_cards(&mut out);
        out.push_str("<h2>Latency</h2>\n");
        tables::write_latencies(self.report, &mut out);
        if self.runs.len() > 1 {
            tables::write_runs(self.runs, &mut out);
        }
        out.push_str("<h2>Over time</h2>\n<div class=\"plots\">\n");
        plots::plots(self.report, self.latencies).iter().for_each(|plot| plot.write(&mut out));
        out.push_str("</div>\n");
        tables::write_seconds(&self.report.series, &mut out);
        if let Some(steps) = &self.report.saturation {
            tables::write_saturation(steps, &mut out);
        }
        out.push_str("<h2>Outcome and conditions</h2>\n<div class=\"twins\">\n");
        tables::write_outcome(self.report, &mut out);
        tables::write_conditions(self.report, &mut out);
        out.push_str("</div>\n");
        let _ =
            write!(out, "<h2>To repeat it</h2>\n<pre tabindex=\"0\">{}</pre>\n</main>\n", escape(&self.report.command));
        out.push_str(FOOTER);
        out
    }

    fn write_verdict(&self, out: &mut String) {
        if self.failures.is_empty() {
            out.push_str(
                "<p class=\"verdict good\"><strong>Passed</strong>Every edit was saved and reached every member once, ",
            );
            out.push_str("and all replicas are equal.</p>\n");
        } else {
            out.push_str("<div class=\"verdict bad\"><strong>Failed</strong><ul>");
            for failure in self.failures {
                let _ = write!(out, "<li>{}</li>", escape(failure));
            }
            out.push_str("</ul></div>\n");
        }
        for warning in self.report.warnings() {
            let _ = writeln!(out, "<p class=\"verdict warn\"><strong>Read with care</strong>{}</p>", escape(&warning));
        }
    }

    fn write_cards(&self, out: &mut String) {
        out.push_str("<dl class=\"cards\">\n");
        for (name, figure) in [
            ("Edit, median", "edit_p50"),
            ("Edit, 99 %", "edit_p99"),
            ("Saved, 99 %", "saved_p99"),
            ("Deliveries a second", "delivered_per_s"),
            ("Lost", "lost"),
            ("Server, processors", "server_cores"),
            ("Server, memory", "server_rss"),
        ] {
            let Ok(figure) = figure.parse::<Figure>() else { continue };
            if let Some(value) = figure.of(self.report) {
                let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", figure.unit().show(value));
            }
        }
        out.push_str("</dl>\n");
    }
}

const FOOTER: &str = "<footer><p>Edit and saved count from the time at which an edit was due, not from when the load \
    generator came round to it. Latency axes are logarithmic. Seconds count from when the first user came in.</p></footer>\n\
    </body>\n</html>\n";

/// What was done, in a line.
fn headline(report: &Report) -> String {
    let rooms = if report.rooms == 1 { "one room".to_owned() } else { format!("{} rooms", report.rooms) };
    let users = Unit::Count.show(report.clients as f64);
    let line = format!("{users} users in {rooms} over {}", report.transport);
    report.asked.scenario.iter().fold(line, |line, name| format!("{name}: {line}"))
}

/// Text in which nothing is markup, also between double quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
