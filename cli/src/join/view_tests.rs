use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use collab_proto::colour::PALETTE;

struct Scene {
    editor: Editor,
    people: Vec<Person>,
    count: u32,
    status: Vec<Note>,
    message: Option<Note>,
    help: bool,
    colours: Colours,
}

fn scene(text: &str) -> Scene {
    let person =
        |id: u64, name: &str, me, cursor| Person { id, colour: PALETTE[id as usize], name: name.into(), me, cursor };
    Scene {
        editor: Editor::new(text.into()),
        people: vec![person(1, "anna", true, None), person(2, "bob", false, Some(1))],
        count: 2,
        status: vec![
            Note::new("connected", Tone::Good),
            Note::new("saved", Tone::Good),
            Note::new("0.4 ms", Tone::Plain),
        ],
        message: None,
        help: false,
        colours: Colours::All,
    }
}

/// Draws on a screen of this size.
fn drawn(scene: &mut Scene, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let area = areas(Rect::new(0, 0, width, height), scene.message.is_some()).text;
    scene.editor.resize(area.width.into(), area.height.into());
    let view = View {
        editor: &scene.editor,
        room: "demo",
        people: &scene.people,
        count: scene.count,
        status: &scene.status,
        message: scene.message.as_ref(),
        help: scene.help,
        colours: scene.colours,
    };
    terminal.draw(|frame| draw(frame, &view)).unwrap();
    terminal
}

fn lines(terminal: &Terminal<TestBackend>) -> Vec<String> {
    let buffer = terminal.backend().buffer();
    let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| row(y).trim_end().to_owned()).collect()
}

#[test]
fn a_wide_screen_shows_everything() {
    let terminal = drawn(&mut scene("one\ntwo"), 70, 7);
    let lines = lines(&terminal);
    assert!(lines[0].starts_with(" demo") && lines[0].ends_with("F1 help  Ctrl-Q leave"));
    assert_eq!(lines[1], format!("{:48}│ 2 people", "one"));
    assert_eq!(lines[2], format!("{:48}│ ● anna (you)", "two"));
    assert_eq!(lines[3], format!("{:48}│ ● bob", ""));
    assert_eq!(lines[6], format!("{:66}1:1", " connected · saved · 0.4 ms"));
}

#[test]
fn a_narrow_screen_keeps_the_text_and_what_matters_most() {
    let terminal = drawn(&mut scene("some words"), 20, 3);
    assert_eq!(lines(&terminal), ["some words", "", " connected · saved"]);
}

#[test]
fn wide_characters_take_two_cells_and_the_cursor_follows() {
    let mut scene = scene("日本x");
    scene.editor.replace("日本x".into(), 2);
    let mut terminal = drawn(&mut scene, 20, 3);
    assert!(lines(&terminal)[0].starts_with("日"));
    terminal.backend_mut().assert_cursor_position(Position::new(4, 0));
}

#[test]
fn the_cursors_of_others_are_seen_also_without_colours() {
    for colours in [Colours::All, Colours::None] {
        let mut scene = Scene { colours, ..scene("one") };
        let terminal = drawn(&mut scene, 20, 3);
        let style = terminal.backend().buffer()[(1, 0)].style();
        assert_eq!(style.add_modifier.contains(Modifier::REVERSED), colours == Colours::None);
        assert_eq!(style.bg == Some(Color::Rgb(0x27, 0x7c, 0x38)), colours == Colours::All);
    }
}

#[test]
fn without_colours_nothing_is_coloured() {
    let mut scene = Scene { colours: Colours::None, message: Some(Note::new("careful", Tone::Bad)), ..scene("one") };
    let terminal = drawn(&mut scene, 80, 10);
    assert!(terminal.backend().buffer().content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

#[test]
fn names_and_messages_cannot_reach_the_terminal() {
    let mut scene = scene("a\x1b[31mb");
    scene.people[1].name = "\x1b]0;owned\x07".into();
    scene.message = Some(Note::new("\x1b[2J", Tone::Bad));
    let terminal = drawn(&mut scene, 80, 10);
    assert!(terminal.backend().buffer().content.iter().all(|cell| !cell.symbol().contains(char::is_control)));
    assert!(lines(&terminal)[1].starts_with("a␛[31mb"));
}

#[test]
fn more_people_than_fit_are_counted() {
    let mut scene = scene("");
    scene.people =
        (0..20).map(|id| Person { id, colour: PALETTE[0], name: format!("p{id}"), me: false, cursor: None }).collect();
    scene.count = 70;
    let lines = lines(&drawn(&mut scene, 70, 8));
    assert_eq!(lines[1].trim(), "│ 70 people");
    assert_eq!(lines[5].trim(), "│ ● p3");
    assert_eq!(lines[6].trim(), "│   and 66 more");
}

#[test]
fn every_small_size_is_drawn_without_a_panic() {
    for width in 0..70 {
        for height in 0..9 {
            let message = Some(Note::new("日本 message", Tone::Wait));
            let mut scene = Scene {
                help: (width + height) % 2 == 0, message, ..scene("日本 text\tand\nmore 👨‍👩‍👧")
            };
            scene.editor.go(super::super::editor::Move::Bottom);
            drawn(&mut scene, width, height);
        }
    }
}

#[test]
fn help_lies_over_the_text() {
    let mut scene = Scene { help: true, ..scene("text") };
    let text = lines(&drawn(&mut scene, 80, 24)).join("\n");
    assert!(text.contains("Ctrl-Left, Ctrl-Right") && text.contains("Any key closes this."));
}
