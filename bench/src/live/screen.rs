//! The terminal, taken and given back: at the end, and on a panic. Standard output stays free for the results.

use std::io::{self, IsTerminal, Stderr, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use rustix::process::{Signal, getpid, kill_process};

use super::{Scene, view};

/// How long a key waits at most.
const LOOK: Duration = Duration::from_millis(100);

/// The terminal while it is ours.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
}

/// What the keyboard wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    End,
    DrawAnew,
}

impl Screen {
    /// Takes it.
    pub fn open() -> io::Result<Self> {
        if !stderr().is_terminal() || std::env::var_os("TERM").is_none_or(|term| term == "dumb") {
            return Err(io::Error::other("standard error is no terminal that can be drawn on"));
        }
        enable_raw_mode()?;
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            previous(panic);
        }));
        execute!(stderr(), EnterAlternateScreen)?;
        Ok(Self { terminal: Terminal::new(CrosstermBackend::new(stderr()))? })
    }

    /// Draws what comes until nothing comes any more. Ctrl-C and q end the program as they would without this screen.
    pub fn play(&mut self, scenes: &Receiver<Scene>) {
        let mut scene = Scene::default();
        loop {
            match scenes.recv_timeout(LOOK) {
                Ok(next) => {
                    scene = next;
                    self.draw(&scene);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            match wish() {
                Some(Wish::End) => drop(kill_process(getpid(), Signal::INT)),
                Some(Wish::DrawAnew) => self.draw(&scene),
                None => {}
            }
        }
    }

    fn draw(&mut self, scene: &Scene) {
        // A terminal that cannot be drawn on any more is no reason to end the run.
        let _ = self.terminal.draw(|frame| view::draw(frame, scene));
    }
}

/// The last thing that the keyboard or the window said, if there is something.
fn wish() -> Option<Wish> {
    let mut wish = None;
    while event::poll(Duration::ZERO).unwrap_or(false) {
        wish = event::read().ok().and_then(|event| meaning(&event)).or(wish);
    }
    wish
}

fn meaning(event: &Event) -> Option<Wish> {
    match event {
        Event::Resize(..) => Some(Wish::DrawAnew),
        Event::Key(key) => match (key.code, key.modifiers) {
            (KeyCode::Char('c'), KeyModifiers::CONTROL) | (KeyCode::Char('q'), KeyModifiers::NONE) => Some(Wish::End),
            (KeyCode::Char('l'), KeyModifiers::CONTROL) => Some(Wish::DrawAnew),
            _ => None,
        },
        _ => None,
    }
}

fn give_back() {
    let _ = disable_raw_mode();
    let _ = execute!(stderr(), LeaveAlternateScreen, Show);
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A panic has given it back already, and its message must stay.
        if !std::thread::panicking() {
            give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn keys_mean_what_people_expect() {
        let key = |code, modifiers| meaning(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Wish::End));
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::NONE), Some(Wish::End));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(meaning(&Event::Resize(1, 1)), Some(Wish::DrawAnew));
    }
}
