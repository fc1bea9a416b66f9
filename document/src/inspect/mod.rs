//! The strict inspector: what an update must be before yrs sees a byte of it.
//!
//! yrs trusts its input. Crafted updates make it allocate gigabytes, panic, hang, and write outside its memory, or leave a
//! document whose own state cannot be loaded again. So everything is read here first, in safe Rust, by these rules:
//!
//! 1. The length is capped; every count is checked against the bytes that remain before anything is allocated; numbers are
//!    written in as few bytes as possible and lie in range ([`MAX_CLIENT`], [`MAX_CLOCK`]).
//! 2. Sections stand in strictly descending order of their clients, none is empty, nothing follows the end.
//! 3. Only what a plain text needs: non-empty text in valid UTF-8 and deleted content, under one root name. No map keys,
//!    garbage (Yjs collects only the children of deleted parents, and a plain text has none), holes, JSON, binary, embeds,
//!    formats, types, documents.
//! 4. Clocks continue what the document has. A start beyond is a gap; what is already there may only come first, and is cut
//!    off: yrs sees new operations alone. It must be sound all the same, since others may be sent the bytes as they are.
//! 5. Every neighbour an item names exists in the document or earlier in the update; among the author's own, strictly
//!    earlier; an order exists in which each comes after what it builds on.
//! 6. New operations only under client ids that the caller does not call foreign.
//! 7. Deletions are non-empty, ascending, without overlap, on existing clocks; they are counted.
//! 8. Thus an accepted update applies at once and wholly, and nothing is ever pending.
//!
//! And beyond them: no item, deletion or cut separates the two halves of a surrogate pair, which Yjs, yrs and a reload
//! would each render differently.
//!
//! [`reader`] and [`update`] hold rules 1 to 3 and know no document; [`known`] is what must be remembered of the document;
//! [`rules`] holds rules 4 to 8; [`order`] refuses items between neighbours that never stood side by side, which different
//! replicas would put in different places; [`cuts`] keeps yrs from taking seconds over a scattered edit.

mod reader;

mod update;

mod known;

mod order;

mod rules;

mod cuts;

mod state_vector;

mod writer;

mod utf16;

pub(crate) use known::Known;
pub(crate) use order::MAX_STEPS;
pub(crate) use reader::Reader;
pub(crate) use rules::{Door, Verdict, judge};
pub(crate) use state_vector::{read_state_vector, write_state_vector};
pub(crate) use update::{Content, Deletion, Item, ItemSection, Update, visit_sections, write_deletions, write_item};
pub(crate) use utf16::len as utf16_len;
pub(crate) use writer::Writer;

/// Largest client id: JavaScript counts exactly up to here.
pub(crate) const MAX_CLIENT: u64 = (1 << 53) - 1;

/// Largest clock, one past the last character of a client: yrs computes with signed 32-bit numbers in places.
pub(crate) const MAX_CLOCK: u32 = i32::MAX as u32;

/// Most ranges that one update from a member may delete. Each may cost a search and a move of everything that its author wrote
/// later.
pub(crate) const MAX_DELETIONS: usize = 16 * 1024;

/// The name of one UTF-16 code unit: who wrote it, and as which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id {
    pub(crate) client: u64,
    pub(crate) clock: u32,
}
