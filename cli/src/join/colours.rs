//! How a terminal shows people's colours.

use collab_proto::colour::{Colour, PALETTE};
use ratatui::style::{Color, Modifier, Style};

use crate::output;

/// For each colour of people the entry of xterm's table of 256 that is close to it, and nobody else's.
const TABLE: [u8; PALETTE.len()] = [125, 25, 28, 133, 130, 24, 98, 160, 58, 62, 29, 94, 126];

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// None, or none are wanted.
    None,
    /// Those of xterm's table.
    Table,
    /// All.
    All,
}

impl Colours {
    /// What this terminal says that it can show.
    pub fn of_terminal() -> Self {
        let all = std::env::var("COLORTERM").is_ok_and(|says| matches!(says.as_str(), "truecolor" | "24bit"));
        match output::wants_colours() {
            false => Self::None,
            true if all => Self::All,
            true => Self::Table,
        }
    }

    /// The style of letters in somebody's colour.
    pub fn letters(self, colour: Colour) -> Style {
        self.shown(colour).map_or(Style::new(), |colour| Style::new().fg(colour))
    }

    /// The style of a letter at which somebody's cursor is.
    pub fn cursor(self, colour: Colour) -> Style {
        let shown = self.shown(colour).map(|colour| Style::new().bg(colour).fg(Color::Indexed(231)));
        shown.unwrap_or(Style::new().add_modifier(Modifier::REVERSED))
    }

    fn shown(self, colour: Colour) -> Option<Color> {
        let [red, green, blue] = colour.0;
        match self {
            Self::None => None,
            Self::Table => Some(Color::Indexed(TABLE[PALETTE.iter().position(|one| *one == colour)?])),
            Self::All => Some(Color::Rgb(red, green, blue)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Red, green or blue of an entry of the table, whose cube of six levels each begins at 16.
    fn part(entry: u8, place: u8) -> u8 {
        [0, 95, 135, 175, 215, 255][((entry - 16) / place % 6) as usize]
    }

    #[test]
    fn in_the_table_too_everybody_has_a_colour_of_their_own_and_close_to_the_true_one() {
        assert_eq!(BTreeSet::from(TABLE).len(), PALETTE.len());
        for (entry, Colour(parts)) in TABLE.into_iter().zip(PALETTE) {
            let shown = [36, 6, 1].map(|place| part(entry, place));
            assert!(shown.iter().zip(parts).all(|(shown, part)| shown.abs_diff(part) <= 56), "{entry}: {shown:?}");
        }
        assert_eq!(Colours::Table.shown(PALETTE[0]), Some(Color::Indexed(TABLE[0])));
        assert_eq!(Colours::All.shown(PALETTE[0]), Some(Color::Rgb(0xc2, 0x25, 0x5c)));
        assert_eq!(Colours::None.shown(PALETTE[0]), None);
    }
}
