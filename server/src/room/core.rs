//! The room itself: one text, its members, what each of them is sent. No clock, no I/O; time is an argument.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_document::{Applied, Document, UpdateError};
use collab_proto::limits::{MAX_LISTED_MEMBERS, MAX_SAFE_INTEGER};
use collab_proto::{
    ClientId, Code, Cursor, Datagram, Durability, EditId, Generation, MemberId, MemberInfo, Role, ServerFrame, Slot,
    Welcome, encode_datagram, encode_frame,
};

use super::admission::{AdmittedEdit, Budget, Gate, Limits, Standing};
use super::outbox::Outbox;
#[cfg(feature = "planted-bugs")]
use super::planted::Planted;
use super::presence::Presence;
use super::roster::Roster;
use super::turn::Turn;
use crate::auth::tokens::Identity;
use crate::refusal::Refusal;
use crate::store::{Entrance, RoomRecord};

/// When somebody comes back whose replica id is still in use.
const REPLICA_IN_USE: Duration = Duration::from_secs(2);

/// When somebody comes back who was judged by rights that have changed since.
const JUDGED_AGAIN: Duration = Duration::from_millis(100);

/// One connection's place in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seat(u64);

/// Somebody who was let in and now takes a seat.
#[derive(Debug)]
pub struct Entrant {
    /// Who.
    pub identity: Identity,
    /// From where, for the log.
    pub address: IpAddr,
    /// The replica id under which they edit.
    pub client_id: ClientId,
    /// The generation of their copy, if they have one.
    pub generation: Option<Generation>,
    /// What their copy holds.
    pub state_vector: Bytes,
    /// Their name for this room in datagrams.
    pub slot: Slot,
    /// What brings them back.
    pub resume_token: String,
    /// The revision of the room's record by which they were judged.
    pub revision: u32,
}

/// A seat taken. The welcome waits in the outbox already.
#[derive(Debug)]
pub struct Joined {
    /// Which seat.
    pub seat: Seat,
    /// The member's name for the room in datagrams.
    pub slot: Slot,
    /// What the member is sent.
    pub outbox: Arc<Outbox>,
    /// What the member's edits must pass.
    pub gate: Gate,
}

/// A member as the log names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub info: MemberInfo,
    /// From where.
    pub address: IpAddr,
}

/// An edit that was applied and must now become durable.
#[derive(Debug, PartialEq, Eq)]
pub struct AppliedEdit {
    /// Who to tell, and of what, when it is.
    pub ticket: Ticket,
    /// Who made it.
    pub author: Participant,
    /// The update; none when the room had all of it.
    pub update: Option<Bytes>,
}

/// Names an edit until it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    seat: Seat,
    id: EditId,
}

/// Why an edit was not applied.
#[derive(Debug, PartialEq, Eq)]
pub enum EditError {
    /// The member has gone meanwhile.
    Gone,
    /// It was rejected, and the author was told.
    Rejected(Participant, Code),
    /// It broke the document: the room must be loaded again. The author was refused.
    Broken(Participant),
}

#[derive(Debug)]
struct Member {
    id: MemberId,
    name: String,
    /// The only place where the member's role stands.
    standing: Arc<Standing>,
    address: IpAddr,
    user: String,
    entrance: Entrance,
    since: Instant,
    client_id: ClientId,
    slot: Slot,
    outbox: Arc<Outbox>,
}

impl Member {
    fn info(&self) -> MemberInfo {
        MemberInfo { id: self.id, name: self.name.clone(), role: self.standing.role() }
    }

    fn participant(&self) -> Participant {
        Participant { info: self.info(), address: self.address }
    }
}

/// A room in memory.
#[derive(Debug)]
pub struct Core {
    generation: Generation,
    /// The revision of the room's record that was acted on last.
    revision: u32,
    /// The revision that brought the policy.
    policy_revision: u32,
    /// What the server holds rooms to that decide nothing for themselves.
    server_limits: Limits,
    limits: Limits,
    document: Document,
    /// In the order in which they came, so that the same events give the same frames in the same order.
    members: BTreeMap<Seat, Member>,
    /// Whose replica ids are in use.
    authors: HashMap<ClientId, Seat>,
    /// Budgets by user, kept after they left until they are full again.
    budgets: HashMap<String, Arc<Budget>>,
    roster: Roster,
    presence: Presence,
    next_seat: u64,
    turn: Turn,
    #[cfg(feature = "planted-bugs")]
    planted: Option<Planted>,
}

impl Core {
    /// A room with its text and nobody in it.
    pub fn new(record: &RoomRecord, document: Document, limits: Limits) -> Self {
        Self {
            generation: record.generation,
            revision: record.revision,
            policy_revision: record.revision,
            server_limits: limits,
            limits: limits.with(record.policy),
            document,
            members: BTreeMap::new(),
            authors: HashMap::new(),
            budgets: HashMap::new(),
            roster: Roster::default(),
            presence: Presence::default(),
            next_seat: 0,
            turn: Turn::default(),
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// What sends what the room gives its members. To be ended after each step, or after several at once.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Makes a mistake from now on.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, planted: Planted) {
        self.planted = Some(planted);
    }

    /// Whether the room makes this mistake.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn errs(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    /// Takes a seat: registers the outbox and takes the snapshot in one turn, so that nothing falls between.
    ///
    /// # Errors
    ///
    /// A refusal for a full room, another generation, changed rights, a bad state vector or a replica id in use.
    pub fn join(&mut self, now: Instant, entrant: Entrant) -> Result<Joined, Refusal> {
        let other = entrant.generation.is_some_and(|generation| generation != self.generation);
        #[cfg(feature = "planted-bugs")]
        let other = other && !self.errs(Planted::IgnoredGeneration);
        if other {
            return Err(Code::GenerationChanged.into());
        }
        if entrant.revision < self.revision {
            let why = "The rights in this room were changed at this moment; try again.";
            return Err(Refusal::new(Code::Busy, why).retry_after(JUDGED_AGAIN));
        }
        if entrant.client_id.0 > MAX_SAFE_INTEGER {
            return Err(Code::Malformed.into());
        }
        let missing = self.document.diff(&entrant.state_vector).map_err(|_| Refusal::from(Code::InvalidStateVector))?;
        self.replace(now, entrant.identity.member);
        if self.members.len() >= self.limits.max_members {
            return Err(Code::RoomFull.into());
        }
        if self.authors.contains_key(&entrant.client_id) {
            // Most likely their own earlier connection, which was cut before the welcome came and is not found dead yet.
            let why = "Another connection writes as the same replica; try again in a moment.";
            return Err(Refusal::new(Code::Busy, why).retry_after(REPLICA_IN_USE));
        }
        Ok(self.seat(now, entrant, missing.into()))
    }

    /// Ends an earlier connection of the same member.
    fn replace(&mut self, now: Instant, member: MemberId) {
        let seat = self.members.iter().find(|(_, earlier)| earlier.id == member).map(|(seat, _)| *seat);
        if let Some(seat) = seat {
            self.remove(now, seat, Some(Code::Replaced.into()));
        }
    }

    fn seat(&mut self, now: Instant, entrant: Entrant, missing: Bytes) -> Joined {
        let seat = Seat(self.next_seat);
        self.next_seat += 1;
        let Identity { user, member, name, role, entrance, .. } = entrant.identity;
        let standing = Arc::new(Standing::new(role));
        let gate = Gate { standing: standing.clone(), budget: self.budget(now, &user), limits: self.limits };
        let outbox = Outbox::new(self.limits.outbox_bytes, self.turn.clone());
        self.authors.insert(entrant.client_id, seat);
        let place = Member {
            id: member,
            name: name.clone(),
            standing,
            address: entrant.address,
            user,
            entrance,
            since: now,
            client_id: entrant.client_id,
            slot: entrant.slot,
            outbox: outbox.clone(),
        };
        self.roster.joined(now, place.info());
        self.members.insert(seat, place);
        self.presence.show_all(now);
        let welcome = Welcome {
            member,
            name,
            role,
            resume_token: entrant.resume_token,
            policy: self.limits.policy(gate.budget.left(now)),
            generation: self.generation,
            slot: entrant.slot,
            state_vector: self.document.state_vector().into(),
            missing,
            count: self.count(),
            members: self.listed(),
        };
        outbox.push_resync(|| encode_frame(&ServerFrame::Welcome(welcome.into())));
        Joined { seat, slot: entrant.slot, outbox, gate }
    }

    fn budget(&mut self, now: Instant, user: &str) -> Arc<Budget> {
        self.budgets.entry(user.to_owned()).or_insert_with(|| Budget::new(self.limits.pace, now).into()).clone()
    }

    /// Frees a seat, if it is still taken.
    pub fn leave(&mut self, now: Instant, seat: Seat) -> Option<Participant> {
        self.remove(now, seat, None)
    }

    /// Frees a seat and tells its holder why.
    pub fn expel(&mut self, now: Instant, seat: Seat, why: Refusal) -> Option<Participant> {
        self.remove(now, seat, Some(why))
    }

    fn remove(&mut self, now: Instant, seat: Seat, why: Option<Refusal>) -> Option<Participant> {
        let member = self.members.remove(&seat)?;
        self.authors.remove(&member.client_id);
        self.presence.forget(member.id);
        member.outbox.end(why.map(|refusal| encode_frame(&refusal.into_frame())));
        self.roster.left(now, member.id);
        self.forget_full_budgets(now);
        Some(member.participant())
    }

    /// A full budget is what a newcomer gets, so it need not be kept for those who left.
    fn forget_full_budgets(&mut self, now: Instant) {
        let here: std::collections::HashSet<_> = self.members.values().map(|member| member.user.as_str()).collect();
        self.budgets.retain(|user, budget| here.contains(user.as_str()) || !budget.is_full(now));
    }

    /// Steps 9 and 10 of an edit's road: inspect, apply, fan out.
    ///
    /// # Errors
    ///
    /// [`EditError`]; the author was told already.
    pub fn edit(&mut self, now: Instant, seat: Seat, edit: AdmittedEdit) -> Result<AppliedEdit, EditError> {
        let Some(author) = self.members.get(&seat) else {
            return Err(EditError::Gone);
        };
        let author = author.participant();
        if author.info.role == Role::Viewer {
            // It was admitted, and the role changed while it waited in the mailbox.
            self.reject(now, seat, edit.id(), Code::ReadOnly.into());
            return Err(EditError::Rejected(author, Code::ReadOnly));
        }
        let authors = &self.authors;
        let foreign = |id: u64| authors.get(&ClientId(id)).is_some_and(|owner| *owner != seat);
        let applied = match self.document.apply(edit.update(), foreign) {
            Ok(applied) => applied,
            Err(UpdateError::Poisoned) => return Err(EditError::Broken(author)),
            Err(error) => {
                let code = code_of(&error);
                self.reject(now, seat, edit.id(), Refusal::new(code, format!("{} ({error})", code.sentence())));
                return Err(EditError::Rejected(author, code));
            }
        };
        if applied.changed {
            self.fan_out(seat, author.info.id, edit.update(), &applied);
        }
        let update = applied.changed.then(|| edit.update().clone());
        Ok(AppliedEdit { ticket: Ticket { seat, id: edit.id() }, author, update })
    }

    fn fan_out(&self, author: Seat, member: MemberId, update: &Bytes, applied: &Applied) {
        let frame = encode_frame(&ServerFrame::Edited { member, update: update.clone() });
        let before = || self.document.state_vector_before(applied);
        #[cfg(feature = "planted-bugs")]
        let before = || if self.errs(Planted::DroppedEdit) { self.document.state_vector() } else { before() };
        #[cfg(feature = "planted-bugs")]
        let missed = (self.errs(Planted::LostDelivery)
            && update.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) % 4 == 3)
            .then(|| self.members.last_key_value().map(|(seat, _)| *seat))
            .flatten();
        for (seat, member) in &self.members {
            #[cfg(feature = "planted-bugs")]
            if Some(*seat) == missed {
                continue;
            }
            if *seat != author {
                member.outbox.push_edit(frame.clone(), before);
            }
        }
    }

    /// Step 12: tells the author that the edit is durable, if they are still here.
    pub fn saved(&mut self, now: Instant, ticket: Ticket, durability: Durability) {
        #[cfg(feature = "planted-bugs")]
        if self.errs(Planted::LostAck) && ticket.id.0 % 7 == 3 {
            return;
        }
        self.send(now, ticket.seat, &ServerFrame::Saved { id: ticket.id, durability });
    }

    fn reject(&mut self, now: Instant, seat: Seat, id: EditId, refusal: Refusal) {
        let Refusal { code, message, retry_after_ms } = refusal;
        self.send(now, seat, &ServerFrame::Rejected { id, code, message, retry_after_ms });
    }

    fn send(&mut self, now: Instant, seat: Seat, frame: &ServerFrame) {
        let Some(member) = self.members.get(&seat) else { return };
        if member.outbox.push(encode_frame(frame)).is_err() {
            self.remove(now, seat, Some(Code::Stalled.into()));
        }
    }

    /// Answers a member who asks for everything beyond a state vector.
    pub fn sync(&mut self, now: Instant, seat: Seat, state_vector: &[u8]) {
        let Some(member) = self.members.get(&seat) else { return };
        let diff = self.document.diff(state_vector);
        #[cfg(feature = "planted-bugs")]
        let diff = if self.errs(Planted::SkippedResync) { Ok(collab_document::EMPTY_UPDATE.to_vec()) } else { diff };
        match diff {
            Ok(update) => member.outbox.push_resync(|| {
                encode_frame(&ServerFrame::Resync {
                    update: update.into(),
                    state_vector: self.document.state_vector().into(),
                })
            }),
            Err(_) => {
                self.remove(now, seat, Some(Code::InvalidStateVector.into()));
            }
        }
    }

    /// Gives a member another, cleaned name; the same member's info as before if nothing changes.
    pub fn rename(&mut self, now: Instant, seat: Seat, name: String) {
        if let Some(member) = self.members.get_mut(&seat) {
            member.name = name;
            self.roster.joined(now, member.info());
        }
    }

    /// Notes where a member's cursor is.
    pub fn cursor(&mut self, now: Instant, seat: Seat, seq: u64, cursor: Option<Cursor>) {
        if let Some(member) = self.members.get(&seat) {
            self.presence.moved(now, member.id, seq, cursor);
        }
    }

    /// When [`Core::handle_timeout`] should be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.roster.due(), self.presence.due()].into_iter().flatten().min()
    }

    /// Tells everybody who came and went, and where the cursors are, as far as it is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let everybody = self.members.values().map(Member::info);
        if let Some(frame) = self.roster.poll(now, everybody) {
            self.send_all(now, &frame);
        }
        let moves = self.presence.poll(now);
        if self.members.len() <= MAX_LISTED_MEMBERS {
            self.send_cursors(&moves);
        }
    }

    fn send_all(&mut self, now: Instant, frame: &ServerFrame) {
        let frame = encode_frame(frame);
        let full: Vec<Seat> =
            self.members.iter().filter(|(_, m)| m.outbox.push(frame.clone()).is_err()).map(|(s, _)| *s).collect();
        for seat in full {
            self.remove(now, seat, Some(Code::Stalled.into()));
        }
    }

    fn send_cursors(&self, moves: &[(MemberId, u64, Option<Cursor>)]) {
        for receiver in self.members.values() {
            for &(member, seq, cursor) in moves.iter().filter(|(member, ..)| *member != receiver.id) {
                let slot = receiver.slot;
                receiver.outbox.push_datagram(encode_datagram(&Datagram::Presence { slot, member, seq, cursor }));
            }
        }
    }

    /// Ends every membership with this frame.
    pub fn close(&mut self, frame: &ServerFrame) {
        let frame = encode_frame(frame);
        for member in std::mem::take(&mut self.members).into_values() {
            member.outbox.end(Some(frame.clone()));
        }
        self.authors.clear();
    }

    /// How many are here.
    pub fn count(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    fn listed(&self) -> Vec<MemberInfo> {
        if self.members.len() > MAX_LISTED_MEMBERS {
            return Vec::new();
        }
        self.members.values().map(Member::info).collect()
    }

    /// Which life of the text this is.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The text with its history.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

fn code_of(error: &UpdateError) -> Code {
    match error {
        UpdateError::TooLarge => Code::UpdateTooLarge,
        UpdateError::Gap => Code::ResyncNeeded,
        UpdateError::ForeignAuthor => Code::ForeignAuthor,
        UpdateError::DocumentFull => Code::DocumentFull,
        _ => Code::InvalidUpdate,
    }
}

mod people;

pub use people::Present;

#[cfg(test)]
mod tests;
