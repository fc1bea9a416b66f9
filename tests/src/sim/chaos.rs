//! What goes wrong for everybody: the server and its disk.

use std::time::Duration;

use collab_proto::RoomName;
use rand::RngExt;

use super::disk::{Health, Request};
use super::network::LinkId;
use super::server::Command;
use super::world::{Check, Happening, World, room_name};

impl World {
    pub(super) fn misfortune(&mut self) -> Check {
        if self.is_healed() {
            return Ok(());
        }
        let gap = self.about(self.settings.misfortune);
        self.after(gap, Happening::Misfortune);
        match self.rng.random_range(0..100) {
            0..30 => self.crash()?,
            30..42 => self.stop(),
            42..58 => self.sicken(Health::Failing),
            58..66 => self.sicken(Health::Full),
            66..76 => self.sicken(Health::Slow),
            76..84 => self.sicken(Health::Unreadable),
            _ => self.delete_room(),
        }
        Ok(())
    }

    fn sicken(&mut self, health: Health) {
        self.note(format_args!("the disk is {health:?}"));
        self.count("disk trouble");
        self.disk.health = health;
        let delay = self.up_to(Duration::from_secs(6));
        self.after(delay, Happening::DiskMended);
    }

    /// The process is gone, and with it what was not committed.
    fn crash(&mut self) -> Check {
        if !self.server.is_up {
            return Ok(());
        }
        self.count("server crashed");
        self.halt()
    }

    fn halt(&mut self) -> Check {
        self.note(format_args!("the server is gone"));
        let written = self.chance(50);
        self.disk.crash(written);
        self.commits += 1;
        self.server.is_up = false;
        self.server.rooms.clear();
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            self.break_off(link);
        }
        let delay = self.up_to(Duration::from_secs(5));
        self.after(delay, Happening::ServerStarts);
        self.check_saved()
    }

    /// The server forgot this connection. Its client is told by the new server, or finds out by itself.
    fn break_off(&mut self, id: LinkId) {
        let told = self.chance(70);
        let delay = self.up_to(Duration::from_secs(4));
        if let Some(link) = self.links.get_mut(&id) {
            link.server_open = false;
            link.seated = None;
            if told {
                self.after(delay, Happening::ClientLost(id));
            }
        }
        self.forget_link(id);
    }

    pub(super) fn server_starts(&mut self) {
        if !self.server.is_up {
            self.note(format_args!("the server starts"));
            self.server.is_up = true;
            self.server.starts += 1;
        }
    }

    /// The server is asked to stop: it sends everybody away and finishes writing.
    fn stop(&mut self) {
        if !self.server.is_up {
            return;
        }
        self.count("server stopped");
        let rooms: Vec<u64> = self.server.rooms.keys().copied().collect();
        let away = Duration::from_millis(self.rng.random_range(100..3_000));
        rooms.into_iter().for_each(|room| self.tell(room, Command::Drain(away)));
        self.after(Duration::from_secs(2), Happening::ServerHalts(self.server.starts));
    }

    pub(super) fn server_halts(&mut self, start: u64) -> Check {
        if self.server.is_up && self.server.starts == start && !self.is_healed() { self.halt() } else { Ok(()) }
    }

    /// A room is deleted; it may come back, as another.
    fn delete_room(&mut self) {
        if !self.server.is_up {
            return;
        }
        let name = room_name(self.rng.random_range(0..self.settings.rooms));
        self.note(format_args!("{name} is deleted"));
        self.disk.request(Request::Delete(name.clone()));
        let delay = self.up_to(Duration::from_secs(4));
        self.after(delay, Happening::Create(name));
    }

    /// Creates a room that is not there.
    pub(super) fn create_room(&mut self, name: RoomName) {
        if self.server.is_up && self.disk.record(&name).is_none() {
            let record = self.new_record(name);
            self.note(format_args!("{} is created", record.name));
            self.disk.request(Request::Create(record));
        }
    }
}
