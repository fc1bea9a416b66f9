//! A network of its own for a server, beside that of the machine, which can be told to let no UDP through. What is blocked is blocked
//! by the kernel, in that network alone.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A network namespace, joined to the machine's by a pair of interfaces. Dropped, both are gone.
#[derive(Debug)]
pub struct Network {
    name: String,
    address: Ipv4Addr,
}

/// Networks of this process so far.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The rule that drops UDP.
const BLOCK: &str = "add table inet blocked; \
    add chain inet blocked input { type filter hook input priority 0; }; \
    add rule inet blocked input meta l4proto udp counter drop";

impl Network {
    /// Makes one; none where that cannot be done, which is said, and which fails where `CI` is set.
    pub fn make() -> Option<Self> {
        let why = if !rustix::process::geteuid().is_root() {
            "root"
        } else if tool("ip").is_none() || tool("nft").is_none() {
            "iproute2 and nftables (scripts/setup test installs them)"
        } else {
            return Some(Self::joined());
        };
        assert!(std::env::var_os("CI").is_none(), "this test needs {why}");
        println!("NOT TESTED: this needs {why}");
        None
    }

    fn joined() -> Self {
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let name = format!("collab-{process}-{count}");
        let (here, there) = (format!("ca{process}-{count}"), format!("cb{process}-{count}"));
        // 198.18.0.0/15 is for tests of networks (RFC 2544). Four addresses each.
        let [.., high, low] = (4 * (8 * process + count)).to_be_bytes();
        let address = |host: u8| Ipv4Addr::new(198, 18, high, low + host);
        ip(&["netns", "add", &name]);
        let network = Self { name, address: address(2) };
        let name = network.name.as_str();
        ip(&["link", "add", &here, "type", "veth", "peer", "name", &there, "netns", name]);
        ip(&["address", "add", &format!("{}/30", address(1)), "dev", &here]);
        ip(&["link", "set", &here, "up"]);
        ip(&["-n", name, "address", "add", &format!("{}/30", address(2)), "dev", &there]);
        ip(&["-n", name, "link", "set", &there, "up"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        network
    }

    /// The address of what listens there.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// A program that runs there.
    pub fn command(&self, program: &str) -> Command {
        command_in(&self.name, program)
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets no UDP through any more, without a word to who sends it.
    pub fn block_udp(&self) {
        run(self.command("nft").arg(BLOCK));
    }

    /// Lets UDP through again.
    pub fn let_udp_through(&self) {
        run(self.command("nft").arg("delete table inet blocked"));
    }

    /// How many packets were dropped since UDP was blocked.
    pub fn dropped(&self) -> u64 {
        let rules = run(self.command("nft").arg("list table inet blocked"));
        let mut words = rules.split_whitespace().skip_while(|word| *word != "packets");
        words.nth(1).and_then(|count| count.parse().ok()).expect("a counter")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.name]);
    }
}

/// A program that runs in a network.
pub fn command_in(network: &str, program: &str) -> Command {
    let mut command = Command::new(tool("ip").expect("iproute2"));
    command.args(["netns", "exec", network, program]);
    command
}

/// Where a tool lies: folders for administrators are not in everybody's `PATH`.
fn tool(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        .iter()
        .map(|folder| PathBuf::from(folder).join(name))
        .find(|it| it.exists())
}

fn ip(arguments: &[&str]) {
    run(Command::new(tool("ip").expect("iproute2")).args(arguments));
}

/// Runs a command that must succeed: what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
