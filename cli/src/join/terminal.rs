//! The terminal, taken and given back: at the end, on an error, and on a panic.

use std::io::stdout;

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use ratatui::DefaultTerminal;
use ratatui::layout::{Position, Rect};

/// The terminal while it belongs to the editor. Dropping it gives it back.
#[derive(Debug)]
pub struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be put into raw mode.
    pub fn open() -> std::io::Result<Self> {
        let terminal = ratatui::try_init()?;
        let screen = Self { terminal };
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = execute!(stdout(), DisableBracketedPaste);
            previous(panic);
        }));
        execute!(stdout(), EnableBracketedPaste)?;
        Ok(screen)
    }

    /// Makes the next drawing draw every cell. It asks the terminal nothing: some do not answer where their cursor is.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn forget(&mut self) -> std::io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// What draws.
    pub fn terminal(&mut self) -> &mut DefaultTerminal {
        &mut self.terminal
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A panic has given it back already, and its message must stay.
        if !std::thread::panicking() {
            let _ = execute!(stdout(), DisableBracketedPaste);
            ratatui::restore();
        }
    }
}
