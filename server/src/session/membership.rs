//! One membership: a stream from its first frame to its last.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use collab_proto::api::LogKind;
use collab_proto::limits::{MAX_CLIENT_FRAME_BYTES, MAX_JOIN_FRAME_BYTES};
use collab_proto::{
    ClientFrame, Code, CodecError, EditId, Join, MemberId, RoomName, ServerFrame, decode_client, encode_frame,
    split_frame,
};

use super::Session;
use super::wire::{Counted, Lost, Sink, Source};
use super::writer::{Stop, say_last, write};
use crate::audit::NewEntry;
use crate::auth::door::Admitted;
use crate::auth::names::clean;
use crate::clock::wall_ms;
use crate::refusal::Refusal;
use crate::room::admission::{Denied, MAX_STRIKES, TooFast};
use crate::room::registry::Membership;
use crate::room::task::Command;

/// How long a stream may stay open without its first frame.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Who is on the stream, as the log names them.
struct Who {
    room: RoomName,
    member: MemberId,
    name: String,
}

/// Runs a membership on a stream until either side ends it.
pub async fn run(session: &Session, source: impl Source, sink: impl Sink) {
    let mut source = Counted(source, &session.hall.metrics);
    let mut buffer = BytesMut::new();
    let end = match enter(session, &mut source, &mut buffer).await {
        Ok((membership, who)) => serve(session, membership, who, (source, buffer), sink).await,
        Err(Ending::Refused(refusal)) => say_last(sink, refusal.into_frame()).await,
        Err(Ending::Lost) => Err(Lost),
    };
    if end.is_err() {
        tracing::debug!(address = %session.address, "a stream was lost");
    }
}

/// Refuses a stream beyond [`super::MAX_MEMBERSHIPS`] unread.
pub async fn turn_away(sink: impl Sink) {
    if say_last(sink, Refusal::from(Code::TooMany).into_frame()).await.is_err() {
        tracing::debug!("a stream was lost");
    }
}

enum Ending {
    Refused(Refusal),
    Lost,
}

impl From<Lost> for Ending {
    fn from(Lost: Lost) -> Self {
        Self::Lost
    }
}

impl From<CodecError> for Ending {
    fn from(error: CodecError) -> Self {
        let code = error.code();
        Self::Refused(Refusal::new(code, format!("{} ({error})", code.sentence())))
    }
}

/// Reads the first frame and takes a seat. Whatever is refused is written to the log.
async fn enter(
    session: &Session,
    source: &mut impl Source,
    buffer: &mut BytesMut,
) -> Result<(Arc<Membership>, Who), Ending> {
    let first = tokio::time::timeout(JOIN_TIMEOUT, next_frame(source, buffer, MAX_JOIN_FRAME_BYTES)).await;
    let join = match first {
        Err(_) => Err(Ending::Refused(Refusal::new(Code::Stalled, "Nothing was asked for; the stream ends."))),
        Ok(Ok(Some(ClientFrame::Join(join)))) => Ok(join),
        Ok(Ok(Some(_))) => Err(Ending::Refused(Code::UnexpectedFrame.into())),
        Ok(Ok(None)) => Err(Ending::Lost),
        Ok(Err(ending)) => Err(ending),
    };
    let join = match join {
        Ok(join) => join,
        Err(ending) => {
            note_refused(session, None, &ending).await;
            return Err(ending);
        }
    };
    match take_seat(session, &join).await {
        Ok(seated) => Ok(seated),
        Err(refusal) => {
            let ending = Ending::Refused(refusal);
            note_refused(session, Some(&join), &ending).await;
            Err(ending)
        }
    }
}

async fn take_seat(session: &Session, join: &Join) -> Result<(Arc<Membership>, Who), Refusal> {
    let asked = Instant::now();
    let admitted = session.hall.door.enter(join, session.address).await?;
    let slot = session.take_slot();
    let membership =
        session.hall.registry.join(&admitted.room, || admitted.entrant(join, session.address, slot)).await?;
    session.hall.metrics.seated(asked, admitted.identity.resumed);
    let membership = Arc::new(membership);
    session.register(slot, &membership);
    let who = note_joined(session, join, admitted).await;
    Ok((membership, who))
}

async fn note_joined(session: &Session, join: &Join, admitted: Admitted) -> Who {
    let Admitted { room, identity, renamed, .. } = admitted;
    let kind = if identity.resumed { LogKind::Resumed } else { LogKind::Joined };
    let who = Who { room, member: identity.member, name: identity.name };
    session.hall.auditor.record(entry(session, &who, kind)).await;
    if renamed {
        note_sanitised(session, &who, &join.name).await;
    }
    who
}

async fn note_sanitised(session: &Session, who: &Who, raw: &str) {
    let detail = Some(format!("the name came as {raw:?}"));
    session.hall.auditor.record(NewEntry { detail, ..entry(session, who, LogKind::Sanitised) }).await;
}

async fn note_refused(session: &Session, join: Option<&Join>, ending: &Ending) {
    let Ending::Refused(refusal) = ending else { return };
    session.hall.metrics.counts.refused.inc();
    let kind = if refusal.code == Code::RateLimited { LogKind::RateLimited } else { LogKind::Refused };
    let entry = NewEntry {
        room: join.and_then(|join| RoomName::parse(&join.room).ok()),
        name: join.and_then(|join| clean(&join.name).ok()).map(|clean| clean.name),
        address: Some(session.address),
        detail: Some(refusal.code.to_string()),
        ..NewEntry::new(wall_ms(), kind)
    };
    session.note_misdeed(entry).await;
}

fn entry(session: &Session, who: &Who, kind: LogKind) -> NewEntry {
    NewEntry {
        room: Some(who.room.clone()),
        member: Some(who.member),
        name: Some(who.name.clone()),
        address: Some(session.address),
        ..NewEntry::new(wall_ms(), kind)
    }
}

/// Reads and writes side by side, until the member leaves or the room ends the membership.
async fn serve(
    session: &Session,
    membership: Arc<Membership>,
    mut who: Who,
    (source, buffer): (impl Source, BytesMut),
    sink: impl Sink,
) -> Result<(), Lost> {
    let slot_guard = SlotGuard(session, &membership);
    let reader = Reader { session, membership: &membership, who: &mut who };
    let end = tokio::select! {
        end = write(session, &membership, sink) => end,
        end = reader.run(source, buffer) => end.map_err(Stop::from),
    };
    drop(slot_guard);
    if end == Err(Stop::Stalled) {
        note_stalled(session, &who).await;
    }
    Ok(end?)
}

/// Frees the membership's slot when its task ends, however it ends.
struct SlotGuard<'a>(&'a Session, &'a Arc<Membership>);

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1.joined().slot);
    }
}

/// A reader that stands still has no room for a last frame.
async fn note_stalled(session: &Session, who: &Who) {
    let detail = Some(Code::Stalled.to_string());
    session.note_misdeed(NewEntry { detail, ..entry(session, who, LogKind::Kicked) }).await;
}

/// The next frame; none when the other side has finished.
async fn next_frame(
    source: &mut impl Source,
    buffer: &mut BytesMut,
    limit: usize,
) -> Result<Option<ClientFrame>, Ending> {
    loop {
        if let Some(body) = split_frame(buffer, limit)? {
            let frame = decode_client(&body)?;
            if buffer.is_empty() {
                // Quiet members hold no buffer.
                *buffer = BytesMut::new();
            }
            return Ok(Some(frame));
        }
        if !source.read(buffer).await? {
            return Ok(None);
        }
    }
}

struct Reader<'a> {
    session: &'a Session,
    membership: &'a Membership,
    who: &'a mut Who,
}

impl Reader<'_> {
    /// Takes frames until the member leaves. When the member is refused, the writer says so and ends; this then only waits.
    async fn run(mut self, mut source: impl Source, mut buffer: BytesMut) -> Result<(), Lost> {
        loop {
            let step = match next_frame(&mut source, &mut buffer, MAX_CLIENT_FRAME_BYTES).await {
                Ok(Some(frame)) => self.frame(frame).await,
                Ok(None) => return Ok(()),
                Err(Ending::Refused(refusal)) => ControlFlow::Break(refusal),
                Err(Ending::Lost) => return Err(Lost),
            };
            if let ControlFlow::Break(refusal) = step {
                self.refuse(refusal).await;
                return std::future::pending().await;
            }
        }
    }

    async fn frame(&mut self, frame: ClientFrame) -> ControlFlow<Refusal> {
        match frame {
            ClientFrame::Edit { id, update } => self.edit(id, update).await,
            ClientFrame::SyncRequest { state_vector } => {
                self.chore(Command::Sync(self.membership.joined().seat, state_vector)).await
            }
            ClientFrame::SetName { name } => self.rename(&name).await,
            ClientFrame::Join(_) => ControlFlow::Break(Code::UnexpectedFrame.into()),
        }
    }

    async fn edit(&mut self, id: EditId, update: Bytes) -> ControlFlow<Refusal> {
        let bytes = update.len() as u64;
        match self.membership.joined().gate.admit(Instant::now(), id, update) {
            Ok(edit) => {
                self.membership.tell(Command::Edit(self.membership.joined().seat, edit)).await;
                ControlFlow::Continue(())
            }
            Err(Denied::TooFast(too_fast)) => self.too_fast(id, too_fast, bytes).await,
            Err(Denied::Refused(refusal)) => {
                let detail = Some(refusal.code.to_string());
                self.note(NewEntry { bytes: Some(bytes), detail, ..self.entry(LogKind::Rejected) }).await;
                self.reject(id, refusal)
            }
        }
    }

    /// The edit stays with its author. Only the first one of a minute is logged, and the last one before the end.
    async fn too_fast(&mut self, id: EditId, too_fast: TooFast, bytes: u64) -> ControlFlow<Refusal> {
        let TooFast { wait, strikes } = too_fast;
        let refusal = Refusal::from(Code::RateLimited).retry_after(wait);
        if strikes == 1 || strikes >= MAX_STRIKES {
            let detail = Some(format!("{strikes} within a minute"));
            self.note(NewEntry { bytes: Some(bytes), detail, ..self.entry(LogKind::RateLimited) }).await;
        }
        if strikes >= MAX_STRIKES { ControlFlow::Break(refusal) } else { self.reject(id, refusal) }
    }

    fn reject(&self, id: EditId, refusal: Refusal) -> ControlFlow<Refusal> {
        self.session.hall.metrics.counts.edits_rejected.inc();
        let Refusal { code, message, retry_after_ms } = refusal;
        let frame = encode_frame(&ServerFrame::Rejected { id, code, message, retry_after_ms });
        let outbox = &self.membership.joined().outbox;
        match outbox.push(frame) {
            Ok(()) => {
                outbox.flush();
                ControlFlow::Continue(())
            }
            Err(_) => ControlFlow::Break(Code::Stalled.into()),
        }
    }

    /// A name that cleaning leaves nothing of changes nothing.
    async fn rename(&mut self, raw: &str) -> ControlFlow<Refusal> {
        if let Ok(cleaned) = clean(raw) {
            self.who.name = cleaned.name;
            if cleaned.changed {
                note_sanitised(self.session, self.who, raw).await;
            }
        }
        self.chore(Command::Rename(self.membership.joined().seat, self.who.name.clone())).await
    }

    async fn chore(&self, command: Command) -> ControlFlow<Refusal> {
        if !self.membership.joined().gate.budget.take_chore(Instant::now()) {
            return ControlFlow::Break(Refusal::from(Code::RateLimited).retry_after(Duration::from_secs(1)));
        }
        self.membership.tell(command).await;
        ControlFlow::Continue(())
    }

    async fn refuse(&self, refusal: Refusal) {
        let detail = Some(refusal.code.to_string());
        self.note(NewEntry { detail, ..self.entry(LogKind::Refused) }).await;
        self.membership.joined().outbox.end(Some(encode_frame(&refusal.into_frame())));
    }

    fn entry(&self, kind: LogKind) -> NewEntry {
        entry(self.session, self.who, kind)
    }

    async fn note(&self, entry: NewEntry) {
        self.session.note_misdeed(entry).await;
    }
}
