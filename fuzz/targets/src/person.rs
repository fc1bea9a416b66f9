//! Members of a room: honest ones, fed only by what their outbox gives, and hostile ones, who only send.

use std::task::{Context, Poll, Waker};
use std::time::Instant;

use collab_document::Document;
use collab_proto::{EditId, ServerFrame, decode_server, split_frame};
use collab_server::room::core::{AppliedEdit, Core, EditError, Joined, Seat};
use collab_server::room::outbox::Next;

/// A member with a replica of its own.
pub struct Person {
    pub document: Document,
    pub joined: Joined,
    pub honest: bool,
    /// Whether the room ended the membership.
    pub gone: bool,
    edits: u64,
    /// From where the outbox wants to be healed.
    heal: Option<Vec<u8>>,
}

impl Person {
    pub fn new(client: u64, joined: Joined, honest: bool) -> Self {
        Self { document: Document::new(client), joined, honest, gone: false, edits: 0, heal: None }
    }

    pub fn seat(&self) -> Seat {
        self.joined.seat
    }

    /// Takes everything that waits.
    pub fn read(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.joined.outbox.poll_next(&mut cx) {
                Poll::Ready(Next::Send { frames, .. }) => frames.iter().for_each(|frame| self.take(frame)),
                Poll::Ready(Next::Heal(since)) => self.heal = Some(since),
                Poll::Ready(Next::End) => return self.gone = true,
                Poll::Pending => return,
            }
        }
    }

    /// Reads, asks for what its outbox dropped, and reads on.
    pub fn catch_up(&mut self, core: &mut Core, now: Instant) {
        self.read();
        if let Some(since) = self.heal.take() {
            core.sync(now, self.seat(), &since);
            self.read();
        }
    }

    pub fn send(&mut self, core: &mut Core, now: Instant, update: Vec<u8>) -> Result<AppliedEdit, EditError> {
        self.edits += 1;
        let edit = self.joined.gate.admit(now, EditId(self.edits), update.into()).unwrap();
        core.edit(now, self.seat(), edit)
    }

    /// What the room sends is always a frame, and an honest replica can always take it.
    fn take(&mut self, frame: &[u8]) {
        let body = split_frame(&mut frame.into(), usize::MAX).unwrap().unwrap();
        let update = match decode_server(&body).unwrap() {
            ServerFrame::Welcome(welcome) => welcome.missing,
            ServerFrame::Edited { update, .. } | ServerFrame::Resync { update, .. } => update,
            _ => return,
        };
        if self.honest {
            self.document.load(&update).unwrap();
        }
    }
}
