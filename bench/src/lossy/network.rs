//! Two networks with a lossy wire between them: Linux network namespaces without a name, so that the kernel removes them with
//! their last process, however that ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use super::Loss;
use crate::group::bound;

/// Where the server is reached.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// Where the load comes from.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// The wire's name at both of its ends.
const WIRE: &str = "wire";

/// The programs that make networks, and the Debian packages that they are in.
const TOOLS: [(&str, &str); 7] = [
    ("bash", "bash"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("timeout", "coreutils"),
];

/// Where nobody listens.
const DISCARD: u16 = 9;

/// How long the kernel may take to take the wire into use.
const WIRE_LIMIT: Duration = Duration::from_secs(10);

/// The two networks and the wire. Dropped, they are gone when no program is left in them.
#[derive(Debug)]
pub struct Networks {
    /// The server's.
    pub server: Namespace,
    /// The clients'.
    pub client: Namespace,
}

/// A network, kept by a program that waits for this one to close its standard input.
#[derive(Debug)]
pub struct Namespace {
    keeper: Child,
}

/// What became of the packets that came out of one end of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packets {
    /// All.
    pub arrived: u64,
    /// Those that were dropped.
    pub dropped: u64,
    /// Those that were larger than a wire takes: there must be none, or a loss would be one of many packets at once.
    pub oversized: u64,
}

impl Networks {
    /// Makes them, with this loss in each direction.
    ///
    /// # Errors
    ///
    /// Without root, or when a tool is missing: says what is needed.
    pub fn make(loss: Loss) -> anyhow::Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "this makes network namespaces and needs root: run it with sudo, or in a container with CAP_NET_ADMIN and CAP_SYS_ADMIN"
        );
        find_tools()?;
        let networks = Self { server: Namespace::make()?, client: Namespace::make()? };
        let other = networks.client.keeper.id().to_string();
        networks.server.run(&["ip", "link", "add", WIRE, "type", "veth", "peer", "name", WIRE, "netns", &other])?;
        networks.server.connect(SERVER)?;
        networks.client.connect(CLIENT)?;
        networks.client.wait_for(SERVER)?;
        networks.server.lose(loss)?;
        networks.client.lose(loss)?;
        Ok(networks)
    }
}

fn find_tools() -> anyhow::Result<()> {
    let is_missing =
        |tool: &str| Command::new(tool).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err();
    let missing: Vec<_> = TOOLS.iter().filter(|(tool, _)| is_missing(tool)).collect();
    if let [(tool, package), ..] = missing[..] {
        bail!(
            "there is no {tool}: on Debian, `apt-get install {package}` (or `scripts/setup bench`, which installs all of them)"
        );
    }
    Ok(())
}

impl Namespace {
    fn make() -> anyhow::Result<Self> {
        let mut command = bound("unshare");
        let keeper = command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut namespace = Self { keeper };
        namespace.is_there().context("the kernel makes no network namespace")?;
        Ok(namespace)
    }

    /// What the keeper echoes it reads in its own network.
    fn is_there(&mut self) -> anyhow::Result<()> {
        let (mut line, Child { stdin, stdout, .. }) = (String::new(), &mut self.keeper);
        stdin.as_mut().context("no standard input")?.write_all(b"there?\n")?;
        BufReader::new(stdout.as_mut().context("no standard output")?).read_line(&mut line)?;
        ensure!(line == "there?\n", "unshare failed");
        Ok(())
    }

    /// Gives its end of the wire an address. Batches of packets are cut up before they go in, as a network card would do, so
    /// that a loss is one packet's.
    fn connect(&self, address: Ipv4Addr) -> anyhow::Result<()> {
        self.run(&["ip", "link", "set", "lo", "up"])?;
        self.run(&["ip", "address", "add", &format!("{address}/24"), "dev", WIRE])?;
        self.run(&["ip", "link", "set", WIRE, "up", "gso_max_segs", "1"])?;
        Ok(())
    }

    /// Waits until packets come back from an address: the kernel takes a wire into use some time after both ends are up, and
    /// what goes astray until then is asked for again only a second later.
    fn wait_for(&self, address: Ipv4Addr) -> anyhow::Result<()> {
        let limit = WIRE_LIMIT.as_secs().to_string();
        let mut command = Command::new("timeout");
        command.args([&limit, "bash", "-c", &format!("exec 3<>/dev/tcp/{address}/{DISCARD}")]).env("LC_ALL", "C");
        let answer = self.within(&command).output()?.stderr;
        let refused = String::from_utf8_lossy(&answer).contains("Connection refused");
        ensure!(
            refused,
            "no packet comes through the wire within {limit} s: {}",
            String::from_utf8_lossy(&answer).trim()
        );
        Ok(())
    }

    /// Drops a part of what comes out of its end of the wire, from now on.
    fn lose(&self, loss: Loss) -> anyhow::Result<()> {
        self.run(&["nft", &rules(loss)]).map(drop)
    }

    /// What its end of the wire saw so far.
    pub fn packets(&self) -> anyhow::Result<Packets> {
        read_counters(&self.run(&["nft", "--json", "list", "counters"])?)
    }

    fn run(&self, words: &[&str]) -> anyhow::Result<Vec<u8>> {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        let output = self.within(&command).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{}` failed: {}", words.join(" "), said.trim());
        Ok(output.stdout)
    }

    /// The same command, in this network.
    pub fn within(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--net=/proc/{}/ns/net", self.keeper.id())).arg("--");
        inside.arg(command.get_program()).args(command.get_args());
        let set = |(name, value): (&OsStr, Option<&OsStr>)| value.map(|value| (name.to_owned(), value.to_owned()));
        inside.envs(command.get_envs().filter_map(set));
        inside
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and a keeper that has ended is no failure.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Counters have names here, so that they can be read back.
fn rules(loss: Loss) -> String {
    let arriving = format!("add rule inet loss arriving iifname {WIRE}");
    format!(
        "add table inet loss;
        add counter inet loss arrived; add counter inet loss dropped; add counter inet loss oversized;
        add chain inet loss arriving {{ type filter hook input priority 0; }};
        {arriving} counter name arrived;
        {arriving} meta length > 1500 counter name oversized;
        {arriving} numgen random mod 1000 < {} counter name dropped drop",
        loss.permille()
    )
}

fn read_counters(json: &[u8]) -> anyhow::Result<Packets> {
    let listed: serde_json::Value = serde_json::from_slice(json).context("nft does not write JSON")?;
    let objects = listed["nftables"].as_array().context("nft lists nothing")?;
    let counter = |name: &str| {
        let found = objects.iter().map(|object| &object["counter"]).find(|counter| counter["name"] == name);
        found.and_then(|counter| counter["packets"].as_u64()).with_context(|| format!("nft does not count {name}"))
    };
    Ok(Packets { arrived: counter("arrived")?, dropped: counter("dropped")?, oversized: counter("oversized")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_as_nft_writes_them() {
        let json = br#"{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
            {"counter": {"family": "inet", "name": "arrived", "table": "loss", "handle": 1, "packets": 200, "bytes": 9}},
            {"counter": {"family": "inet", "name": "dropped", "table": "loss", "handle": 2, "packets": 3, "bytes": 9}},
            {"counter": {"family": "inet", "name": "oversized", "table": "loss", "handle": 3, "packets": 0, "bytes": 0}}]}"#;
        assert_eq!(read_counters(json).unwrap(), Packets { arrived: 200, dropped: 3, oversized: 0 });
        assert!(read_counters(b"{\"nftables\": []}").is_err());
    }

    /// Where networks can be made, a thousand datagrams show the loss; elsewhere the reason is told.
    #[test]
    fn a_wire_loses_what_it_should_and_goes_with_its_networks() {
        let loss = "50%".parse().unwrap();
        let networks = match Networks::make(loss) {
            Ok(networks) => networks,
            Err(error) if rustix::process::geteuid().is_root() => panic!("{error:#}"),
            Err(error) => return assert!(error.to_string().contains("needs root"), "{error}"),
        };
        let ping = networks.client.run(&["bash", "-c", "for i in {1..1000}; do echo > /dev/udp/10.77.0.1/9; done"]);
        ping.unwrap();
        let packets = networks.server.packets().unwrap();
        assert!((900..=1000).contains(&packets.arrived), "{packets:?}");
        assert!((350..=650).contains(&packets.dropped) && packets.oversized == 0, "{packets:?}");
        let keeper = networks.server.keeper.id();
        drop(networks);
        assert!(!std::path::Path::new(&format!("/proc/{keeper}")).exists());
    }
}
