//! Places in the text that stay where they are meant to be while others edit: Yjs relative positions.

use yrs::block::{ClientID, ID};
use yrs::{Assoc, IndexedSequence, StickyIndex, Transact};

use crate::Document;

/// A place that moves with the text around it. In Yjs: a relative position in the text, with an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// Before everything.
    Start,
    /// After everything.
    End,
    /// Just before the UTF-16 code unit with this id.
    Before {
        /// Who wrote it.
        client: u64,
        /// Its clock there.
        clock: u32,
    },
    /// Just after the UTF-16 code unit with this id.
    After {
        /// Who wrote it.
        client: u64,
        /// Its clock there.
        clock: u32,
    },
}

/// To which neighbour an [`Anchor`] sticks when text is inserted just there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To the character before: text inserted here comes after the anchor. Yjs: `assoc < 0`.
    Left,
    /// To the character after: text inserted here comes before the anchor. Yjs: `assoc >= 0`.
    Right,
}

impl Document {
    /// The anchor of an offset in UTF-16 code units; offsets beyond the end mean the end.
    pub fn anchor(&self, at: u32, side: Side) -> Anchor {
        let at = at.min(self.len());
        match side {
            Side::Left => self
                .sticky(at, Assoc::Before)
                .map_or(Anchor::Start, |id| Anchor::After { client: id.client.get(), clock: id.clock }),
            Side::Right => self
                .sticky(at, Assoc::After)
                .map_or(Anchor::End, |id| Anchor::Before { client: id.client.get(), clock: id.clock }),
        }
    }

    /// Where an anchor is now, in UTF-16 code units; none while the character that it names has not come here.
    pub fn offset(&self, anchor: Anchor) -> Option<u32> {
        match anchor {
            Anchor::Start => Some(0),
            Anchor::End => Some(self.len()),
            Anchor::Before { client, clock } => self.offset_of(client, clock, Assoc::After),
            Anchor::After { client, clock } => self.offset_of(client, clock, Assoc::Before),
        }
    }

    /// The id of the character beside an offset; none at the edge of the text.
    pub(crate) fn sticky(&self, at: u32, assoc: Assoc) -> Option<ID> {
        self.guarded(|| self.text.sticky_index(&self.doc.transact(), at, assoc)?.id().copied()).ok()?
    }

    fn offset_of(&self, client: u64, clock: u32, assoc: Assoc) -> Option<u32> {
        // yrs takes ids on trust; only those it has may be asked for.
        if clock >= self.known.next(client) {
            return None;
        }
        let index = StickyIndex::from_id(ID::new(ClientID::new(client), clock), assoc);
        self.guarded(|| index.get_offset(&self.doc.transact()).map(|offset| offset.index)).ok()?
    }
}
