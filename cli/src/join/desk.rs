//! The editor and the room together: what keys do to the room, and what the room does to the screen.

use std::time::{Duration, Instant};

use collab_client::driver::Driver;
use collab_client::{Document, EditError, Event, SaveState, State};
use collab_document::{Anchor, Side};
use collab_proto::{Code, RoomName};
use ratatui::Frame;

use super::editor::{Editor, Move, Splice};
use super::keeping::Keeping;
use super::keys::{self, Action};
use super::news;
use super::status;
use super::undo::{History, Target};
use super::view::{self, Note, Person, Tone, View};
use crate::output;
use crate::state;

/// A pause of this length begins a new step for undo.
const STEP_PAUSE: Duration = Duration::from_secs(2);

/// What the loop around the desk is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Stay,
    /// Go on with a fresh screen.
    Redraw,
    /// All is saved, and the user wants to leave.
    Leave,
    /// The user does not want to wait.
    LeaveAtOnce,
}

/// The last change, to tell whether the next belongs to the same step.
#[derive(Debug)]
struct Stroke {
    inserts: bool,
    cursor: u32,
    when: Instant,
}

/// The editor, the room, and what stands between them.
pub struct Desk {
    room: RoomName,
    driver: Driver,
    keeping: Keeping,
    editor: Editor,
    history: History,
    stroke: Option<Stroke>,
    /// Where the cursor is, in a form that survives what others write.
    place: Anchor,
    /// The editor's copy of the text is older than the room's.
    stale: bool,
    message: Option<Note>,
    help: bool,
    leaving: bool,
    /// The room is another one by now, and the user is asked what becomes of the text.
    asking: bool,
    colours: bool,
}

impl Target for Driver {
    fn document(&self) -> &Document {
        self.client().document()
    }

    fn change(&mut self, splice: &Splice) -> Result<(), EditError> {
        self.splice(splice.at, splice.delete, &splice.insert)
    }
}

impl Desk {
    /// A desk in a room that was just entered, or that is another one than that of the work which was brought.
    pub fn new(room: RoomName, driver: Driver, keeping: Keeping) -> Self {
        let editor = Editor::new(driver.client().document().text());
        let mut desk = Self {
            room,
            driver,
            keeping,
            editor,
            history: History::default(),
            stroke: None,
            place: Anchor::Start,
            stale: false,
            message: None,
            help: false,
            leaving: false,
            asking: false,
            colours: output::wants_colours(),
        };
        desk.moved();
        desk.greet();
        desk
    }

    fn greet(&mut self) {
        if self.driver.client().state() == State::Refused(Code::GenerationChanged) {
            self.ask();
        } else if let Some(when) = self.keeping.since() {
            self.message = Some(Note::new(format!("What you wrote {when} is being sent."), Tone::Wait));
        }
    }

    /// The room.
    pub fn driver(&mut self) -> &mut Driver {
        &mut self.driver
    }

    /// The room and what is kept of it, when the editor is closed.
    pub fn into_parts(self) -> (Driver, Keeping) {
        (self.driver, self.keeping)
    }

    /// When [`keep`](Self::keep) has something to do; none while it has not.
    pub fn keep_in(&mut self) -> Option<Duration> {
        self.keeping.due_in(self.driver.client())
    }

    /// Keeps on this device what is not saved.
    pub fn keep(&mut self) -> Flow {
        if let Err(error) = self.keeping.keep(self.driver.client()) {
            let text = format!("Unsaved changes cannot be kept on this device: {error:#}");
            self.message = Some(Note::new(text, Tone::Bad));
        }
        Flow::Stay
    }

    /// Does what a key means.
    pub fn act(&mut self, action: Action) -> Flow {
        if std::mem::take(&mut self.help) && action != Action::Leave {
            return Flow::Stay;
        }
        self.catch_up();
        if self.asking {
            return self.answer(&action);
        }
        match action {
            Action::Leave => return self.leave(),
            Action::Redraw => return Flow::Redraw,
            Action::Help => self.help = true,
            Action::Escape => self.stay(),
            Action::Save => self.message = Some(Note::new("No need: it saves itself while you write.", Tone::Plain)),
            Action::Go(to) => self.go(to),
            Action::Page(screens) => self.page(screens),
            Action::Remove(towards) => self.remove(towards),
            Action::Insert(text) => self.insert(&text),
            Action::Undo => self.step(History::undo, "Nothing of yours is left to take back."),
            Action::Redo => self.step(History::redo, "There is nothing to do again."),
        }
        Flow::Stay
    }

    /// Inserts pasted text.
    pub fn paste(&mut self, text: &str) -> Flow {
        self.help = false;
        self.catch_up();
        if self.asking {
            return Flow::Stay;
        }
        self.stroke = None;
        self.insert(&keys::pasted(text));
        self.stroke = None;
        Flow::Stay
    }

    /// Takes note of what happened in the room.
    pub fn room_event(&mut self, event: Event) -> Flow {
        match event {
            Event::TextChanged { .. } => self.stale = true,
            Event::GenerationChanged => self.ask(),
            Event::StateChanged(State::Live) if !self.leaving && self.keeping.since().is_none() => self.message = None,
            event => self.message = news::of(&event, self.room.as_str()).or(self.message.take()),
        }
        if let Some(when) = self.keeping.sent(self.driver.client()).filter(|_| !self.asking) {
            self.message = Some(Note::new(format!("What you wrote {when} was sent, and is saved."), Tone::Good));
        }
        if self.leaving && self.is_saved() { Flow::Leave } else { Flow::Stay }
    }

    /// When the screen changes by itself, without an event; none when it does not.
    pub fn changes_in(&self) -> Option<Duration> {
        match self.driver.client().state() {
            State::Backoff { .. } => Some(Duration::from_millis(250)),
            _ => self.wait().filter(|wait| !wait.is_zero()).map(|wait| wait.min(Duration::from_millis(100))),
        }
    }

    /// Draws the screen.
    pub fn draw(&mut self, frame: &mut Frame) {
        self.catch_up();
        let text = view::areas(frame.area(), self.message.is_some()).text;
        self.editor.resize(text.width.into(), text.height.into());
        let view = View {
            editor: &self.editor,
            room: self.room.as_str(),
            people: &self.people(),
            count: self.driver.client().roster().count,
            status: &self.status(),
            message: self.message.as_ref(),
            help: self.help,
            colours: self.colours,
        };
        view::draw(frame, &view);
    }

    fn is_saved(&self) -> bool {
        self.driver.client().save_state() == SaveState::Saved
    }

    fn leave(&mut self) -> Flow {
        if self.is_saved() {
            return Flow::Leave;
        }
        if self.leaving {
            return Flow::LeaveAtOnce;
        }
        self.leaving = true;
        let text = "Saving your last changes before leaving. Ctrl-Q again leaves at once, Esc stays.";
        self.message = Some(Note::new(text, Tone::Wait));
        Flow::Stay
    }

    fn stay(&mut self) {
        self.leaving = false;
        self.message = None;
    }

    fn go(&mut self, to: Move) {
        self.editor.go(to);
        self.stroke = None;
        self.moved();
    }

    fn page(&mut self, screens: isize) {
        let rows = self.editor.rows().len().saturating_sub(1).max(1);
        self.go(if screens < 0 { Move::Up(rows) } else { Move::Down(rows) });
    }

    fn insert(&mut self, text: &str) {
        let splice = self.editor.insertion(text);
        self.edit(&splice);
        // A step ends with a word or a line.
        if text.ends_with(char::is_whitespace) {
            self.stroke = None;
        }
    }

    fn remove(&mut self, towards: Move) {
        if let Some(splice) = self.editor.removal(towards) {
            self.edit(&splice);
        }
    }

    fn edit(&mut self, splice: &Splice) {
        let inserts = !splice.insert.is_empty();
        let (cursor, when) = (self.editor.cursor(), Instant::now());
        let goes_on = |last: &Stroke| last.inserts == inserts && last.cursor == cursor && when < last.when + STEP_PAUSE;
        let joins = self.stroke.as_ref().is_some_and(goes_on);
        match self.history.make(&mut self.driver, splice, joins) {
            Ok(()) => {
                self.editor.apply(splice);
                self.stroke = Some(Stroke { inserts, cursor: self.editor.cursor(), when });
                self.moved();
            }
            Err(error) => self.complain(&error),
        }
    }

    fn step(&mut self, step: fn(&mut History, &mut Driver) -> Result<Option<u32>, EditError>, nothing: &str) {
        self.stroke = None;
        match step(&mut self.history, &mut self.driver) {
            Ok(Some(cursor)) => {
                self.editor.replace(self.driver.client().document().text(), cursor);
                self.moved();
            }
            Ok(None) => self.message = Some(Note::new(nothing, Tone::Plain)),
            Err(error) => self.complain(&error),
        }
    }

    fn complain(&mut self, error: &EditError) {
        self.message = Some(Note::new(format!("Not done: {error}"), Tone::Bad));
    }

    /// The cursor moved by the user's own doing. What it said before is read by now.
    fn moved(&mut self) {
        let cursor = self.editor.cursor();
        self.place = self.driver.client().document().anchor(cursor, Side::Left);
        self.driver.set_cursor(Some((cursor, cursor)));
        let lasting = self.leaving || matches!(self.driver.client().state(), State::Refused(_));
        if !lasting {
            self.message = None;
        }
    }

    /// Takes over what others wrote; the cursor keeps its place between its neighbours.
    fn catch_up(&mut self) {
        if std::mem::take(&mut self.stale) {
            let document = self.driver.client().document();
            let cursor = document.offset(self.place).unwrap_or_else(|| self.editor.cursor());
            self.editor.replace(document.text(), cursor);
        }
    }

    /// The room was restored or made anew. Merging this text into it would double what both have.
    fn ask(&mut self) {
        self.asking = true;
        let text = "The room is a new one, this is its old text. k: keep a copy, go on · q: quit";
        self.message = Some(Note::new(text, Tone::Bad));
    }

    fn answer(&mut self, action: &Action) -> Flow {
        match action {
            Action::Insert(key) if key.eq_ignore_ascii_case("k") => self.begin_afresh(),
            Action::Insert(key) if key.eq_ignore_ascii_case("q") => return Flow::LeaveAtOnce,
            Action::Leave => return Flow::LeaveAtOnce,
            Action::Redraw => return Flow::Redraw,
            _ => {}
        }
        Flow::Stay
    }

    /// Keeps the text as it was in a file, and shows the room's new one.
    fn begin_afresh(&mut self) {
        let kept = state::State::of_user().keep_text(self.room.as_str(), self.editor.text());
        self.message = Some(match kept {
            Ok(path) => {
                self.driver.start_afresh();
                self.asking = false;
                (self.history, self.stroke, self.stale) = (History::default(), None, true);
                Note::new(format!("Your text as it was is in {}", path.display()), Tone::Plain)
            }
            Err(error) => {
                Note::new(format!("Your text could not be kept: {error:#}. k: try again · q: quit"), Tone::Bad)
            }
        });
    }

    fn people(&self) -> Vec<Person> {
        let client = self.driver.client();
        let cursors = client.cursors();
        let person = |info: &collab_proto::MemberInfo| Person {
            id: info.id.0,
            name: info.name.clone(),
            me: client.member() == Some(info.id),
            cursor: cursors.get(&info.id).map(|(_, head)| *head),
        };
        let mut people: Vec<_> = client.roster().members.values().map(person).collect();
        people.sort_by(|a, b| (!a.me, &a.name, a.id).cmp(&(!b.me, &b.name, b.id)));
        people
    }

    fn status(&self) -> Vec<Note> {
        let client = self.driver.client();
        let mut notes = vec![
            status::connection(client.state(), Instant::now()),
            status::saving(client.save_state(), self.keeping.is_kept(client)),
        ];
        notes.extend(self.wait().and_then(status::budget));
        if client.state().is_live() {
            notes.push(Note::new(view::people(client.roster().count), Tone::Plain));
            notes.extend(status::latency(&client.latency()));
            notes.extend(self.driver.way().map(status::way));
        }
        notes
    }

    /// How long the user's last changes wait for their turn. The short wait between two edits is not worth a word.
    fn wait(&self) -> Option<Duration> {
        let client = self.driver.client();
        let wait = client.next_edit_at()?.saturating_duration_since(Instant::now());
        (wait > Duration::from_millis(client.policy().throttle_ms.into())).then_some(wait)
    }
}
