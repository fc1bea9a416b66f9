//! The task that owns a room: takes commands from the mailbox, hands edits to the store, tells authors what is durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_document::{Document, Limits as DocumentLimits};
use collab_proto::api::LogKind;
use collab_proto::{Code, Cursor, RoomName, ServerFrame};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::admission::{AdmittedEdit, Limits};
use super::core::{AppliedEdit, Core, EditError, Entrant, Joined, Participant, Seat, Ticket};
use crate::audit::NewEntry;
use crate::auditor::Auditor;
use crate::clock::wall_ms;
use crate::refusal::Refusal;
use crate::store::{Append, Durable, Store, StoreError, StoredRoom};

/// Commands that may wait in a room's mailbox; whoever sends more waits, and QUIC slows the sender down.
pub const MAILBOX: usize = 256;

/// Edits of a room that may wait for the disk; beyond it the mailbox is left alone.
const MAX_IN_FLIGHT: usize = 256;

/// What every log entry and append of a room costs besides the update, in bytes, roughly.
const ENTRY_BYTES: usize = 256;

/// When members come back to a room that had to be loaded again.
const RELOAD: Duration = Duration::from_millis(250);

/// What a room can be told. Leaving goes another way, which is never full.
#[derive(Debug)]
pub enum Command {
    /// Take a seat.
    Join(Box<Entrant>, oneshot::Sender<Result<Joined, Refusal>>),
    /// Change the text.
    Edit(Seat, AdmittedEdit),
    /// Send everything beyond a state vector.
    Sync(Seat, Bytes),
    /// Change a cleaned name.
    Rename(Seat, String),
    /// Move a cursor.
    Cursor(Seat, u64, Option<Cursor>),
    /// The room was deleted from the store.
    Deleted,
    /// The password was changed, to this version: everybody but owners must join again.
    PasswordChanged(u32),
    /// The server stops: send everybody away, finish writing, end.
    Drain(Duration),
}

/// What a room's task is started with.
pub struct Context {
    /// Which room.
    pub name: RoomName,
    /// Where its text lives.
    pub store: Arc<dyn Store>,
    /// Where its log entries go.
    pub auditor: Auditor,
    /// What its members are held to.
    pub limits: Limits,
    /// When the edits since the last snapshot become a snapshot.
    pub compaction: Compaction,
    /// How long a room stays in memory with nobody in it.
    pub idle: Duration,
}

/// When the edits since the last snapshot become a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Compaction {
    /// After this many edits.
    pub updates: usize,
    /// Or after this many bytes of edits.
    pub bytes: usize,
}

/// Where a room's task listens.
pub struct Mailbox {
    /// Commands.
    pub commands: mpsc::Receiver<Command>,
    /// Seats whose holder is gone. Unbounded, since there is at most one message for each seat.
    pub departures: mpsc::UnboundedReceiver<Seat>,
}

/// Why a room's task ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody was in it for a while.
    Idle,
    /// It was told to, or its text must be loaded again.
    Closed,
}

type Pending = BoxFuture<'static, (Ticket, Result<Durable, StoreError>)>;

struct Room {
    context: Context,
    core: Core,
    pending: FuturesOrdered<Pending>,
    /// The number of the last durable edit.
    seq: u64,
    /// Edits and their bytes since the last snapshot.
    since_snapshot: (usize, usize),
    empty_since: Instant,
}

/// Loads the room and runs it until it is idle, closed or broken. Commands that come while it loads wait.
pub async fn run(context: Context, mailbox: &mut Mailbox) -> End {
    let stored = match context.store.load(&context.name).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return refuse_all(mailbox, &Code::NoSuchRoom.into()).await,
        Err(error) => return refuse_all(mailbox, &error.into()).await,
    };
    let name = context.name.clone();
    match Room::new(context, stored) {
        Ok(room) => room.run(mailbox).await,
        Err(error) => {
            tracing::error!(room = %name, %error, "the stored text of a room is damaged; it is not served");
            refuse_all(mailbox, &Code::Storage.into()).await
        }
    }
}

/// Answers everybody who waits to join. A failed load is an error, never an empty room.
async fn refuse_all(mailbox: &mut Mailbox, why: &Refusal) -> End {
    mailbox.commands.close();
    while let Some(command) = mailbox.commands.recv().await {
        if let Command::Join(_, reply) = command {
            // Whoever asked may have gone.
            let _ = reply.send(Err(why.clone()));
        }
    }
    End::Closed
}

impl Room {
    fn new(context: Context, stored: StoredRoom) -> Result<Self, collab_document::UpdateError> {
        let limits = DocumentLimits {
            max_update_bytes: context.limits.max_update_bytes,
            max_document_bytes: context.limits.max_document_bytes,
        };
        // Replica 0 is the server's own; it never edits.
        let mut document = Document::new(0).with_limits(limits);
        for update in stored.snapshot.iter().chain(&stored.updates) {
            document.load(update)?;
        }
        let since_snapshot = (stored.updates.len(), stored.updates.iter().map(Bytes::len).sum());
        let core = Core::new(&stored.record, document, context.limits);
        let pending = FuturesOrdered::new();
        Ok(Self { context, core, pending, seq: stored.last_seq, since_snapshot, empty_since: Instant::now() })
    }

    async fn run(mut self, mailbox: &mut Mailbox) -> End {
        let end = self.serve(mailbox).await;
        // Whoever loads the room next must find everything that was handed to the store.
        while self.pending.next().await.is_some() {}
        end
    }

    async fn serve(&mut self, mailbox: &mut Mailbox) -> End {
        loop {
            let timeout = self.timeout();
            let step = tokio::select! {
                Some(seat) = mailbox.departures.recv() => self.leave(seat).await,
                Some((ticket, result)) = self.pending.next(), if !self.pending.is_empty() => self.durable(ticket, result),
                command = mailbox.commands.recv(), if self.pending.len() < MAX_IN_FLIGHT => match command {
                    Some(command) => self.command(command).await,
                    None => Some(End::Closed),
                },
                () = tokio::time::sleep_until(timeout.into()) => self.handle_timeout().await,
            };
            if let Some(end) = step {
                return end;
            }
        }
    }

    fn timeout(&self) -> Instant {
        let idle = self.empty_since + self.context.idle;
        let idle = if self.core.count() == 0 { idle } else { Instant::now() + self.context.idle };
        self.core.poll_timeout().map_or(idle, |due| due.min(idle))
    }

    async fn handle_timeout(&mut self) -> Option<End> {
        let now = Instant::now();
        self.core.handle_timeout(now);
        let idle = self.core.count() == 0 && now.saturating_duration_since(self.empty_since) >= self.context.idle;
        if !idle || !self.pending.is_empty() {
            return None;
        }
        if self.since_snapshot.0 > 0 {
            self.compaction().await;
        }
        Some(End::Idle)
    }

    async fn command(&mut self, command: Command) -> Option<End> {
        let now = Instant::now();
        match command {
            Command::Join(entrant, reply) => self.join(now, *entrant, reply),
            Command::Edit(seat, edit) => return self.edit(now, seat, edit).await,
            Command::Sync(seat, state_vector) => self.core.sync(now, seat, &state_vector),
            Command::Rename(seat, name) => self.core.rename(now, seat, name),
            Command::Cursor(seat, seq, cursor) => self.core.cursor(now, seat, seq, cursor),
            Command::PasswordChanged(version) => self.core.password_changed(now, version),
            Command::Deleted => {
                self.core.close(&Refusal::from(Code::RoomDeleted).into_frame());
                return Some(End::Closed);
            }
            Command::Drain(after) => return Some(self.drain(after).await),
        }
        self.core.handle_timeout(now);
        None
    }

    fn join(&mut self, now: Instant, entrant: Entrant, reply: oneshot::Sender<Result<Joined, Refusal>>) {
        if let Err(Ok(joined)) = reply.send(self.core.join(now, entrant)) {
            // Whoever asked has gone meanwhile.
            self.core.leave(now, joined.seat);
        }
    }

    async fn leave(&mut self, seat: Seat) -> Option<End> {
        let now = Instant::now();
        let gone = self.core.leave(now, seat);
        self.note_left(gone).await;
        self.core.handle_timeout(now);
        None
    }

    async fn note_left(&mut self, member: Option<Participant>) {
        if self.core.count() == 0 {
            self.empty_since = Instant::now();
        }
        if let Some(member) = member {
            let entry = self.entry(LogKind::Left, &member);
            self.context.auditor.record(entry).await;
        }
    }

    async fn edit(&mut self, now: Instant, seat: Seat, edit: AdmittedEdit) -> Option<End> {
        // The place in the store's queue is taken first: an edit that was shown to others is surely handed to the store.
        let Ok(admission) = self.context.store.admit(edit.update().len() + ENTRY_BYTES).await else {
            return Some(self.give_up(Code::Storage));
        };
        let bytes = edit.update().len() as u64;
        match self.core.edit(seat, edit) {
            Ok(AppliedEdit { ticket, author, update }) => {
                self.since_snapshot.0 += 1;
                self.since_snapshot.1 += update.as_ref().map_or(0, Bytes::len);
                let entry = NewEntry { bytes: Some(bytes), ..self.entry(LogKind::Edited, &author) };
                let (room, generation) = (self.context.name.clone(), self.core.generation());
                let append = Append { room, generation, update, entry };
                let durable = self.context.store.append(admission, append);
                self.pending.push_back(Box::pin(async move { (ticket, durable.await) }));
            }
            Err(EditError::Gone) => {}
            Err(EditError::Rejected(author, code)) => self.note_rejected(&author, code, bytes).await,
            Err(EditError::Broken(author)) => {
                self.note_rejected(&author, Code::InvalidUpdate, bytes).await;
                tracing::error!(room = %self.context.name, member = %author.info.id, "an edit broke the text; it is loaded again");
                self.core.expel(now, seat, Code::InvalidUpdate.into());
                return Some(self.give_up(Code::Internal));
            }
        }
        None
    }

    async fn note_rejected(&mut self, member: &Participant, code: Code, bytes: u64) {
        let detail = Some(code.to_string());
        let entry = NewEntry { bytes: Some(bytes), detail, ..self.entry(LogKind::Rejected, member) };
        self.context.auditor.record(entry).await;
    }

    fn durable(&mut self, ticket: Ticket, result: Result<Durable, StoreError>) -> Option<End> {
        match result {
            Ok(Durable { durability, seq }) => {
                self.seq = seq;
                self.core.saved(Instant::now(), ticket, durability);
                self.compact_in_background();
                None
            }
            Err(StoreError::NoSuchRoom) => Some(self.give_up(Code::RoomDeleted)),
            Err(error) => {
                tracing::error!(room = %self.context.name, %error, "an edit could not be stored; the room is loaded again");
                Some(self.give_up(Code::Storage))
            }
        }
    }

    /// The text in memory is ahead of the store and must not be served on. Members keep what is not saved and come back.
    fn give_up(&mut self, reason: Code) -> End {
        self.core.close(&go_away(RELOAD, reason));
        End::Closed
    }

    fn compact_in_background(&mut self) {
        let (updates, bytes) = self.since_snapshot;
        if updates < self.context.compaction.updates && bytes < self.context.compaction.bytes {
            return;
        }
        tokio::spawn(self.compaction());
    }

    /// Writes the text as it is, which holds at least every durable edit, in their place.
    fn compaction(&mut self) -> impl Future<Output = ()> + Send + use<> {
        self.since_snapshot = (0, 0);
        let (store, name, seq) = (self.context.store.clone(), self.context.name.clone(), self.seq);
        let (generation, state) = (self.core.generation(), self.core.document().state());
        async move {
            let Ok(snapshot) = state.map(Bytes::from) else { return };
            match store.compact(&name, generation, snapshot, seq).await {
                Ok(()) | Err(StoreError::NoSuchRoom | StoreError::Closed) => {}
                Err(error) => {
                    tracing::warn!(room = %name, %error, "a room could not be compacted; its edits stay as they are")
                }
            }
        }
    }

    /// Sends everybody away and waits until every edit that was applied is durable.
    async fn drain(&mut self, after: Duration) -> End {
        while let Some((ticket, result)) = self.pending.next().await {
            if let Some(end) = self.durable(ticket, result) {
                return end;
            }
        }
        self.core.close(&go_away(after, Code::Draining));
        End::Closed
    }

    fn entry(&self, kind: LogKind, member: &Participant) -> NewEntry {
        NewEntry {
            room: Some(self.context.name.clone()),
            member: Some(member.info.id),
            name: Some(member.info.name.clone()),
            address: Some(member.address),
            ..NewEntry::new(wall_ms(), kind)
        }
    }
}

fn go_away(after: Duration, reason: Code) -> ServerFrame {
    ServerFrame::GoAway { reconnect_after_ms: u32::try_from(after.as_millis()).unwrap_or(u32::MAX), reason }
}
