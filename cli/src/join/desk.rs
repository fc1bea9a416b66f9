//! The editor and the room together: what keys do to the room, and what the room does to the screen.

use std::time::{Duration, Instant};

use collab_client::driver::Driver;
use collab_client::{EditError, Event, SaveState, State};
use collab_proto::{Code, RoomName, colour};
use ratatui::Frame;

use super::colours::Colours;
use super::keeping::Keeping;
use super::keys::{self, Action};
use super::news;
use super::page::Page;
use super::status;
use super::view::{self, Note, Person, Tone, View};
use crate::state;

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

/// The editor, the room, and what stands between them.
pub struct Desk {
    room: RoomName,
    driver: Driver,
    keeping: Keeping,
    page: Page,
    message: Option<Note>,
    help: bool,
    leaving: bool,
    /// The room is another one by now, and the user is asked what becomes of the text.
    asking: bool,
    colours: Colours,
}

impl Desk {
    /// A desk in a room that was just entered, or that is another one than that of the work which was brought.
    pub fn new(room: RoomName, mut driver: Driver, keeping: Keeping) -> Self {
        let page = Page::of(&mut driver);
        let mut desk = Self {
            room,
            driver,
            keeping,
            page,
            message: None,
            help: false,
            leaving: false,
            asking: false,
            colours: Colours::of_terminal(),
        };
        desk.greet();
        desk
    }

    fn greet(&mut self) {
        if self.driver.client().state() == State::Refused(Code::GenerationChanged) {
            self.ask();
        } else if let Some(when) = self.keeping.since() {
            let here = self.driver.client().state().is_live();
            let what = if here { "is being sent." } else { "waits here until the server is back." };
            self.message = Some(Note::new(format!("What you wrote {when} {what}"), Tone::Wait));
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
        self.page.catch_up(&self.driver);
        if self.asking {
            return self.answer(&action);
        }
        match action {
            Action::Leave => return self.leave(),
            Action::Redraw => return Flow::Redraw,
            Action::Help => self.help = true,
            Action::Escape => self.stay(),
            Action::Save => self.message = Some(Note::new("No need: it saves itself while you write.", Tone::Plain)),
            text => {
                let done = self.page.act(&mut self.driver, &text);
                self.done(done);
            }
        }
        Flow::Stay
    }

    /// Inserts pasted text.
    pub fn paste(&mut self, text: &str) -> Flow {
        self.help = false;
        self.page.catch_up(&self.driver);
        if self.asking {
            return Flow::Stay;
        }
        let done = self.page.paste(&mut self.driver, &keys::pasted(text));
        self.done(done.map(|()| None));
        Flow::Stay
    }

    /// Takes note of what happened in the room.
    pub fn room_event(&mut self, event: Event) -> Flow {
        match event {
            Event::TextChanged { .. } => self.page.out_of_date(),
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
        self.page.catch_up(&self.driver);
        let text = view::areas(frame.area(), self.message.is_some()).text;
        self.page.resize(text.width.into(), text.height.into());
        let view = View {
            editor: self.page.editor(),
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

    /// What it said before is read by now, unless it lasts.
    fn done(&mut self, done: Result<Option<&str>, EditError>) {
        let lasting = self.leaving || matches!(self.driver.client().state(), State::Refused(_));
        match done {
            Ok(None) if lasting => {}
            Ok(None) => self.message = None,
            Ok(Some(nothing)) => self.message = Some(Note::new(nothing, Tone::Plain)),
            Err(error) => self.message = Some(Note::new(format!("Not done: {error}"), Tone::Bad)),
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
        let kept = state::State::of_user().keep_text(self.room.as_str(), self.page.editor().text());
        self.message = Some(match kept {
            Ok(path) => {
                self.driver.start_afresh();
                self.asking = false;
                self.page.begin_anew();
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
        let colours = colour::of_members(client.roster().members.keys().copied());
        let person = |info: &collab_proto::MemberInfo| Person {
            id: info.id.0,
            colour: colours[&info.id],
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
