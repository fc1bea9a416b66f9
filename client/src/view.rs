//! What can be seen of a client.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use collab_document::Document;
use collab_proto::{Cursor, Generation, MemberId, Policy, Role};

use crate::budget::DEFAULT_POLICY;
use crate::event::{SaveState, State};
use crate::{Client, Config, Latency, Roster, Session, presence};

impl Client {
    /// Where the client stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The text as it is here.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// How safe this side's changes are.
    pub fn save_state(&self) -> SaveState {
        if self.unsynced { SaveState::OnDevice } else { self.outbox.save_state() }
    }

    /// How many edits the server has not confirmed; changes that wait to be merged count as one.
    pub fn pending_edits(&self) -> usize {
        self.outbox.pending()
    }

    /// Every local change that is not saved, in order, as Yjs updates. Together with the document and the generation it is what
    /// must be kept for [`Client::with_unsent`].
    pub fn unsaved(&self) -> Vec<Bytes> {
        self.outbox.unsaved()
    }

    /// A number that rises whenever what is not saved changes, to tell when it must be kept anew.
    pub fn unsaved_revision(&self) -> u64 {
        self.outbox.revision()
    }

    /// When the next edit goes, as far as only time keeps it; none when nothing waits or something else keeps it.
    pub fn next_edit_at(&self) -> Option<Instant> {
        let live = self.state.is_live();
        let outbox = if live { self.outbox.ready_at(self.now) } else { None };
        outbox.map(|at| at.max(self.budget.ready_at(self.now)))
    }

    /// What the last pings say.
    pub fn latency(&self) -> Latency {
        self.heartbeat.latency(self.now)
    }

    /// Who is in the room; empty while not in it.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Where the listed members' cursors are, in UTF-16 units: where the selection began, where the cursor is. This member's
    /// own is not among them.
    pub fn cursors(&self) -> BTreeMap<MemberId, (u32, u32)> {
        self.presence.cursors(&self.roster, &self.document)
    }

    /// Where this member's cursor is now, after what others wrote around it.
    pub fn cursor(&self) -> Option<(u32, u32)> {
        self.presence.own().as_ref().and_then(|cursor: &Cursor| presence::offsets(&self.document, cursor))
    }

    /// Who this member is; none before the first join.
    pub fn member(&self) -> Option<MemberId> {
        self.session.as_ref().map(|session| session.member)
    }

    /// The name that others see, or will see.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What this member may do; none before the first join.
    pub fn role(&self) -> Option<Role> {
        self.session.as_ref().map(|session| session.role)
    }

    /// The limits in force; the defaults before the first join.
    pub fn policy(&self) -> Policy {
        self.session.as_ref().map_or(DEFAULT_POLICY, |session| session.policy)
    }

    /// Which life of the text this copy belongs to; none before the first join.
    pub fn generation(&self) -> Option<Generation> {
        self.generation
    }

    /// The last membership that the server gave, the resume token with it; none before the first join.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// With what this client was started, and what was changed since.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
