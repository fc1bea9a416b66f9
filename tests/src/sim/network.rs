//! The network: a connection is a stream each way, in order, and datagrams each way, in no order and with losses. It is delayed,
//! held up, cut, or dead without a word in one direction or both.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use collab_proto::limits::{MAX_CLIENT_FRAME_BYTES, MAX_SERVER_FRAME_BYTES};
use collab_proto::{
    ClientFrame, Datagram, decode_client, decode_datagram, decode_server, encode_datagram, encode_frame, split_frame,
};
use collab_server::room::core::Entrant;
use rand::RngExt;

use super::server::Seated;
use super::trace::digest;
use super::world::{Check, Happening, World};

/// After this long without a byte the server gives a client up, as QUIC does.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// A slow reader takes this long for a frame, at most.
const SLOW: Duration = Duration::from_millis(1500);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId(pub(super) u64);

/// One way.
#[derive(Debug, Default)]
struct Lane {
    /// When the last frame arrives: the next one does not overtake it.
    last: Duration,
    /// Nothing arrives before.
    held_until: Duration,
    /// Nothing arrives any more.
    dead: bool,
}

/// A connection, with what the server knows of it.
pub(super) struct Link {
    pub(super) person: usize,
    up: Lane,
    down: Lane,
    /// Whether the client still uses it.
    pub(super) client_open: bool,
    /// Whether the server still knows it.
    pub(super) server_open: bool,
    /// Bytes that the client has not read.
    pub(super) unread: usize,
    /// What the server is writing, and since when it gets no further.
    pub(super) writing: VecDeque<Bytes>,
    pub(super) progress: Duration,
    /// Whether everything was written and nothing follows.
    pub(super) finished: bool,
    /// Frames that the server has not looked at.
    pub(super) inbox: VecDeque<ClientFrame>,
    /// Who came in, before the room has given them a seat.
    pub(super) entrant: Option<Box<Entrant>>,
    pub(super) seated: Option<Seated>,
    /// Whether the first frame has come.
    pub(super) knocked: bool,
    /// Whether the server listens no more.
    pub(super) refused: bool,
}

impl World {
    /// A client connects: it works out, fails, or leads to nothing.
    pub(super) fn connect(&mut self, person: usize) -> LinkId {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let dead = !self.is_healed() && self.chance(3);
        let lane = || Lane { dead, ..Lane::default() };
        let link = Link {
            person,
            up: lane(),
            down: lane(),
            client_open: true,
            server_open: true,
            unread: 0,
            writing: VecDeque::new(),
            progress: self.at,
            finished: false,
            inbox: VecDeque::new(),
            entrant: None,
            seated: None,
            knocked: false,
            refused: false,
        };
        self.links.insert(id, link);
        let delay = self.delay() * 2;
        if !self.server.is_up || !self.is_healed() && self.chance(5) {
            self.count("connection refused");
            self.after(delay, Happening::ClientLost(id));
        } else if !dead {
            self.after(delay, Happening::Connected(person, id));
        }
        id
    }

    fn delay(&mut self) -> Duration {
        self.settings.delay + self.up_to(self.settings.jitter)
    }

    /// A frame on the stream to the server.
    pub(super) fn send_up(&mut self, id: LinkId, frame: &ClientFrame) {
        let delay = self.delay();
        let at = self.at;
        let Some(link) = self.links.get_mut(&id) else { return };
        let arrival = link.up.arrival(at, delay);
        if !link.up.dead {
            self.at_time(arrival, Happening::ToServer(id, encode_frame(frame)));
        }
    }

    /// A frame on the stream to the client, at the pace at which it reads.
    pub(super) fn send_down(&mut self, id: LinkId, frame: Bytes) {
        let mut delay = self.delay();
        let at = self.at;
        let Some(person) = self.links.get(&id).map(|link| link.person) else { return };
        if self.people[person].reads_slowly {
            delay += self.up_to(SLOW);
        }
        let slow = self.people[person].reads_slowly;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.unread += frame.len();
        let earliest = if slow { link.down.last.max(at) + delay } else { link.down.arrival(at, delay) };
        link.down.last = earliest;
        if !link.down.dead {
            self.at_time(earliest, Happening::ToClient(id, frame));
        }
    }

    pub(super) fn datagram_up(&mut self, id: LinkId, datagram: &Datagram) {
        if let Some(delay) = self.datagram_delay(|link| &link.up, id) {
            self.after(delay, Happening::DatagramToServer(id, encode_datagram(datagram)));
        }
    }

    pub(super) fn datagram_down(&mut self, id: LinkId, datagram: Bytes) {
        if let Some(delay) = self.datagram_delay(|link| &link.down, id) {
            self.after(delay, Happening::DatagramToClient(id, datagram));
        }
    }

    /// How long a datagram takes; none for one that is lost.
    fn datagram_delay(&mut self, lane: impl Fn(&Link) -> &Lane, id: LinkId) -> Option<Duration> {
        let lost = !self.is_healed() && self.chance(self.settings.loss);
        let delay = self.delay();
        let lane = lane(self.links.get(&id)?);
        (!lost && !lane.dead && lane.held_until <= self.at).then_some(delay)
    }

    /// The client closes the connection, after what it sent or overtaking it.
    pub(super) fn close_client_side(&mut self, id: LinkId) {
        let overtakes = self.chance(50);
        let delay = self.delay();
        let at = self.at;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.client_open = false;
        let arrival = if overtakes { at + delay } else { link.up.arrival(at, delay) };
        let arrival = if link.up.dead { at + IDLE } else { arrival };
        self.at_time(arrival, Happening::ServerLost(id));
    }

    /// The server closes the connection after what it sent.
    pub(super) fn close_server_side(&mut self, id: LinkId) {
        let delay = self.delay();
        let at = self.at;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.server_open = false;
        let arrival = link.down.arrival(at, delay);
        if !link.down.dead {
            self.at_time(arrival, Happening::ClientLost(id));
        }
    }

    /// The connection is cut: each side learns of it some time later.
    pub(super) fn cut(&mut self, id: LinkId) {
        self.kill(id, true, true);
        let (client, server) = (self.up_to(Duration::from_secs(3)), self.up_to(Duration::from_secs(3)));
        self.after(client, Happening::ClientLost(id));
        self.after(server, Happening::ServerLost(id));
    }

    /// Nothing arrives any more, and nobody says so.
    pub(super) fn half_open(&mut self, id: LinkId) {
        let (up, down) =
            *[(true, true), (true, false), (false, true)].get(self.rng.random_range(0..3)).unwrap_or(&(true, true));
        self.kill(id, up, down);
        self.after(IDLE, Happening::ServerLost(id));
    }

    fn kill(&mut self, id: LinkId, up: bool, down: bool) {
        if let Some(link) = self.links.get_mut(&id) {
            link.up.dead |= up;
            link.down.dead |= down;
        }
    }

    /// Nothing gets through for a while, then everything does.
    pub(super) fn hold_up(&mut self, id: LinkId) {
        let until = self.at + self.up_to(Duration::from_secs(12));
        if let Some(link) = self.links.get_mut(&id) {
            link.up.held_until = until;
            link.down.held_until = until;
        }
    }

    pub(super) fn frame_to_server(&mut self, id: LinkId, bytes: Bytes) -> Check {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        if link.up.dead || !link.server_open {
            return Ok(());
        }
        let body =
            split_frame(&mut BytesMut::from(bytes), MAX_CLIENT_FRAME_BYTES).map_err(|error| error.to_string())?;
        let frame = decode_client(&body.ok_or("half a frame")?).map_err(|error| error.to_string())?;
        link.inbox.push_back(frame);
        self.read_inbox(id)
    }

    pub(super) fn frame_to_client(&mut self, id: LinkId, bytes: Bytes) -> Check {
        let now = self.now();
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        if link.down.dead {
            return Ok(());
        }
        link.unread -= bytes.len();
        let (person, open) = (link.person, link.client_open);
        if open {
            let body =
                split_frame(&mut BytesMut::from(bytes), MAX_SERVER_FRAME_BYTES).map_err(|error| error.to_string())?;
            let body = body.ok_or("half a frame")?;
            let frame = decode_server(&body).map_err(|error| error.to_string())?;
            self.note_frame(person, &frame);
            self.people[person].client.handle_frame(now, frame);
            self.drive(person)?;
        }
        self.write(id)
    }

    fn note_frame(&mut self, person: usize, frame: &collab_proto::ServerFrame) {
        use collab_proto::ServerFrame as F;
        match frame {
            F::Welcome(welcome) => self.note(format_args!("{person} < welcome {}", welcome.missing.len())),
            F::Edited { update, .. } => self.note(format_args!("{person} < edited {:x}", digest(update))),
            F::Resync { update, .. } => self.note(format_args!("{person} < resync {}", update.len())),
            other => self.note(format_args!("{person} < {other:?}")),
        }
    }

    pub(super) fn datagram_to_server(&mut self, id: LinkId, bytes: &[u8]) -> Check {
        let Some(link) = self.links.get(&id) else { return Ok(()) };
        if link.up.dead || !link.server_open {
            return Ok(());
        }
        let datagram = decode_datagram(bytes).map_err(|error| error.to_string())?;
        self.server_datagram(id, datagram)
    }

    pub(super) fn datagram_to_client(&mut self, id: LinkId, bytes: &[u8]) -> Check {
        let now = self.now();
        let Some(link) = self.links.get(&id) else { return Ok(()) };
        if link.down.dead || !link.client_open {
            return Ok(());
        }
        let person = link.person;
        let datagram = decode_datagram(bytes).map_err(|error| error.to_string())?;
        self.people[person].client.handle_datagram(now, datagram);
        self.drive(person)
    }

    pub(super) fn client_lost(&mut self, id: LinkId) -> Check {
        let now = self.now();
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let person = link.person;
        if !std::mem::replace(&mut link.client_open, false) {
            return Ok(());
        }
        self.note(format_args!("{person} lost its connection"));
        self.people[person].link = None;
        self.people[person].client.handle_disconnected(now);
        self.drive(person)?;
        self.forget_link(id);
        Ok(())
    }

    /// A connection that neither side knows is gone.
    pub(super) fn forget_link(&mut self, id: LinkId) {
        if self.links.get(&id).is_some_and(|link| !link.client_open && !link.server_open) {
            self.links.remove(&id);
        }
    }
}

impl Lane {
    /// When something sent now arrives, behind everything before it.
    fn arrival(&mut self, at: Duration, delay: Duration) -> Duration {
        self.last = self.last.max(at.max(self.held_until) + delay);
        self.last
    }
}
