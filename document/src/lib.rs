//! The shared text: a small, total API over [yrs](https://docs.rs/yrs). No other crate of the project names yrs.
//!
//! A [`Document`] is one replica of one text, compatible with Yjs: updates and state vectors are those of Yjs in format v1,
//! offsets count UTF-16 code units. It knows no clock, no socket and no room.
//!
//! *Total* means: whatever bytes come in, the answer is a value or an error, never a panic, a hang or a huge allocation. yrs
//! does not promise that, so the strict inspector in `inspect` stands before it; its module page tells the rules. As a last
//! line, calls into yrs are guarded: should one panic all the same, the document is [`Poisoned`], and whoever owns it loads
//! it again from where it is kept.
//!
//! The road of an update: [`Document::apply`] → `inspect::update` (structure) → `inspect::rules` (does it fit?) → `size`
//! (is there room?) → yrs → `inspect::known` (remember it) → [`Applied`].

mod document;

mod inspect;

mod size;

mod edit;

mod anchor;

mod merge;

mod split;

mod error;

pub use anchor::{Anchor, Side};
pub use document::{Applied, Document, Limits, ROOT, Section};
pub use error::{Poisoned, SpliceError, StateVectorError, UpdateError};
pub use merge::{merge, sections, visit_sections};
pub use split::{independent_parts, split, without_deletions_of};

/// The update that changes nothing.
pub const EMPTY_UPDATE: [u8; 2] = [0, 0];
