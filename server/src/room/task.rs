//! The task that owns a room: gives its [`Keeper`] a clock, a mailbox and a store, and its log entries to the auditor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_proto::api::{LogKind, RoomPolicy};
use collab_proto::{Code, Cursor, MemberId, Role, RoomName};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::admission::{AdmittedEdit, Limits};
use super::core::{AppliedEdit, EditError, Entrant, Joined, Participant, Present, Seat, Ticket};
use super::keeper::{End, Housekeeping, Keeper, Snapshot};
use crate::audit::NewEntry;
use crate::auditor::Auditor;
use crate::clock::wall_ms;
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::store::{Append, Durable, Entrance, Store, StoreError};

/// Commands that may wait in a room's mailbox; whoever sends more waits, and QUIC slows the sender down.
pub const MAILBOX: usize = 256;

/// What every log entry and append of a room costs besides the update, in bytes, roughly.
const ENTRY_BYTES: usize = 256;

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
    /// Who is here?
    Present(oneshot::Sender<Vec<Present>>),
    /// A password was changed, with this revision of the record: who came by it must join again, except owners.
    PasswordChanged(Entrance, u32),
    /// A user has another role, with this revision of the record.
    RoleGiven(String, Role, u32),
    /// The room has another policy, with this revision of the record.
    PolicyChanged(RoomPolicy, u32),
    /// The owner tokens there were are void, with this revision of the record.
    OwnersRevoked(u32),
    /// A member must go.
    Kick(MemberId),
    /// A user was banned, with this revision of the record.
    Banned(String, u32),
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
    /// What counts and times.
    pub metrics: Arc<Metrics>,
    /// What its members are held to.
    pub limits: Limits,
    /// What its owner holds it to.
    pub housekeeping: Housekeeping,
}

/// Where a room's task listens.
pub struct Mailbox {
    /// Commands.
    pub commands: mpsc::Receiver<Command>,
    /// Seats whose holder is gone. Unbounded, since there is at most one message for each seat.
    pub departures: mpsc::UnboundedReceiver<Seat>,
}

type Pending = BoxFuture<'static, Answer>;

/// What the store says to an edit.
struct Answer {
    ticket: Ticket,
    read: Instant,
    result: Result<Durable, StoreError>,
}

struct Room {
    context: Context,
    keeper: Keeper,
    pending: FuturesOrdered<Pending>,
}

/// Loads the room and runs it until it is idle, closed or broken. Commands that come while it loads wait.
pub async fn run(context: Context, mailbox: &mut Mailbox) {
    let stored = match context.store.load(&context.name).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return refuse_all(mailbox, &Code::NoSuchRoom.into()).await,
        Err(error) => return refuse_all(mailbox, &error.into()).await,
    };
    let keeper = Keeper::load(Instant::now(), &stored, context.limits, context.housekeeping);
    #[cfg(feature = "planted-bugs")]
    let keeper = keeper.map(super::planted::plant);
    match keeper {
        Ok(keeper) => {
            let turn = keeper.core().turn().clone();
            let room = Room { context, keeper, pending: FuturesOrdered::new() };
            tokio::select! {
                biased;
                () = room.run(mailbox) => turn.end(),
                never = turn.end_each() => match never {},
            }
        }
        Err(error) => {
            tracing::error!(room = %context.name, %error, "the stored text of a room is damaged; it is not served");
            refuse_all(mailbox, &Code::Storage.into()).await
        }
    }
}

/// Answers everybody who waits to join. A failed load is an error, never an empty room.
async fn refuse_all(mailbox: &mut Mailbox, why: &Refusal) {
    mailbox.commands.close();
    while let Some(command) = mailbox.commands.recv().await {
        if let Command::Join(_, reply) = command {
            // Whoever asked may have gone.
            let _ = reply.send(Err(why.clone()));
        }
    }
}

impl Room {
    async fn run(mut self, mailbox: &mut Mailbox) {
        while self.keeper.end().is_none() && self.step(mailbox).await {}
        if self.keeper.end() == Some(End::Idle)
            && let Some(snapshot) = self.keeper.poll_snapshot()
        {
            self.compaction(snapshot).await;
        }
        // Whoever loads the room next must find everything that was handed to the store.
        while self.pending.next().await.is_some() {}
    }

    /// One thing that happens; false when nothing ever will.
    async fn step(&mut self, mailbox: &mut Mailbox) -> bool {
        let timeout = self.keeper.poll_timeout();
        let timeout = async {
            match timeout {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(seat) = mailbox.departures.recv() => self.leave(seat).await,
            Some(answer) = self.pending.next(), if !self.pending.is_empty() => self.durable(answer),
            command = mailbox.commands.recv(), if self.keeper.is_ready() => match command {
                Some(command) => self.command(command).await,
                None => return false,
            },
            () = timeout => self.keeper.handle_timeout(Instant::now()),
        }
        true
    }

    async fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Join(entrant, reply) => return self.join(now, *entrant, reply),
            Command::Edit(seat, edit) => return self.edit(now, seat, edit).await,
            Command::Sync(seat, state_vector) => {
                self.context.metrics.counts.resyncs.inc();
                self.keeper.core_mut().sync(now, seat, &state_vector);
            }
            Command::Rename(seat, name) => self.keeper.core_mut().rename(now, seat, name),
            Command::Cursor(seat, seq, cursor) => self.keeper.core_mut().cursor(now, seat, seq, cursor),
            Command::Present(reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.keeper.core().present(now));
            }
            Command::PasswordChanged(entrance, revision) => {
                self.keeper.core_mut().password_changed(now, entrance, revision);
            }
            Command::RoleGiven(user, role, revision) => self.keeper.core_mut().give_role(now, &user, role, revision),
            Command::PolicyChanged(policy, revision) => self.keeper.core_mut().set_policy(now, policy, revision),
            Command::OwnersRevoked(revision) => self.keeper.core_mut().owners_revoked(now, revision),
            Command::Kick(member) => self.keeper.core_mut().kick(now, member),
            Command::Banned(user, revision) => self.keeper.core_mut().banned(now, &user, revision),
            Command::Deleted => self.keeper.deleted(),
            Command::Drain(after) => self.keeper.drain(after),
        }
        self.keeper.handle_timeout(now);
    }

    fn join(&mut self, now: Instant, entrant: Entrant, reply: oneshot::Sender<Result<Joined, Refusal>>) {
        if let Err(Ok(joined)) = reply.send(self.keeper.join(now, entrant)) {
            // Whoever asked has gone meanwhile.
            self.keeper.leave(now, joined.seat);
        }
    }

    async fn leave(&mut self, seat: Seat) {
        if let Some(member) = self.keeper.leave(Instant::now(), seat) {
            let entry = self.entry(LogKind::Left, &member);
            self.context.auditor.record(entry).await;
        }
    }

    async fn edit(&mut self, taken: Instant, seat: Seat, edit: AdmittedEdit) {
        // The place in the store's queue is taken first: an edit that was shown to others is surely handed to the store.
        let Ok(admission) = self.context.store.admit(edit.update().len() + ENTRY_BYTES).await else {
            return self.keeper.store_closed();
        };
        let (bytes, read) = (edit.update().len() as u64, edit.read());
        match self.keeper.edit(Instant::now(), seat, edit) {
            Ok(AppliedEdit { ticket, author, update }) => {
                self.context.metrics.edit_taken(taken);
                let entry = NewEntry { bytes: Some(bytes), ..self.entry(LogKind::Edited, &author) };
                let (room, generation) = (self.context.name.clone(), self.keeper.core().generation());
                let append = Append { room, generation, update, entry };
                let durable = self.context.store.append(admission, append);
                self.pending.push_back(Box::pin(async move { Answer { ticket, read, result: durable.await } }));
            }
            Err(EditError::Gone) => {}
            Err(EditError::Rejected(author, code)) => self.note_rejected(&author, code, bytes).await,
            Err(EditError::Broken(author)) => {
                tracing::error!(room = %self.context.name, member = %author.info.id, "an edit broke the text; it is loaded again");
                self.note_rejected(&author, Code::InvalidUpdate, bytes).await;
            }
        }
    }

    async fn note_rejected(&mut self, member: &Participant, code: Code, bytes: u64) {
        self.context.metrics.counts.edits_rejected.inc();
        let detail = Some(code.to_string());
        let entry = NewEntry { bytes: Some(bytes), detail, ..self.entry(LogKind::Rejected, member) };
        self.context.auditor.record(entry).await;
    }

    fn durable(&mut self, Answer { ticket, read, result }: Answer) {
        if let Err(error) = &result {
            tracing::error!(room = %self.context.name, %error, "an edit could not be stored; the room is loaded again");
        }
        self.keeper.durable(Instant::now(), ticket, &result);
        if result.is_ok() {
            self.context.metrics.saved.record_since(read);
        }
        if self.keeper.end().is_none()
            && let Some(snapshot) = self.keeper.poll_snapshot()
        {
            tokio::spawn(self.compaction(snapshot));
        }
    }

    fn compaction(&self, snapshot: Snapshot) -> impl Future<Output = ()> + Send + use<> {
        let (store, name) = (self.context.store.clone(), self.context.name.clone());
        let generation = self.keeper.core().generation();
        async move {
            match store.compact(&name, generation, snapshot.state, snapshot.seq).await {
                Ok(()) | Err(StoreError::NoSuchRoom | StoreError::Closed) => {}
                Err(error) => {
                    tracing::warn!(room = %name, %error, "a room could not be compacted; its edits stay as they are")
                }
            }
        }
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
