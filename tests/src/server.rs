//! The real server: started, asked, stopped in order, killed, started again on the same data and ports.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use collab_client::api::Api;
use collab_client::driver::Endpoint;
use collab_client::trust::Trust;
use collab_proto::RoomName;
use collab_proto::api::{LogEntry, LogQuery, RoomCreated};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::network::{Network, command_in};
use crate::process::{Ended, Output, Process, program};
use crate::{PASSWORD, PATIENCE};

/// Limits under which nobody has to wait.
pub const FAST: &[&str] = &["--throttle-ms", "0", "--edits-per-minute", "60000", "--burst", "60000"];

/// A running server with a folder of its own.
#[derive(Debug)]
pub struct TestServer {
    process: Process,
    data: PathBuf,
    /// Goes with it; none when the folder belongs to the test.
    _folder: Option<TempDir>,
    arguments: Vec<String>,
    place: Place,
    /// The UDP port of WebTransport and the TCP port of HTTPS.
    pub port: u16,
    /// The TCP port of the pages and the API in clear text.
    pub http_port: u16,
    /// SHA-256 of the public key.
    pub fingerprint: [u8; 32],
    /// SHA-256 of the certificate.
    pub certificate_hash: [u8; 32],
}

/// Where a server runs.
#[derive(Debug, Clone)]
struct Place {
    host: Ipv4Addr,
    /// The name of a network of its own.
    network: Option<String>,
}

/// On this machine, for this machine alone.
const LOOPBACK: Place = Place { host: Ipv4Addr::LOCALHOST, network: None };

/// The command that starts a server on a data folder, with nothing from this process's environment.
pub fn command(data: &Path, arguments: &[impl AsRef<str>]) -> Command {
    on(Command::new(program("collab-server")), data, arguments)
}

fn on(mut server: Command, data: &Path, arguments: &[impl AsRef<str>]) -> Command {
    server.env_clear().arg("--data").arg(data).args(arguments.iter().map(AsRef::as_ref));
    server
}

/// Runs a server that is expected to say what is wrong and to end.
pub async fn fails(data: &Path, arguments: &[impl AsRef<str>]) -> Ended {
    Process::start(command(data, arguments), b"").ended().await
}

/// Runs a command of the server, such as `check`, on a data folder.
pub async fn maintain(command: &str, data: &Path, arguments: &[&str]) -> Ended {
    let mut process = Command::new(program("collab-server"));
    process.env_clear().arg(command).arg("--data").arg(data).args(arguments);
    Process::start(process, b"").ended().await
}

impl TestServer {
    /// A server with the limits that people meet.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with these arguments besides.
    pub async fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self::in_folder(&folder.path().join("data"), arguments).await;
        server._folder = Some(folder);
        server
    }

    /// A server on a data folder of the test's, with these arguments besides.
    pub async fn in_folder(data: &Path, arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self::at(LOOPBACK, data, arguments).await
    }

    /// A server with these arguments besides, in a network of its own.
    pub async fn within(network: &Network, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let place = Place { host: network.address(), network: Some(network.name().to_owned()) };
        let mut server = Self::at(place, &folder.path().join("data"), arguments).await;
        server._folder = Some(folder);
        server
    }

    async fn at(place: Place, data: &Path, arguments: Vec<String>) -> Self {
        let (process, output) = launch(&place, data, (0, 0), &arguments).await;
        let (data, greeting) = (data.to_owned(), &output.stdout());
        Self {
            place,
            port: port(&line(greeting, "WebTransport")),
            http_port: port(&line(greeting, "Page")),
            fingerprint: hash(greeting, "Fingerprint"),
            certificate_hash: hash(greeting, "Certificate"),
            process,
            data,
            _folder: None,
            arguments,
        }
    }

    /// Starts it again on the same data and the same ports. It must have ended.
    pub async fn restart(&mut self) {
        let output;
        (self.process, output) = launch(&self.place, &self.data, (self.port, self.http_port), &self.arguments).await;
        self.fingerprint = hash(&output.stdout(), "Fingerprint");
        self.certificate_hash = hash(&output.stdout(), "Certificate");
    }

    /// Starts it on the same ports, set up anew from a backup in an empty folder. It must have ended.
    pub async fn restore(&mut self, backup: &Path) {
        let data = self.data.with_extension("restored");
        let restored = maintain("restore", &data, &[backup.to_str().expect("a path in UTF-8")]).await;
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        self.data = data;
        self.restart().await;
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop, as `systemctl stop` does.
    pub fn ask_to_stop(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Asks it to renew its certificate, as `systemctl reload` does, and waits until it has, or says why not.
    pub async fn renew_certificate(&mut self) {
        let words = ["new handshakes get a new certificate", "could not be renewed"];
        let told = |log: &str| words.iter().map(|word| log.matches(word).count()).sum::<usize>();
        let before = told(&self.log());
        self.process.signal(Signal::HUP);
        self.process.until("renew its certificate", |output| told(&output.stderr()) > before).await;
    }

    /// Waits until it has ended: its exit code, and its log.
    pub async fn stopped(&mut self) -> (Option<i32>, String) {
        let output = self.process.until("stop", Output::is_over).await;
        (self.process.exit_code(), output.stderr())
    }

    /// What it has written to standard error.
    pub fn log(&self) -> String {
        self.process.output().stderr()
    }

    /// Processor time of the threads that hash passwords, in clock ticks of the kernel: whether a password was hashed.
    pub fn hashing_ticks(&self) -> u64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("it runs");
        let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
        let ticks = |stat: String| -> Option<u64> {
            let (name, fields) = stat.rsplit_once(')')?;
            // `utime` is the twelfth field behind the name.
            fields.split_whitespace().nth(11)?.parse().ok().filter(|_| name.contains("(passwords-"))
        };
        stats.filter_map(ticks).sum()
    }

    /// Its resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Where its pages and API are, in clear text.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port)
    }

    /// Where the same are over TLS.
    pub fn https_url(&self) -> String {
        format!("https://{}:{}", self.place.host, self.port)
    }

    /// Where WebTransport listens.
    pub fn webtransport_url(&self) -> String {
        format!("https://{}:{}/", self.place.host, self.port)
    }

    /// Where WebSockets are taken in clear.
    pub fn websocket_url(&self) -> String {
        format!("ws://127.0.0.1:{}/ws", self.http_port)
    }

    /// Where WebSockets are taken over TLS.
    pub fn secure_websocket_url(&self) -> String {
        format!("wss://{}:{}/ws", self.place.host, self.port)
    }

    /// The admin token's file.
    pub fn admin_token_file(&self) -> PathBuf {
        self.data().join("admin-token")
    }

    /// The admin token.
    pub fn admin_token(&self) -> String {
        std::fs::read_to_string(self.admin_token_file()).expect("the admin token").trim().to_owned()
    }

    /// The API with the admin token.
    pub fn api(&self) -> Api {
        self.api_with(Some(self.admin_token()))
    }

    /// The API with another token, or none.
    pub fn api_with(&self, token: Option<String>) -> Api {
        // In a network of its own the port in clear is for that network alone.
        match self.place.network {
            None => Api::new(&self.url(), Trust::WebPki, token),
            Some(_) => Api::new(&self.https_url(), Trust::Hashes(vec![self.fingerprint]), token),
        }
        .expect("an address")
    }

    /// Sockets that believe this server.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(Trust::Hashes(vec![self.fingerprint])).expect("TLS")
    }

    /// Makes a room with the password [`PASSWORD`].
    pub async fn room(&self, name: &str) -> RoomCreated {
        let made = timeout(PATIENCE, self.api().create_room(name, PASSWORD)).await.expect("an answer in time");
        made.unwrap_or_else(|error| panic!("cannot make {name}: {error}"))
    }

    /// Every log entry that matches, oldest first.
    pub async fn entries(&self, query: LogQuery) -> Vec<LogEntry> {
        let (api, mut entries, mut after) = (self.api(), Vec::new(), 0);
        loop {
            let query = LogQuery { after: Some(after), limit: Some(1000), ..query.clone() };
            let page = api.logs(&query).await.expect("a page of the log");
            entries.extend(page.entries);
            if !page.more {
                return entries;
            }
            after = page.last_seq;
        }
    }

    /// The log of a room, oldest first, once `wanted` holds. Entries may come a moment after what they are about.
    pub async fn entries_until(&self, room: &str, wanted: impl Fn(&[LogEntry]) -> bool) -> Vec<LogEntry> {
        let room = Some(RoomName::parse(room).expect("a room's name"));
        let mut entries = Vec::<LogEntry>::new();
        let read = async {
            while !wanted(&entries) {
                let after = Some(entries.last().map_or(0, |entry| entry.seq));
                let query = LogQuery { room: room.clone(), after, wait_ms: Some(5_000), ..LogQuery::default() };
                entries.extend(self.api().logs(&query).await.expect("a page of the log").entries);
            }
        };
        let in_time = timeout(PATIENCE, read).await.is_ok();
        assert!(in_time, "the log is not as wanted: {entries:#?}");
        entries
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server wrote:\n{}", self.log());
        }
    }
}

async fn launch(place: &Place, data: &Path, ports: (u16, u16), arguments: &[String]) -> (Process, Output) {
    let mut command = match &place.network {
        None => command(data, arguments),
        Some(network) => {
            let server = program("collab-server");
            on(command_in(network, server.to_str().expect("a path in UTF-8")), data, arguments)
        }
    };
    let (port, http_port) = ports;
    command.args(["--listen", &format!("{}:{port}", place.host), "--http", &format!("127.0.0.1:{http_port}")]);
    let mut process = Process::start(command, b"");
    let output = process.until("say where it listens", |output| output.stdout().contains("Admin token")).await;
    (process, output)
}

/// What stands in a line of a greeting behind this name.
fn line(greeting: &str, name: &str) -> String {
    let found = greeting.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    found.unwrap_or_else(|| panic!("no line {name:?} in:\n{greeting}")).to_owned()
}

/// The hash at the end of such a line.
fn hash(greeting: &str, name: &str) -> [u8; 32] {
    let line = line(greeting, name);
    let hash = line.rsplit(' ').next().and_then(|hash| hex::decode(hash).ok());
    hash.and_then(|hash| hash.try_into().ok()).unwrap_or_else(|| panic!("no hash in {line:?}"))
}

/// The port in the first address of a line.
fn port(line: &str) -> u16 {
    let address = line.split("localhost:").nth(1).unwrap_or_else(|| panic!("no address in {line:?}"));
    address.split('/').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {line:?}"))
}
