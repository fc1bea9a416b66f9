//! Everything that is played, and the agenda that moves it: what happens next, in the order of its time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_proto::{Generation, RoomName};
use collab_server::store::RoomRecord;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Play;
use super::disk::{Disk, Health};
use super::network::{Link, LinkId};
use super::people::Person;
use super::server::Server;
use super::settings::Settings;
use super::trace::{Trace, digest};
use super::truth::{self, Truth};

/// What a step finds wrong.
pub(super) type Check = Result<(), String>;

/// How long healing may take, at most: backoffs of half a minute, budgets that refill, connections that are found dead.
const PATIENCE: Duration = Duration::from_secs(600);

/// More happens in no run. One that gets here turns in a circle.
const MAX_STEPS: u64 = 2_000_000;

/// What the agenda holds.
#[derive(Debug)]
pub(super) enum Happening {
    /// A person does something.
    Act(usize),
    /// A person's client wants to be asked.
    Wake(usize),
    /// A connection stands.
    Connected(usize, LinkId),
    /// A client learns that its connection is gone, or did not come about.
    ClientLost(LinkId),
    /// The server learns that a client is gone.
    ServerLost(LinkId),
    ToServer(LinkId, Bytes),
    ToClient(LinkId, Bytes),
    DatagramToServer(LinkId, Bytes),
    DatagramToClient(LinkId, Bytes),
    /// The door has looked at who wants to come in.
    Knocked(LinkId),
    /// A room takes the next command from its mailbox.
    RoomTurn(u64),
    RoomTimeout(u64),
    /// The writer that is not let go on is given up.
    Stalled(LinkId, Duration),
    CommitEnds(u64),
    /// Something goes wrong, or is mended.
    Misfortune,
    ServerStarts,
    ServerHalts(u64),
    DiskMended,
    Create(RoomName),
    /// The trouble is over.
    Heal,
    /// Is everything as it should be?
    Look,
}

pub(super) struct World {
    base: Instant,
    pub(super) at: Duration,
    pub(super) rng: StdRng,
    agenda: BTreeMap<(Duration, u64), Happening>,
    order: u64,
    pub(super) settings: Settings,
    pub(super) play: Play,
    pub(super) people: Vec<Person>,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) next_link: u64,
    pub(super) server: Server,
    pub(super) disk: Disk,
    pub(super) commits: u64,
    pub(super) truth: Truth,
    pub(super) trace: Trace,
    /// When the trouble ended, once it has.
    healed_at: Option<Duration>,
    settled: bool,
}

impl World {
    pub(super) fn new(play: Play) -> Self {
        let mut rng = StdRng::seed_from_u64(play.seed);
        let settings = Settings::draw(&mut rng);
        let mut world = Self {
            base: Instant::now(),
            at: Duration::ZERO,
            rng,
            agenda: BTreeMap::new(),
            order: 0,
            play,
            people: Vec::new(),
            links: BTreeMap::new(),
            next_link: 0,
            server: Server::new(),
            disk: Disk::new(),
            commits: 0,
            truth: Truth::default(),
            trace: Trace::new(play.print),
            healed_at: None,
            settled: false,
            settings,
        };
        world.note(format_args!("{:?}", world.settings.clone()));
        for room in 0..world.settings.rooms {
            let record = world.new_record(room_name(room));
            world.disk.create(record);
        }
        (0..world.settings.people).for_each(|person| world.add_person(person));
        let gap = world.about(world.settings.misfortune);
        world.after(gap, Happening::Misfortune);
        world.after(world.settings.trouble, Happening::Heal);
        world
    }

    pub(super) fn new_record(&mut self, name: RoomName) -> RoomRecord {
        RoomRecord::new(name, Generation(self.rng.random_range(1..1 << 40)), 0, String::new())
    }

    pub(super) fn now(&self) -> Instant {
        self.base + self.at
    }

    pub(super) fn after(&mut self, delay: Duration, what: Happening) {
        self.at_time(self.at + delay, what);
    }

    pub(super) fn at_time(&mut self, at: Duration, what: Happening) {
        self.order += 1;
        self.agenda.insert((at.max(self.at), self.order), what);
    }

    /// From the clock of the cores to that of the run.
    pub(super) fn time_of(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.base)
    }

    /// A time around this mean.
    pub(super) fn about(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(self.rng.random_range(0.1..1.9))
    }

    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.rng.random_range(0.0..1.0))
    }

    pub(super) fn chance(&mut self, of_a_hundred: u32) -> bool {
        self.rng.random_ratio(of_a_hundred, 100)
    }

    pub(super) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.note(self.at, what);
    }

    pub(super) fn count(&mut self, what: &'static str) {
        self.trace.stats.count(what);
    }

    pub(super) fn is_healed(&self) -> bool {
        self.healed_at.is_some()
    }

    /// Plays until everything has settled.
    pub(super) fn play(&mut self) -> Check {
        for _ in 0..MAX_STEPS {
            let Some(((at, _), what)) = self.agenda.pop_first() else {
                return Err("nothing happens any more".into());
            };
            self.at = at;
            self.step(what).map_err(|what| format!("after {:.3} s: {what}", at.as_secs_f64()))?;
            if self.settled {
                return Ok(());
            }
        }
        Err("it turns in a circle".into())
    }

    fn step(&mut self, what: Happening) -> Check {
        match what {
            Happening::Act(person) => self.act(person)?,
            Happening::Wake(person) => self.wake(person)?,
            Happening::Connected(person, link) => self.connected(person, link)?,
            Happening::ClientLost(link) => self.client_lost(link)?,
            Happening::ServerLost(link) => self.drop_session(link)?,
            Happening::ToServer(link, bytes) => self.frame_to_server(link, bytes)?,
            Happening::ToClient(link, bytes) => self.frame_to_client(link, bytes)?,
            Happening::DatagramToServer(link, bytes) => self.datagram_to_server(link, &bytes)?,
            Happening::DatagramToClient(link, bytes) => self.datagram_to_client(link, &bytes)?,
            Happening::Knocked(link) => self.knocked(link)?,
            Happening::RoomTurn(room) => self.room_turn(room)?,
            Happening::RoomTimeout(room) => self.room_timeout(room)?,
            Happening::Stalled(link, since) => self.stalled(link, since)?,
            Happening::CommitEnds(commit) => self.commit_ends(commit)?,
            Happening::Misfortune => self.misfortune()?,
            Happening::ServerStarts => self.server_starts(),
            Happening::ServerHalts(start) => self.server_halts(start)?,
            Happening::DiskMended => self.disk.health = Health::Good,
            Happening::Create(name) => self.create_room(name),
            Happening::Heal => self.heal()?,
            Happening::Look => self.look()?,
        }
        self.begin_commit();
        Ok(())
    }

    /// The network, the disk and the server are well from now on, and everybody wants to be here.
    fn heal(&mut self) -> Check {
        self.note(format_args!("heal"));
        self.healed_at = Some(self.at);
        self.disk.health = Health::Good;
        self.server_starts();
        self.people.iter_mut().for_each(|person| person.reads_slowly = false);
        self.after(Duration::from_secs(1), Happening::Look);
        Ok(())
    }

    fn look(&mut self) -> Check {
        (0..self.settings.rooms).for_each(|room| self.create_room(room_name(room)));
        (0..self.people.len()).try_for_each(|person| self.bring_back(person))?;
        let waited = self.at - self.healed_at.unwrap_or(self.at);
        match self.is_settled() {
            Ok(()) => {
                self.settled = true;
                self.check_end()
            }
            Err(why) if waited > PATIENCE => Err(format!("it does not settle: {why}")),
            Err(_) => {
                self.after(Duration::from_secs(1), Happening::Look);
                Ok(())
            }
        }
    }

    fn is_settled(&self) -> Check {
        if !self.disk.is_idle() {
            return Err("the disk has not finished".into());
        }
        self.people.iter().try_for_each(Person::is_settled)?;
        for room in (0..self.settings.rooms).map(room_name) {
            let text = self.stored_text(&room)?;
            let other =
                self.people.iter().find(|person| person.room == room && person.client.document().text() != text);
            if let Some(other) = other {
                return Err(format!(
                    "the text of {} is not the one in the store: {}",
                    other.name,
                    other.differs(&text)
                ));
            }
        }
        Ok(())
    }

    pub(super) fn stored_text(&self, room: &RoomName) -> Result<String, String> {
        let stored = self.disk.room(room).ok_or_else(|| format!("{room} is not there"))?;
        Ok(truth::load(&stored)?.text())
    }

    fn check_end(&mut self) -> Check {
        for room in 0..self.settings.rooms {
            let stored = self.disk.room(&room_name(room)).ok_or("a room is not there")?;
            self.truth.check_saved(&stored)?;
            self.truth.check_text(&stored)?;
            let text = truth::load(&stored)?.text();
            self.note(format_args!("{} ends with {} {:x}", room_name(room), text.len(), digest(text.as_bytes())));
        }
        self.check_rooms_in_memory()
    }

    /// What was told to be saved is on the disk, also when the server is gone.
    pub(super) fn check_saved(&self) -> Check {
        let stored = (0..self.settings.rooms).filter_map(|room| self.disk.room(&room_name(room)));
        stored.into_iter().try_for_each(|stored| self.truth.check_saved(&stored))
    }
}

pub(super) fn room_name(room: usize) -> RoomName {
    RoomName::parse(&format!("room-{room}")).expect("a room's name")
}
