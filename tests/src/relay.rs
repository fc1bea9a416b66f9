//! A network between a client and the server that can fall silent, and that can change the client's address.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Largest UDP packet.
const PACKET: usize = 65_536;

/// Passes UDP packets on, both ways, for one client socket. Dropped, it passes nothing any more.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    road: watch::Sender<Road>,
    task: JoinHandle<()>,
}

/// What the network does at the moment.
#[derive(Debug, Clone)]
struct Road {
    /// From here the server sees the client.
    far: Arc<UdpSocket>,
    /// Whether everything is lost on the way, without a word.
    silent: bool,
}

impl Relay {
    /// A relay to a server's UDP port on this machine.
    pub async fn to(server: u16) -> Self {
        let near = loopback().await;
        let port = near.local_addr().expect("an address").port();
        let (road, on) = watch::channel(Road { far: Arc::new(loopback().await), silent: false });
        let server = (Ipv4Addr::LOCALHOST, server).into();
        Self { port, road, task: tokio::spawn(pass(near, server, on)) }
    }

    /// Where clients find the server through this relay.
    pub fn webtransport_url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.port)
    }

    /// From now on every packet is lost, or none.
    pub fn silence(&self, silent: bool) {
        self.road.send_modify(|road| road.silent = silent);
    }

    /// From now on the server sees the client at another port, as after a change of network or of a router's mind.
    pub async fn move_client(&self) {
        let far = Arc::new(loopback().await);
        self.road.send_modify(|road| road.far = far);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn loopback() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket")
}

async fn pass(near: UdpSocket, server: SocketAddr, road: watch::Receiver<Road>) {
    let (mut up, mut down) = (vec![0; PACKET], vec![0; PACKET]);
    let mut client = None;
    let mut changes = road.clone();
    loop {
        let Road { far, silent } = road.borrow().clone();
        // A packet that cannot be sent on is lost, as packets may be.
        tokio::select! {
            Ok((len, from)) = near.recv_from(&mut up) => {
                client = Some(from);
                if !silent {
                    let _ = far.send_to(&up[..len], server).await;
                }
            }
            Ok((len, _)) = far.recv_from(&mut down) => {
                if let Some(client) = client.filter(|_| !silent) {
                    let _ = near.send_to(&down[..len], client).await;
                }
            }
            changed = changes.changed() => if changed.is_err() { return },
            else => {}
        }
    }
}
