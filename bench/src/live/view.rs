//! The screen: drawn from values alone, at any size, down to nothing.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph, Row, Sparkline, Table};

use super::{Amount, Moment, Scene};
use crate::report::unit::Unit;
use crate::stats::{Kind, Summary};

const QUIET: Color = Color::DarkGray;
const P50: Color = Color::Cyan;
const P99: Color = Color::Yellow;
const RATE: Color = Color::Green;
const BAD: Color = Color::Red;

/// Cells of a number in the table.
const NUMBER: u16 = 10;

/// Below this height there is no graph.
const GRAPH_FROM_HEIGHT: u16 = 18;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, scene: &Scene) {
    let graph = if frame.area().height >= GRAPH_FROM_HEIGHT { Constraint::Fill(1) } else { Constraint::Length(0) };
    let table = Constraint::Length(Kind::ALL.len() as u16 + 2);
    let [title, gauge, counts, table, graph, errors] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(3),
        table,
        graph,
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_title(frame, title, scene);
    draw_gauge(frame, gauge, scene);
    frame.render_widget(Paragraph::new(counts_of(scene)), counts);
    draw_table(frame, table, scene);
    let [latency, rate] = Layout::horizontal([Constraint::Fill(2), Constraint::Fill(1)]).areas(graph);
    draw_latency(frame, latency, &scene.moments);
    draw_rate(frame, rate, &scene.moments);
    frame.render_widget(Paragraph::new(errors_of(scene)), errors);
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    frame.render_widget(Paragraph::new(scene.title.as_str().bold()), area);
    frame.render_widget(Paragraph::new("Ctrl-C ends".fg(QUIET)).alignment(Alignment::Right), area);
}

fn draw_gauge(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let label = match &scene.progress {
        Some((done, of)) => format!("{}: {}", scene.stage, how_far(*done, *of)),
        None => scene.stage.to_owned(),
    };
    let ratio = scene.progress.map_or(0.0, |(done, of)| share(done, of));
    frame.render_widget(Gauge::default().gauge_style(Style::new().fg(Color::Blue)).ratio(ratio).label(label), area);
}

fn share(done: Amount, of: Amount) -> f64 {
    let number = |amount| match amount {
        Amount::Steps(steps) => steps as f64,
        Amount::Time(time) => time.as_secs_f64(),
    };
    let share = number(done) / number(of);
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

fn how_far(done: Amount, of: Amount) -> String {
    match (done, of) {
        (Amount::Time(done), Amount::Time(of)) => {
            let left = of.saturating_sub(done).as_secs_f64().ceil();
            format!("{} of {} s, {left} s left", done.as_secs(), of.as_secs_f64())
        }
        (Amount::Steps(done), Amount::Steps(of)) => format!("{done} of {of}"),
        (done, _) => format!("{done:?}"),
    }
}

fn counts_of(scene: &Scene) -> Vec<Line<'_>> {
    let last = scene.moments.last().copied().unwrap_or_default();
    let number = |count: f64| Span::from(Unit::Count.show(count)).bold();
    let mut rates = vec![number(last.sent), " edits/s   ".into(), number(last.delivered), " deliveries/s   ".into()];
    if let (Some(cores), Some(rss)) = (last.server_cores, last.server_rss_bytes) {
        let [cores, rss] = [Unit::Cores.show(cores), Unit::Memory.show(rss as f64)].map(|text| Span::from(text).bold());
        rates.extend(["server ".into(), cores, " cores, ".into(), rss]);
    }
    let totals = format!(
        "{} sent, {} delivered, {} under way",
        Unit::Count.show(scene.sent as f64),
        Unit::Count.show(scene.delivered as f64),
        Unit::Count.show(scene.under_way as f64)
    );
    vec![Line::from(scene.detail.as_str()).fg(QUIET), Line::from(rates), Line::from(totals)]
}

fn draw_table(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let heads = ["", "count", "p50", "p90", "p99", "p99.9", "max"];
    let header = Row::new(heads.map(|head| Line::from(head).alignment(Alignment::Right))).fg(QUIET);
    let rows = Kind::ALL.iter().zip(&scene.latencies).map(|(kind, summary)| row(kind.name(), summary));
    let widths = [Constraint::Length(6)].into_iter().chain([Constraint::Length(NUMBER); 6]);
    frame.render_widget(Table::new(rows, widths).header(header), area);
}

fn row(name: &'static str, summary: &Summary) -> Row<'static> {
    let Summary { count, p50_us, p90_us, p99_us, p999_us, max_us } = *summary;
    let times = [p50_us, p90_us, p99_us, p999_us, max_us];
    let shown = times.map(|us| if count > 0 { Unit::Time.show(us as f64) } else { "–".to_owned() });
    let numbers = std::iter::once(Unit::Count.show(count as f64)).chain(shown);
    let right = numbers.map(|text| Line::from(text).alignment(Alignment::Right));
    Row::new(std::iter::once(Line::from(name)).chain(right))
}

/// Over the decades that there are, since a stall is a thousand times the usual.
fn draw_latency(frame: &mut Frame<'_>, area: Rect, moments: &[Moment]) {
    let points = |of: fn((u64, u64)) -> u64| -> Vec<(f64, f64)> {
        let timed = moments.iter().enumerate().filter_map(|(at, moment)| Some((at, of(moment.edit_us?))));
        timed.map(|(at, us)| (at as f64, (us.max(1) as f64).log10())).collect()
    };
    let (p50, p99) = (points(|(p50, _)| p50), points(|(_, p99)| p99));
    let least = p50.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let most = p99.iter().map(|point| point.1).fold(0.0, f64::max);
    let (low, high) =
        if least.is_finite() { (least.floor(), most.ceil().max(least.floor() + 1.0)) } else { (2.0, 5.0) };
    let line = |colour, data| {
        let line = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line);
        line.style(Style::new().fg(colour)).data(data)
    };
    let title = Line::from(vec!["edit latency: ".into(), "p50".fg(P50), " and ".into(), "p99".fg(P99)]);
    let labels = (low as i32..=high as i32).map(|power| Unit::Time.show(10_f64.powi(power)));
    let chart = Chart::new(vec![line(P99, &p99), line(P50, &p50)])
        .block(Block::bordered().border_style(QUIET).title(title))
        .legend_position(None)
        .x_axis(Axis::default().bounds([0.0, moments.len().saturating_sub(1).max(1) as f64]))
        .y_axis(Axis::default().bounds([low, high]).labels(labels).style(QUIET));
    frame.render_widget(chart, area);
}

fn draw_rate(frame: &mut Frame<'_>, area: Rect, moments: &[Moment]) {
    let block = Block::bordered().border_style(QUIET).title("deliveries a second");
    let shown = usize::from(block.inner(area).width).min(moments.len());
    let rates = moments[moments.len() - shown..].iter().map(|moment| moment.delivered as u64);
    frame.render_widget(Sparkline::default().block(block).data(rates).style(RATE), area);
}

fn errors_of(scene: &Scene) -> Line<'_> {
    if scene.errors.is_empty() {
        return Line::from("no errors").fg(QUIET);
    }
    let all: Vec<_> = scene.errors.iter().map(|(error, count)| format!("{error} ×{count}")).collect();
    Line::from(all.join(", ")).fg(BAD)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn scene() -> Scene {
        let moment = |delivered| Moment {
            sent: 500.0,
            delivered,
            edit_us: Some((800, 3000)),
            server_cores: Some(0.61),
            server_rss_bytes: Some(131_000_000),
        };
        let summary = Summary { count: 9, p50_us: 800, p90_us: 1500, p99_us: 3000, p999_us: 9000, max_us: 1_200_000 };
        Scene {
            title: "1,000 users".to_owned(),
            stage: "editing",
            progress: Some((Amount::Time(Duration::from_secs(12)), Amount::Time(Duration::from_secs(30)))),
            sent: 6000,
            delivered: 54_000,
            under_way: 17,
            latencies: [summary; Kind::ALL.len()],
            moments: vec![moment(4400.0), Moment::default(), moment(4500.0)],
            ..Scene::default()
        }
    }

    fn drawn(scene: &Scene, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, scene)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn everything_that_people_look_for_is_there() {
        let mut scene = scene();
        let screen = drawn(&scene, 100, 30);
        for text in [
            "1,000 users",
            "editing: 12 of 30 s, 18 s left",
            "4,500 deliveries/s",
            "0.61 cores, 131 MB",
            "6,000 sent, 54,000 delivered, 17 under way",
            "1.20 s",
            "edit latency",
            "10.0 ms",
            "no errors",
        ] {
            assert!(screen.contains(text), "{text}\n{screen}");
        }
        scene.errors.push(("4504 RateLimited".to_owned(), 3));
        assert!(drawn(&scene, 100, 30).contains("4504 RateLimited ×3"));
    }

    #[test]
    fn it_can_be_drawn_at_any_size_and_with_nothing_in_it() {
        for scene in [scene(), Scene::default()] {
            for (width, height) in [(1, 1), (5, 3), (20, 10), (80, 24), (300, 100)] {
                let screen = drawn(&scene, width, height);
                assert!(!screen.contains("NaN") && !screen.contains("inf"), "{screen}");
            }
        }
    }

    #[test]
    fn steps_are_counted_and_nothing_is_divided_by_nothing() {
        let mut scene = scene();
        scene.stage = "joining";
        scene.progress = Some((Amount::Steps(0), Amount::Steps(0)));
        assert!(drawn(&scene, 80, 24).contains("joining: 0 of 0"));
    }
}
