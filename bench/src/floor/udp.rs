//! UDP with blocking sockets and nothing else.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{PAYLOAD, Stopwatch};
use crate::stats::Summary;

/// A datagram that was lost on loopback is given up after this.
const LOST: Duration = Duration::from_secs(1);

/// Round trips, one at a time.
pub fn measure(limit: Duration) -> anyhow::Result<Summary> {
    let (echo, client) = (open()?, open()?);
    echo.connect(client.local_addr()?)?;
    client.connect(echo.local_addr()?)?;
    client.set_read_timeout(Some(LOST))?;
    thread::scope(|scope| {
        let answering = scope.spawn(|| answer(&echo));
        let trips = trips(&client, limit);
        // An empty datagram ends the echo.
        client.send(&[])?;
        answering.join().ok().context("the echo broke")??;
        trips
    })
}

fn open() -> std::io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
}

fn answer(socket: &UdpSocket) -> std::io::Result<()> {
    let mut datagram = [0; 64];
    loop {
        match socket.recv(&mut datagram)? {
            0 => return Ok(()),
            length => socket.send(&datagram[..length])?,
        };
    }
}

fn trips(socket: &UdpSocket, limit: Duration) -> anyhow::Result<Summary> {
    let (mut watch, mut answer) = (Stopwatch::start(limit)?, [0; 64]);
    while watch.goes_on() {
        let begun = Instant::now();
        socket.send(&PAYLOAD)?;
        socket.recv(&mut answer).context("a datagram was lost on loopback")?;
        watch.lap(begun);
    }
    Ok(watch.latency.summary())
}
