//! The colours of the people in a room. One rule, here and in `web/provider/src/core/colour.ts`: nothing but the list of members
//! decides, so that somebody has the same colour on every screen. `tests/vectors/colours.json` holds both to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::MemberId;

/// A colour on a screen: red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

/// Told apart from each other and from the text, in light and in dark, and dark enough for white letters. So many members of a room
/// have each a colour of their own.
pub const PALETTE: [Colour; 13] = [
    Colour([0xc2, 0x25, 0x5c]),
    Colour([0x19, 0x71, 0xc2]),
    Colour([0x27, 0x7c, 0x38]),
    Colour([0x9c, 0x36, 0xb5]),
    Colour([0xb3, 0x53, 0x09]),
    Colour([0x0b, 0x72, 0x85]),
    Colour([0x67, 0x41, 0xd9]),
    Colour([0xc9, 0x2a, 0x2a]),
    Colour([0x5f, 0x6d, 0x0b]),
    Colour([0x3b, 0x5b, 0xdb]),
    Colour([0x08, 0x7f, 0x5b]),
    Colour([0x8a, 0x5a, 0x2b]),
    Colour([0xa6, 0x1e, 0x8a]),
];

/// As CSS has it: `#c2255c`.
impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// The colours of those who are in a room. Each has the one that their number names. Where it names the same for several, the
/// lowest number has it, and the others take the next that is free, so that somebody who comes or goes changes the colours of few.
pub fn of_members(members: impl IntoIterator<Item = MemberId>) -> BTreeMap<MemberId, Colour> {
    let members: BTreeSet<MemberId> = members.into_iter().collect();
    let named = |member: &MemberId| (member.0 % PALETTE.len() as u64) as usize;
    let (mut colours, mut taken) = (BTreeMap::new(), [false; PALETTE.len()]);
    for member in &members {
        if !std::mem::replace(&mut taken[named(member)], true) {
            colours.insert(*member, PALETTE[named(member)]);
        }
    }
    for member in &members {
        let from_here = (0..PALETTE.len()).map(|step| (named(member) + step) % PALETTE.len());
        colours.entry(*member).or_insert_with(|| {
            let place = from_here.clone().find(|place| !taken[*place]).unwrap_or_else(|| named(member));
            taken[place] = true;
            PALETTE[place]
        });
    }
    colours
}
