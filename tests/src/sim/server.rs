//! The server's rooms in memory: what the room's task and the registry do, on the virtual clock. Everything that is decided there
//! is decided by the real [`Keeper`].

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use collab_proto::api::LogKind;
use collab_proto::{Code, Cursor, RoomName};
use collab_server::audit::NewEntry;
use collab_server::refusal::Refusal;
use collab_server::room::admission::AdmittedEdit;
use collab_server::room::core::{AppliedEdit, EditError, Joined, Seat};
use collab_server::room::keeper::{End, Keeper};
use collab_server::store::{Append, StoreError, StoredRoom};

use super::disk::{Answer, Health, Request};
use super::fast::Fast;
use super::network::LinkId;
use super::world::{Check, Happening, World};

/// Commands that may wait in a room's mailbox. Few, so that it fills up.
pub(super) const MAILBOX: usize = 8;

/// How long a room takes for a command, at most.
const TURN: Duration = Duration::from_millis(2);

/// What a room is told.
#[derive(Debug)]
pub(super) enum Command {
    Join(LinkId),
    Edit(Seat, AdmittedEdit),
    Sync(Seat, Bytes),
    Rename(Seat, String),
    Cursor(Seat, u64, Option<Cursor>),
    Deleted,
    Drain(Duration),
}

/// A membership's place in a room in memory.
pub(super) struct Seated {
    pub(super) room: u64,
    pub(super) joined: Joined,
    pub(super) fast: Fast,
}

/// A room in memory.
pub(super) struct Hosted {
    pub(super) name: RoomName,
    /// None while it loads.
    pub(super) keeper: Option<Keeper>,
    pub(super) mailbox: VecDeque<Command>,
    departures: VecDeque<Seat>,
    /// An edit that waits until the disk takes more.
    held: Option<(Seat, AdmittedEdit)>,
    /// Edits whose answer is to come.
    in_flight: usize,
    /// Whether a turn is on the agenda.
    turn: bool,
    timeout: Option<Duration>,
}

pub(super) struct Server {
    pub(super) is_up: bool,
    /// How often it was started.
    pub(super) starts: u64,
    pub(super) rooms: BTreeMap<u64, Hosted>,
    next_room: u64,
    /// See [`Server::longest_text`].
    longest: BTreeMap<u64, usize>,
    pub(super) next_member: u64,
}

impl Server {
    pub(super) fn new() -> Self {
        Self { is_up: true, starts: 0, rooms: BTreeMap::new(), next_room: 0, longest: BTreeMap::new(), next_member: 0 }
    }

    /// The longest that a room's text was since it was loaded, encoded.
    pub(super) fn longest_text(&self, room: u64) -> usize {
        self.longest.get(&room).copied().unwrap_or_default()
    }

    pub(super) fn hosted(&self, name: &RoomName) -> Option<u64> {
        self.rooms.iter().find(|(_, hosted)| hosted.name == *name).map(|(id, _)| *id)
    }
}

impl World {
    /// Tells a room something, which is loaded if it is not in memory.
    pub(super) fn tell_by_name(&mut self, name: &RoomName, command: Command) {
        let room = self.server.hosted(name).unwrap_or_else(|| self.host(name.clone()));
        self.tell(room, command);
    }

    fn host(&mut self, name: RoomName) -> u64 {
        let room = self.server.next_room;
        self.server.next_room += 1;
        let hosted = Hosted {
            name: name.clone(),
            keeper: None,
            mailbox: VecDeque::new(),
            departures: VecDeque::new(),
            held: None,
            in_flight: 0,
            turn: false,
            timeout: None,
        };
        self.server.rooms.insert(room, hosted);
        self.disk.request(Request::Load { room, name });
        room
    }

    pub(super) fn tell(&mut self, room: u64, command: Command) {
        if let Some(hosted) = self.server.rooms.get_mut(&room) {
            hosted.mailbox.push_back(command);
            self.schedule_turn(room);
        }
    }

    /// The holder of a seat is gone.
    pub(super) fn depart(&mut self, room: u64, seat: Seat) {
        if let Some(hosted) = self.server.rooms.get_mut(&room) {
            hosted.departures.push_back(seat);
            self.schedule_turn(room);
        }
    }

    fn schedule_turn(&mut self, room: u64) {
        let Some(hosted) = self.server.rooms.get_mut(&room) else { return };
        if std::mem::replace(&mut hosted.turn, true) {
            return;
        }
        let delay = self.up_to(TURN);
        self.after(delay, Happening::RoomTurn(room));
    }

    pub(super) fn room_turn(&mut self, room: u64) -> Check {
        let now = self.now();
        let Some(hosted) = self.server.rooms.get_mut(&room) else { return Ok(()) };
        hosted.turn = false;
        let Some(keeper) = &mut hosted.keeper else { return Ok(()) };
        if hosted.held.is_some() {
            return self.release(room);
        }
        if let Some(seat) = hosted.departures.pop_front() {
            keeper.leave(now, seat);
        } else if keeper.is_ready()
            && let Some(command) = hosted.mailbox.pop_front()
        {
            self.command(room, command)?;
        }
        self.after_turn(room)
    }

    fn command(&mut self, room: u64, command: Command) -> Check {
        let now = self.now();
        let Some(hosted) = self.server.rooms.get_mut(&room) else { return Ok(()) };
        let Some(keeper) = &mut hosted.keeper else { return Ok(()) };
        match command {
            Command::Join(link) => return self.take_seat(room, link),
            Command::Edit(seat, edit) => {
                hosted.held = Some((seat, edit));
                return self.release(room);
            }
            Command::Sync(seat, state_vector) => keeper.core_mut().sync(now, seat, &state_vector),
            Command::Rename(seat, name) => keeper.core_mut().rename(now, seat, name),
            Command::Cursor(seat, seq, cursor) => keeper.core_mut().cursor(now, seat, seq, cursor),
            Command::Deleted => keeper.deleted(),
            Command::Drain(after) => keeper.drain(after),
        }
        keeper.handle_timeout(now);
        Ok(())
    }

    fn take_seat(&mut self, room: u64, id: LinkId) -> Check {
        let now = self.now();
        let Some(keeper) = self.server.rooms.get_mut(&room).and_then(|hosted| hosted.keeper.as_mut()) else {
            return Ok(());
        };
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(entrant) = link.entrant.take() else { return Ok(()) };
        match keeper.join(now, *entrant) {
            Ok(joined) if !link.server_open => {
                // Whoever asked has gone meanwhile.
                keeper.leave(now, joined.seat);
            }
            Ok(joined) => {
                let fast = Fast::default();
                joined.outbox.set_fast_path(Some(Box::new(fast.clone())));
                link.seated = Some(Seated { room, joined, fast });
                self.read_inbox(id)?;
            }
            Err(refusal) => self.refuse_link(id, refusal)?,
        }
        Ok(())
    }

    /// Applies the edit that waits for the disk, once it takes more.
    fn release(&mut self, room: u64) -> Check {
        let now = self.now();
        let full = self.disk.waiting_bytes() > self.settings.disk_bytes;
        let Some(hosted) = self.server.rooms.get_mut(&room) else { return Ok(()) };
        if full || hosted.held.is_none() {
            self.count("room waited for the disk");
            return Ok(());
        }
        let (Some((seat, edit)), Some(keeper)) = (hosted.held.take(), &mut hosted.keeper) else { return Ok(()) };
        match keeper.edit(now, seat, edit) {
            Ok(AppliedEdit { ticket, update, .. }) => {
                hosted.in_flight += 1;
                let (name, generation) = (hosted.name.clone(), keeper.core().generation());
                let append = Append { room: name, generation, update, entry: NewEntry::new(0, LogKind::Edited) };
                self.disk.request(Request::Append { room, ticket, append });
                self.count("edit applied");
            }
            Err(EditError::Gone) => {}
            Err(EditError::Rejected(_, Code::ResyncNeeded)) => self.count("edit rejected: resync"),
            Err(EditError::Rejected(_, Code::ForeignAuthor)) => self.count("edit rejected: foreign author"),
            Err(error) => return Err(format!("an honest edit was not taken: {error:?}")),
        }
        self.after_turn(room)
    }

    /// What follows whatever happened to a room.
    fn after_turn(&mut self, room: u64) -> Check {
        self.compact(room);
        self.end_turn(room)?;
        for link in self.links_in(room) {
            self.write(link)?;
        }
        let Some(hosted) = self.server.rooms.get(&room) else { return Ok(()) };
        match &hosted.keeper {
            Some(keeper) if keeper.end().is_some() && hosted.in_flight == 0 => return self.unload(room),
            Some(keeper) if hosted.held.is_none() => {
                let more = !hosted.departures.is_empty() || keeper.is_ready() && !hosted.mailbox.is_empty();
                if more {
                    self.schedule_turn(room);
                }
            }
            _ => {}
        }
        self.schedule_timeout(room);
        for link in self.links_in(room) {
            self.read_inbox(link)?;
        }
        Ok(())
    }

    pub(super) fn links_in(&self, room: u64) -> Vec<LinkId> {
        let here = self.links.iter().filter(|(_, link)| link.seated.as_ref().is_some_and(|seat| seat.room == room));
        here.map(|(id, _)| *id).collect()
    }

    fn compact(&mut self, room: u64) {
        let Some(hosted) = self.server.rooms.get_mut(&room) else { return };
        let Some(keeper) = &mut hosted.keeper else { return };
        let longest = self.server.longest.entry(room).or_default();
        *longest = keeper.core().document().encoded_len_estimate().max(*longest);
        if let Some(snapshot) = keeper.poll_snapshot() {
            let (name, generation) = (hosted.name.clone(), keeper.core().generation());
            self.disk.request(Request::Compact { name, generation, snapshot });
            self.count("room compacted");
        }
    }

    /// The room goes out of memory. Whoever waits to come in asks again, and it is loaded anew.
    fn unload(&mut self, room: u64) -> Check {
        let Some(hosted) = self.server.rooms.remove(&room) else { return Ok(()) };
        self.count(match hosted.keeper.as_ref().and_then(Keeper::end) {
            Some(End::Idle) => "room idle",
            _ => "room closed",
        });
        self.note(format_args!("{} goes out of memory", hosted.name));
        for command in hosted.mailbox {
            if let Command::Join(_) = command {
                self.tell_by_name(&hosted.name, command);
            }
        }
        Ok(())
    }

    fn schedule_timeout(&mut self, room: u64) {
        let Some(hosted) = self.server.rooms.get(&room) else { return };
        let due = hosted.keeper.as_ref().and_then(Keeper::poll_timeout).map(|due| self.time_of(due).max(self.at));
        if due != hosted.timeout
            && let Some(at) = due
        {
            self.at_time(at, Happening::RoomTimeout(room));
        }
        if let Some(hosted) = self.server.rooms.get_mut(&room) {
            hosted.timeout = due;
        }
    }

    pub(super) fn room_timeout(&mut self, room: u64) -> Check {
        let (now, at) = (self.now(), self.at);
        let Some(hosted) = self.server.rooms.get_mut(&room) else { return Ok(()) };
        // A room that waits for the disk does nothing else; it is looked after when the disk takes more.
        if hosted.timeout.is_none_or(|due| due > at) || hosted.held.is_some() {
            return Ok(());
        }
        hosted.timeout = None;
        if let Some(keeper) = &mut hosted.keeper {
            keeper.handle_timeout(now);
        }
        self.after_turn(room)
    }

    /// Begins a commit, if something waits and none goes on.
    pub(super) fn begin_commit(&mut self) {
        if !self.disk.begin() {
            return;
        }
        let longest = if self.disk.health == Health::Slow { 3000 } else { 12 };
        let delay = self.up_to(Duration::from_millis(longest));
        self.after(delay, Happening::CommitEnds(self.commits));
    }

    pub(super) fn commit_ends(&mut self, commit: u64) -> Check {
        // A commit that the crash of the server ended is no longer waited for.
        if commit != self.commits {
            return Ok(());
        }
        self.commits += 1;
        let partly = self.chance(50);
        for answer in self.disk.end(partly) {
            self.answer(answer)?;
        }
        let rooms: Vec<u64> = self.server.rooms.keys().copied().collect();
        for room in rooms {
            if self.server.rooms.get(&room).is_some_and(|hosted| hosted.held.is_some()) {
                self.release(room)?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, answer: Answer) -> Check {
        let now = self.now();
        match answer {
            Answer::Durable { room, ticket, result } => {
                if result.is_err() {
                    self.count("append failed");
                }
                let Some(hosted) = self.server.rooms.get_mut(&room) else { return Ok(()) };
                hosted.in_flight -= 1;
                if let Some(keeper) = &mut hosted.keeper {
                    keeper.durable(now, ticket, &result);
                }
                self.after_turn(room)
            }
            Answer::Loaded { room, result } => self.loaded(room, result),
            Answer::Deleted(name) => {
                self.count("room deleted");
                if let Some(room) = self.server.hosted(&name) {
                    self.tell(room, Command::Deleted);
                }
                Ok(())
            }
        }
    }

    fn loaded(&mut self, room: u64, result: Result<Option<StoredRoom>, StoreError>) -> Check {
        let refusal: Refusal = match result {
            Ok(Some(stored)) => return self.open(room, &stored),
            Ok(None) => Code::NoSuchRoom.into(),
            Err(error) => {
                self.count("load failed");
                error.into()
            }
        };
        let Some(hosted) = self.server.rooms.remove(&room) else { return Ok(()) };
        for command in hosted.mailbox {
            if let Command::Join(link) = command {
                self.refuse_link(link, refusal.clone())?;
            }
        }
        Ok(())
    }

    fn open(&mut self, room: u64, stored: &StoredRoom) -> Check {
        let (limits, housekeeping) = (self.settings.limits, self.settings.housekeeping);
        let keeper = Keeper::load(self.now(), stored, limits, housekeeping);
        let mut keeper = keeper.map_err(|error| format!("what is stored cannot be loaded: {error}"))?;
        if let Some(planted) = self.play.planted {
            keeper.core_mut().plant(planted);
        }
        self.count("room loaded");
        if let Some(hosted) = self.server.rooms.get_mut(&room) {
            hosted.keeper = Some(keeper);
        }
        self.after_turn(room)
    }

    /// What the rooms in memory hold is what is stored.
    pub(super) fn check_rooms_in_memory(&self) -> Check {
        for hosted in self.server.rooms.values() {
            let Some(keeper) = &hosted.keeper else { continue };
            let stored = self.disk.room(&hosted.name).ok_or("a room in memory is not stored")?;
            if keeper.core().document().text() != super::truth::load(&stored)?.text() {
                return Err(format!("{} in memory is not as it is stored", hosted.name));
            }
        }
        Ok(())
    }
}
