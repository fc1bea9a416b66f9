//! The server's side of a connection: who comes in, what the reader passes to the room, what the writer sends.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use collab_client::Document;
use collab_proto::{
    ClientFrame, ClientId, Code, Credential, Datagram, EditId, Join, MemberId, Role, RoomName, ServerFrame, Slot,
    encode_datagram, encode_frame,
};
use collab_server::auth::tokens::Identity;
use collab_server::refusal::Refusal;
use collab_server::room::admission::{Denied, MAX_STRIKES, TooFast};
use collab_server::room::core::Entrant;
use collab_server::room::outbox::Next;
use collab_server::store::Entrance;

use super::network::LinkId;
use super::server::{Command, MAILBOX};
use super::world::{Check, Happening, World};

/// A reader that takes not a byte for this long is given up.
const STALLED: Duration = Duration::from_secs(30);

/// More than the frame of the largest edit takes, in bytes.
const LARGEST_EDIT: usize = 4_000;

/// How long a password takes, and how long a token.
const PASSWORD: Duration = Duration::from_millis(60);
const TOKEN: Duration = Duration::from_millis(2);

impl World {
    /// Hands what has come to the room, as far as its mailbox has room.
    pub(super) fn read_inbox(&mut self, id: LinkId) -> Check {
        loop {
            let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
            if !link.server_open || link.refused {
                link.inbox.clear();
                return Ok(());
            }
            let full = link.seated.as_ref().is_some_and(|seated| {
                let mailbox = self.server.rooms.get(&seated.room).map(|hosted| hosted.mailbox.len());
                mailbox.is_some_and(|waiting| waiting >= MAILBOX)
            });
            let waits_for_seat = link.knocked && link.seated.is_none();
            if full || waits_for_seat {
                return Ok(());
            }
            let Some(frame) = link.inbox.pop_front() else { return Ok(()) };
            self.read_frame(id, frame)?;
        }
    }

    fn read_frame(&mut self, id: LinkId, frame: ClientFrame) -> Check {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(seated) = &link.seated else { return self.knock(id, frame) };
        let (room, seat) = (seated.room, seated.joined.seat);
        match frame {
            ClientFrame::Edit { id: edit, update } => return self.read_edit(id, edit, update),
            ClientFrame::SyncRequest { state_vector } => self.chore(id, room, Command::Sync(seat, state_vector))?,
            ClientFrame::SetName { name } => self.chore(id, room, Command::Rename(seat, name))?,
            ClientFrame::Join(_) => return Err("a client joined twice on one stream".into()),
        }
        Ok(())
    }

    fn read_edit(&mut self, id: LinkId, edit: EditId, update: bytes::Bytes) -> Check {
        let now = self.now();
        let Some(seated) = self.links.get(&id).and_then(|link| link.seated.as_ref()) else { return Ok(()) };
        let (room, seat) = (seated.room, seated.joined.seat);
        match seated.joined.gate.admit(now, edit, update) {
            Ok(admitted) => self.tell(room, Command::Edit(seat, admitted)),
            Err(Denied::TooFast(TooFast { wait, strikes })) => {
                self.count("edit rejected: too fast");
                let refusal = Refusal::from(Code::RateLimited).retry_after(wait);
                if strikes >= MAX_STRIKES {
                    return Err("an honest client was taken for a flood".into());
                }
                return self.reject(id, edit, refusal);
            }
            Err(Denied::Refused(refusal)) => return Err(format!("an honest edit was not admitted: {refusal}")),
        }
        Ok(())
    }

    fn reject(&mut self, id: LinkId, edit: EditId, refusal: Refusal) -> Check {
        let Refusal { code, message, retry_after_ms } = refusal;
        let frame = encode_frame(&ServerFrame::Rejected { id: edit, code, message, retry_after_ms });
        let Some(seated) = self.links.get(&id).and_then(|link| link.seated.as_ref()) else { return Ok(()) };
        if seated.joined.outbox.push(frame).is_err() {
            self.count("stalled");
            return self.refuse_link(id, Code::Stalled.into());
        }
        self.write(id)
    }

    fn chore(&mut self, id: LinkId, room: u64, command: Command) -> Check {
        let now = self.now();
        let Some(seated) = self.links.get(&id).and_then(|link| link.seated.as_ref()) else { return Ok(()) };
        if seated.joined.gate.budget.take_chore(now) {
            self.tell(room, command);
            return Ok(());
        }
        self.count("chores refused");
        self.refuse_link(id, Refusal::from(Code::RateLimited).retry_after(Duration::from_secs(1)))
    }

    fn knock(&mut self, id: LinkId, frame: ClientFrame) -> Check {
        let ClientFrame::Join(join) = frame else { return Err("a client did not join first".into()) };
        let time = if matches!(join.credential, Credential::Password(_)) { PASSWORD } else { TOKEN };
        let delay = self.about(time);
        if !self.server.is_up {
            return Ok(());
        }
        let entrant = self.entrant(id, &join);
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        link.knocked = true;
        link.entrant = Some(entrant.into());
        self.after(delay, Happening::Knocked(id));
        Ok(())
    }

    /// As the door: a password makes a new member, a resume token brings one back. Two people in three have a budget of their
    /// own; the others share one, as two pages of one user do.
    fn entrant(&mut self, id: LinkId, join: &Join) -> Entrant {
        let person = self.links.get(&id).map_or(0, |link| link.person);
        let member = match &join.credential {
            Credential::Resume(token) => token.parse().ok(),
            _ => None,
        };
        let resumed = member.is_some();
        let member = member.unwrap_or_else(|| {
            self.server.next_member += 1;
            self.server.next_member
        });
        let user = if person % 3 == 2 { "shared".to_owned() } else { format!("user-{person}") };
        Entrant {
            identity: Identity {
                user,
                member: MemberId(member),
                name: join.name.clone(),
                role: Role::Editor,
                entrance: Entrance::Editors,
                resumed,
            },
            address: [192, 0, 2, 1].into(),
            client_id: join.client_id,
            generation: join.generation,
            state_vector: join.state_vector.clone(),
            slot: Slot(0),
            resume_token: member.to_string(),
            revision: 0,
        }
    }

    /// Who knocked is who they say: to the room, if there is one.
    pub(super) fn knocked(&mut self, id: LinkId) -> Check {
        let Some(link) = self.links.get(&id) else { return Ok(()) };
        if !link.server_open {
            return Ok(());
        }
        let room: RoomName = self.people[link.person].room.clone();
        if self.disk.record(&room).is_none() {
            return self.refuse_link(id, Code::NoSuchRoom.into());
        }
        self.tell_by_name(&room, Command::Join(id));
        Ok(())
    }

    /// The membership ends with this, or never began.
    pub(super) fn refuse_link(&mut self, id: LinkId, refusal: Refusal) -> Check {
        let frame = encode_frame(&refusal.into_frame());
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        link.refused = true;
        match &link.seated {
            Some(seated) => seated.joined.outbox.end(Some(frame)),
            None => {
                link.writing.push_back(frame);
                link.finished = true;
            }
        }
        self.write(id)
    }

    /// Writes what waits, as far as the client lets it.
    pub(super) fn write(&mut self, id: LinkId) -> Check {
        loop {
            let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
            if !link.server_open {
                return Ok(());
            }
            if link.unread < self.settings.window
                && let Some(frame) = link.writing.pop_front()
            {
                link.progress = self.at;
                self.send_down(id, frame);
                continue;
            }
            if !link.writing.is_empty() {
                let since = link.progress;
                self.after(STALLED, Happening::Stalled(id, since));
                return Ok(());
            }
            if link.finished {
                return self.leave_link(id);
            }
            if !self.fetch(id)? {
                return Ok(());
            }
        }
    }

    /// Takes from the outbox what is next; false when that is nothing.
    fn fetch(&mut self, id: LinkId) -> Result<bool, String> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(false) };
        let Some(seated) = &link.seated else { return Ok(false) };
        let (room, seat, outbox) = (seated.room, seated.joined.seat, seated.joined.outbox.clone());
        let waiting = outbox.bytes();
        match outbox.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Next::Send { frames, datagrams }) => {
                link.writing.extend(frames);
                datagrams.into_iter().for_each(|datagram| self.datagram_down(id, datagram));
                self.check_outbox(room, waiting)?;
            }
            Poll::Ready(Next::Heal(since)) => {
                self.count("slow reader healed");
                self.tell(room, Command::Sync(seat, since.into()));
            }
            Poll::Ready(Next::End) => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.finished = true;
                }
            }
        }
        Ok(true)
    }

    /// Twice the limit, one text, and one edit, which always fits an empty queue: more never waits.
    fn check_outbox(&mut self, room: u64, bytes: usize) -> Check {
        let text = self.server.longest_text(room);
        let most = 2 * self.settings.limits.outbox_bytes + text + LARGEST_EDIT;
        if bytes > most {
            return Err(format!("{bytes} bytes waited for one member, where {most} are the most"));
        }
        Ok(())
    }

    /// The server lets go of a connection after what it said.
    fn leave_link(&mut self, id: LinkId) -> Check {
        self.free_seat(id);
        self.close_server_side(id);
        self.forget_link(id);
        Ok(())
    }

    fn free_seat(&mut self, id: LinkId) {
        let seated = self.links.get_mut(&id).and_then(|link| link.seated.take());
        if let Some(seated) = seated {
            self.depart(seated.room, seated.joined.seat);
        }
    }

    pub(super) fn stalled(&mut self, id: LinkId, since: Duration) -> Check {
        let stuck = self.links.get(&id).is_some_and(|link| link.progress == since && !link.writing.is_empty());
        if stuck {
            self.count("reader given up");
            return self.drop_session(id);
        }
        Ok(())
    }

    /// The connection is gone on the server's side.
    pub(super) fn drop_session(&mut self, id: LinkId) -> Check {
        let Some(link) = self.links.get(&id) else { return Ok(()) };
        if link.server_open {
            return self.leave_link(id);
        }
        Ok(())
    }

    pub(super) fn server_datagram(&mut self, id: LinkId, datagram: Datagram) -> Check {
        let now = self.now();
        match datagram {
            Datagram::Ping { seq, sent_at } => {
                self.datagram_down(id, encode_datagram(&Datagram::Pong { seq, sent_at }))
            }
            Datagram::Presence { seq, cursor, .. } => {
                let Some(seated) = self.links.get(&id).and_then(|link| link.seated.as_ref()) else { return Ok(()) };
                let (room, seat) = (seated.room, seated.joined.seat);
                let full = self.server.rooms.get(&room).is_none_or(|hosted| hosted.mailbox.len() >= MAILBOX);
                if !full && seated.joined.gate.budget.take_cursor(now) {
                    self.tell(room, Command::Cursor(seat, seq, cursor));
                }
            }
            Datagram::Pong { .. } => {}
        }
        Ok(())
    }

    /// A replica's id that nobody has.
    pub(super) fn new_client_id(&mut self) -> ClientId {
        use rand::RngExt;
        ClientId(self.rng.random_range(1..1 << 40))
    }

    /// A copy of a person's text as it would lie on their disk.
    pub(super) fn copy_of(&self, person: usize, client_id: ClientId) -> Result<Document, String> {
        let mut document = Document::new(client_id.0);
        let state = self.people[person].client.document().state().map_err(|error| error.to_string())?;
        document.load(&state).map_err(|error| error.to_string())?;
        Ok(document)
    }
}
