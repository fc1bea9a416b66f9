//! TLS in front of a server that has none: HAProxy, from Debian.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::group::{Group, bound};
use crate::program_output::{end_of_log, open_log};

/// How long it may take until it accepts connections.
const START: Duration = Duration::from_secs(10);

/// Where it listens, and what it passes everything on to. All on loopback.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// TLS.
    pub front: u16,
    /// The server behind it.
    pub back: u16,
}

/// Its configuration, as its documentation has it for WebSocket. Threads and buffers are its defaults.
pub fn config(ports: Ports, certificate: &Path) -> String {
    let (Ports { front, back }, certificate) = (ports, certificate.display());
    format!(
        "global
    maxconn 5000
    ssl-default-bind-options ssl-min-ver TLSv1.2

defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h

frontend tls
    bind 127.0.0.1:{front} ssl crt {certificate} alpn http/1.1
    default_backend server

backend server
    server one 127.0.0.1:{back}
"
    )
}

/// Starts it in a server's group, with its files in `folder`, and waits until it says that it is ready.
pub async fn start(group: &mut Group, ports: Ports, certificate: &Path, folder: &Path) -> anyhow::Result<()> {
    let (file, log) = (folder.join("haproxy.cfg"), folder.join("haproxy.log"));
    std::fs::write(&file, config(ports, certificate)).context("cannot write the configuration of HAProxy")?;
    let notices = folder.join("ready");
    let socket = UnixDatagram::bind(&notices).context("cannot wait for HAProxy")?;
    let mut command = bound("haproxy");
    // Master and worker in the foreground, telling as systemd wants it.
    command.arg("-Ws").arg("-f").arg(&file).env("NOTIFY_SOCKET", &notices);
    group.spawn(command.stdout(open_log(&log)?).stderr(open_log(&log)?))?;
    if timeout(START, ready(&socket)).await.is_err() {
        bail!("HAProxy did not start\n{}", end_of_log(&log));
    }
    Ok(())
}

async fn ready(socket: &UnixDatagram) {
    let mut notice = [0; 1024];
    loop {
        if let Ok(length) = socket.recv(&mut notice).await
            && notice[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1")
        {
            return;
        }
    }
}

/// Its version, as it tells it itself.
pub fn version() -> anyhow::Result<String> {
    let output = Command::new("haproxy").arg("-v").output();
    let output = output.context("there is no HAProxy: `scripts/setup bench` installs it on Debian")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().nth(2).context("HAProxy does not tell its version")?;
    Ok(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_ends_tls_and_passes_sockets_on() {
        let text = config(Ports { front: 4001, back: 4002 }, Path::new("/data/tls.pem"));
        let has = |line: &str| text.lines().any(|own| own.trim() == line);
        assert!(has("bind 127.0.0.1:4001 ssl crt /data/tls.pem alpn http/1.1"), "{text}");
        assert!(has("server one 127.0.0.1:4002"), "{text}");
        assert!(has("timeout tunnel 1h"), "sockets are not cut: {text}");
    }
}
