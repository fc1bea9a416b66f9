//! What is run: every way to share a text, under every load, in turn, again and again.

use std::time::Duration;

use super::Peer;
use crate::options::Transport;

/// A server, and how it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The server.
    pub peer: Peer,
    /// What carries the sessions.
    pub transport: Transport,
}

/// A load that all of them get: same users, same times, same words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// What it is called.
    pub name: &'static str,
    /// How many users.
    pub clients: usize,
    /// How many rooms they are spread over.
    pub rooms: usize,
    /// Edits per minute of each.
    pub rate: f64,
}

/// As rarely as the servers themselves ask who is there: a WebSocket's ping is no part of the Yjs protocol.
const PING: &str = "30s";

/// Everything that is compared. The first is what the others are set in relation to.
pub const WAYS: [Way; 6] = [
    Way { peer: Peer::Collab, transport: Transport::Webtransport },
    Way { peer: Peer::Collab, transport: Transport::Websocket },
    Way { peer: Peer::Collab, transport: Transport::YjsWs },
    Way { peer: Peer::YWebsocket, transport: Transport::YjsWs },
    Way { peer: Peer::Hocuspocus, transport: Transport::YjsWs },
    Way { peer: Peer::YSweet, transport: Transport::YjsWs },
];

/// The loads.
pub const LOADS: [Load; 3] = [
    Load { name: "steady", clients: 1000, rooms: 100, rate: 30.0 },
    Load { name: "busy", clients: 500, rooms: 50, rate: 240.0 },
    Load { name: "big-room", clients: 200, rooms: 1, rate: 30.0 },
];

impl Way {
    /// As tables call it.
    pub fn name(self) -> String {
        match self.peer {
            Peer::Collab => format!("collab, {}", self.transport),
            peer => peer.name().to_owned(),
        }
    }
}

impl Load {
    /// The load generator's arguments, without the server and the duration.
    pub fn arguments(&self, transport: Transport, seed: u64) -> Vec<String> {
        let [clients, rooms, rate] = [self.clients.to_string(), self.rooms.to_string(), self.rate.to_string()];
        let load = ["--clients", &clients, "--rooms", &rooms, "--rate", &rate, "--seed", &seed.to_string()];
        let how = ["--transport", transport.argument(), "--join", "token", "--ping-interval", PING, "--quiet"];
        load.into_iter().chain(how).map(str::to_owned).collect()
    }

    /// In words.
    pub fn describe(&self, duration: Duration) -> String {
        let Self { clients, rooms, rate, .. } = self;
        let members = clients / rooms;
        let per_second = *clients as f64 * rate / 60.0 * (members - 1) as f64;
        let rooms = if *rooms == 1 { "one room".to_owned() } else { format!("rooms of {members}") };
        format!(
            "{clients} users in {rooms}, {rate} edits a minute each, for {} s: {per_second:.0} deliveries a second",
            duration.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_says_how_much_it_asks_for() {
        let texts = LOADS.map(|load| load.describe(Duration::from_secs(10)));
        assert!(texts[0].contains("rooms of 10") && texts[0].contains("4500 deliveries a second"), "{}", texts[0]);
        assert!(texts[2].contains("one room") && texts[2].contains("19900 deliveries a second"), "{}", texts[2]);
    }
}
