//! Lines over a scale, as SVG that takes its colours from the page.

use std::fmt::Write;

use super::axis::Axis;
use super::escape;
use crate::series::timeline::StageMark;

/// The drawing, in its own units; on the page it is as wide as there is room.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 230.0;

/// What is left around the plot for what is written there.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 24.0;

/// About the width of a letter in the name of a stage.
const LETTER: f64 = 6.5;

/// More points than this get no text of their own to hover over.
const MOST_HINTS: usize = 400;

/// A plot.
#[derive(Debug)]
pub struct Plot<'a> {
    /// What it shows.
    pub title: &'a str,
    /// What can be seen in it, for those who do not see it.
    pub description: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// What is drawn.
    pub lines: Vec<Line>,
    /// What the run was about from which `x` on.
    pub stages: &'a [StageMark],
    /// What is said of an `x` when the pointer is there.
    pub hints: Vec<(f64, String)>,
}

/// A line of a plot.
#[derive(Debug)]
pub struct Line {
    /// What it is.
    pub name: &'static str,
    /// How it looks: a class of the page's style.
    pub look: &'static str,
    /// Through these points; a gap where there is no value.
    pub points: Vec<(f64, Option<f64>)>,
}

impl Line {
    /// The values that there are.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|(_, y)| *y)
    }

    /// The same in another unit.
    pub fn times(mut self, factor: f64) -> Self {
        self.points.iter_mut().for_each(|(_, y)| *y = y.map(|y| y * factor));
        self
    }

    fn has_values(&self) -> bool {
        self.values().next().is_some()
    }
}

impl Plot<'_> {
    /// The figure: title, drawing and legend.
    pub fn write(&self, out: &mut String) {
        let _ = write!(out, "<figure><figcaption>{}</figcaption>", escape(self.title));
        if self.lines.iter().any(Line::has_values) {
            self.write_drawing(out);
            self.write_legend(out);
        } else {
            out.push_str("<p class=\"none\">Nothing was measured.</p>");
        }
        out.push_str("</figure>\n");
    }

    fn write_drawing(&self, out: &mut String) {
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}: {}\">",
            escape(self.title),
            escape(&self.description)
        );
        self.write_axes(out);
        self.write_stages(out);
        for line in &self.lines {
            let _ = write!(out, "<path class=\"line {}\" d=\"{}\"/>", line.look, self.path(&line.points));
        }
        self.write_hints(out);
        out.push_str("</svg>");
    }

    fn write_axes(&self, out: &mut String) {
        for tick in self.y.ticks() {
            let y = up(tick.at);
            let _ = write!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/>", WIDTH - RIGHT);
            let place = format!("text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\"", LEFT - 6.0, y + 4.0);
            let _ = write!(out, "<text {place}>{}</text>", escape(&tick.label));
        }
        for tick in self.x.ticks() {
            let (x, y) = (right(tick.at), HEIGHT - 6.0);
            // At the right end it would be cut off.
            let anchor = if tick.at > 0.95 { "end" } else { "middle" };
            let place = format!("text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y}\"");
            let _ = write!(out, "<text {place}>{}</text>", escape(&tick.label));
        }
    }

    /// A name stands right of its line, or left of it at the end; it is left out where it would run into another.
    fn write_stages(&self, out: &mut String) {
        let mut free_from = LEFT;
        for stage in self.stages {
            let x = right(self.x.place(stage.at_s));
            let _ = write!(out, "<path class=\"stage\" d=\"M{x:.1} {TOP}V{:.1}\"/>", HEIGHT - BOTTOM);
            let width = stage.name.len() as f64 * LETTER;
            let (from, anchor) = if x + width <= WIDTH { (x, "start") } else { (x - width, "end") };
            if from >= free_from {
                let name = escape(&stage.name);
                let _ =
                    write!(out, "<text class=\"stage\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"14\">{name}</text>");
                free_from = from + width;
            }
        }
    }

    fn path(&self, points: &[(f64, Option<f64>)]) -> String {
        let (mut path, mut is_down) = (String::new(), false);
        for (at, (x, y)) in points.iter().enumerate() {
            let Some(y) = y else {
                is_down = false;
                continue;
            };
            let (x, y) = (right(self.x.place(*x)), up(self.y.place(*y)));
            let _ = write!(path, "{}{x:.1} {y:.1}", if is_down { 'L' } else { 'M' });
            // A point between gaps is a dot.
            if !is_down && points.get(at + 1).is_none_or(|next| next.1.is_none()) {
                path.push_str("m-1.5 0h3");
            }
            is_down = true;
        }
        path
    }

    fn write_hints(&self, out: &mut String) {
        if self.hints.len() > MOST_HINTS {
            return;
        }
        let width = (WIDTH - LEFT - RIGHT) / self.hints.len().max(1) as f64;
        for (x, text) in &self.hints {
            let (x, height) = (right(self.x.place(*x)) - width / 2.0, HEIGHT - TOP - BOTTOM);
            let place = format!("x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\"");
            let _ = write!(out, "<rect class=\"hint\" {place}><title>{}</title></rect>", escape(text));
        }
    }

    fn write_legend(&self, out: &mut String) {
        out.push_str("<ul class=\"legend\">");
        for line in self.lines.iter().filter(|line| line.has_values()) {
            let sample = format!("<svg viewBox=\"0 0 24 8\"><path class=\"line {}\" d=\"M2 4H22\"/></svg>", line.look);
            let _ = write!(out, "<li>{sample}{}</li>", escape(line.name));
        }
        out.push_str("</ul>");
    }
}

fn right(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

fn up(share: f64) -> f64 {
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, Option<f64>)>) -> Plot<'static> {
        let axis = || Axis::linear(10.0, |value| format!("{value}"));
        let line = Line { name: "a <line>", look: "first", points };
        let description = "it \"rises\"".to_owned();
        Plot { title: "T & t", description, x: axis(), y: axis(), lines: vec![line], stages: &[], hints: Vec::new() }
    }

    fn drawn(plot: &Plot<'_>) -> String {
        let mut out = String::new();
        plot.write(&mut out);
        out
    }

    #[test]
    fn a_line_has_gaps_and_dots() {
        let points = [Some(0.0), Some(10.0), None, Some(5.0), None].into_iter().zip([0.0, 2.5, 5.0, 7.5, 10.0]);
        let path = plot(Vec::new()).path(&points.map(|(y, x)| (x, y)).collect::<Vec<_>>());
        assert_eq!(path, "M58.0 206.0L140.5 22.0M305.5 114.0m-1.5 0h3");
    }

    #[test]
    fn what_is_written_cannot_become_markup() {
        let out = drawn(&plot(vec![(1.0, Some(1.0))]));
        assert!(out.contains("T &amp; t") && out.contains("a &lt;line&gt;") && out.contains("it &quot;rises&quot;"));
    }

    #[test]
    fn nothing_measured_is_said_and_not_drawn() {
        for points in [Vec::new(), vec![(1.0, None)]] {
            let out = drawn(&plot(points));
            assert!(out.contains("Nothing was measured") && !out.contains("<svg"), "{out}");
        }
    }

    #[test]
    fn names_of_stages_do_not_run_into_each_other() {
        let stage = |name: &str, at_s| StageMark { name: name.to_owned(), at_s };
        let stages = [stage("joining", 0.0), stage("editing", 0.1), stage("draining", 9.8), stage("checking", 9.9)];
        let out = drawn(&Plot { stages: &stages, ..plot(vec![(1.0, Some(1.0))]) });
        let named: Vec<_> = stages.iter().map(|stage| out.contains(&format!(">{}</text>", stage.name))).collect();
        assert_eq!(named, [true, false, true, false]);
        assert_eq!(out.matches("class=\"stage\" d=").count(), 4);
    }

    #[test]
    fn hints_are_written_unless_they_are_too_many() {
        let hints = |count| (0..count).map(|at| (at as f64, "here".to_owned())).collect();
        for (count, written) in [(MOST_HINTS, MOST_HINTS), (MOST_HINTS + 1, 0)] {
            let out = drawn(&Plot { hints: hints(count), ..plot(vec![(1.0, Some(1.0))]) });
            assert_eq!(out.matches("<title>here</title>").count(), written);
        }
    }
}
