//! What is compared, and how each is installed and started, as its documentation has it for production.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::proxy::Ports;
use crate::group::bound;
use crate::program_output::Find;
use crate::server_process::beside_this_program;

/// A server for shared texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// This project's.
    Collab,
    /// The server of y-websocket, with LevelDB.
    YWebsocket,
    /// With its SQLite extension.
    Hocuspocus,
    /// With its file store.
    YSweet,
}

/// Where the recipes are, and where what they make is kept.
#[derive(Debug, Clone)]
pub struct Kitchen {
    /// `bench/peers` of the source tree.
    pub recipes: PathBuf,
    /// Installed programs and records of what was installed.
    pub installed: PathBuf,
    /// This project's server.
    pub server: PathBuf,
}

/// Where one server runs.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Where it is reached.
    pub address: Ipv4Addr,
    /// Its ports; this project's server has TLS itself and listens on the front one.
    pub ports: Ports,
    /// An empty folder for its data.
    pub data: &'a Path,
    /// A certificate chain and its key.
    pub certificate: (&'a Path, &'a Path),
}

/// What starts a server, and how it is reached then.
#[derive(Debug)]
pub struct Dish {
    /// The command.
    pub command: Command,
    /// Finds the line that says that it is ready.
    pub ready: Find,
    /// What the load generator gets as its address: of the API, or of a room where `{room}` stands for its name.
    pub url: String,
    /// What else the load generator must be told.
    pub extra: &'static [&'static str],
}

/// Y-Sweet's keys, as `y-sweet gen-auth --json` writes them.
#[derive(Deserialize)]
struct Keys {
    private_key: String,
    server_token: String,
}

/// Y-Sweet's version. The others' are in their lock files.
const Y_SWEET: &str = "0.9.1";

/// Longest installation from the npm registry, in seconds. SQLite is compiled where no binary fits.
const NPM_LIMIT: &str = "300";

/// Longest compilation of Y-Sweet, in seconds.
const CARGO_LIMIT: &str = "1200";

impl Kitchen {
    /// With this project's server from a file, or the one beside this program.
    pub fn new(server: Option<&Path>) -> anyhow::Result<Self> {
        let server = server.map_or_else(beside_this_program, |path| Ok(path.to_owned()))?;
        Ok(Self { recipes: "bench/peers".into(), installed: "target/peers".into(), server })
    }
}

impl Peer {
    /// Everything that is compared, this project's first.
    pub const ALL: [Self; 4] = [Self::Collab, Self::YWebsocket, Self::Hocuspocus, Self::YSweet];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collab => "collab",
            Self::YWebsocket => "y-websocket",
            Self::Hocuspocus => "Hocuspocus",
            Self::YSweet => "Y-Sweet",
        }
    }

    /// What its author knows when the server has answered an edit.
    pub fn acknowledgement(self) -> &'static str {
        match self {
            Self::Collab => "`Saved`: synced to the disk, so that a power cut cannot take the edit",
            Self::YWebsocket => {
                "none; the author's own update comes back like everybody's, from memory. LevelDB is written behind that, unsynced"
            }
            Self::Hocuspocus => {
                "`SyncStatus`: applied in memory. SQLite is written 2 s after the last edit, 10 s at most, the whole document each time"
            }
            Self::YSweet => {
                "a counter that its client sends and gets back: read and applied in memory. The whole document is written every 10 s"
            }
        }
    }

    /// Installs it where that is not done yet, and says its version.
    pub fn install(self, kitchen: &Kitchen) -> anyhow::Result<String> {
        match self {
            Self::Collab if kitchen.server.is_file() => Ok(env!("CARGO_PKG_VERSION").to_owned()),
            Self::Collab => bail!("there is no {}", kitchen.server.display()),
            Self::YWebsocket => install_npm(kitchen, "y-websocket", "@y/websocket-server"),
            Self::Hocuspocus => install_npm(kitchen, "hocuspocus", "@hocuspocus/server"),
            Self::YSweet => install_y_sweet(kitchen),
        }
    }

    /// How it is started at a place.
    pub fn prepare(self, kitchen: &Kitchen, place: Place<'_>) -> anyhow::Result<Dish> {
        let (Ports { front, back }, address) = (place.ports, place.address);
        Ok(match self {
            Self::Collab => Dish {
                command: collab(&kitchen.server, place),
                ready: |line| line.starts_with("Page ").then_some(line),
                url: format!("https://{address}:{front}"),
                extra: &[],
            },
            Self::YWebsocket => node(kitchen, "y-websocket", place, "/{room}", &[]),
            Self::Hocuspocus => node(kitchen, "hocuspocus", place, "", &["--yjs-framing", "hocuspocus"]),
            Self::YSweet => {
                let program = y_sweet(kitchen);
                let Keys { private_key, server_token } = keys(&program)?;
                let mut command = bound(&program.to_string_lossy());
                command.arg("serve").arg(place.data).args(["--host", "127.0.0.1", "--port", &back.to_string()]);
                // In one word, since a key may begin with a dash.
                command.args(["--prod", &format!("--auth={private_key}")]);
                command.args(["--url-prefix", &format!("https://{address}:{front}")]);
                Dish {
                    command,
                    ready: |line| line.contains("Listening on").then_some(line),
                    url: format!("wss://{address}:{front}/d/{{room}}/ws/{{room}}?token={server_token}"),
                    extra: &[],
                }
            }
        })
    }
}

/// This project's server offers its own TLS. All of a room's users come with one token, so that none has limits of its own.
fn collab(program: &Path, place: Place<'_>) -> Command {
    let mut command = bound(&program.to_string_lossy());
    command.arg("--data").arg(place.data);
    command.args(["--listen", &format!("{}:{}", place.address, place.ports.front)]);
    command.args(["--http", &format!("127.0.0.1:{}", place.ports.back)]);
    command.arg("--cert").arg(place.certificate.0).arg("--key").arg(place.certificate.1);
    command.args(["--throttle-ms", "0", "--edits-per-minute", "60000", "--burst", "60000"]);
    command
}

fn node(kitchen: &Kitchen, folder: &str, place: Place<'_>, path: &str, extra: &'static [&'static str]) -> Dish {
    let mut command = bound("node");
    command.arg(kitchen.recipes.join(folder).join("server.mjs"));
    command.env("NODE_ENV", "production").env("PORT", place.ports.back.to_string()).env("DATA", place.data);
    let url = format!("wss://{}:{}{path}", place.address, place.ports.front);
    Dish { command, ready: |line| (line == "ready").then_some(line), url, extra }
}

/// `npm ci`, unless the same lock file was installed before.
fn install_npm(kitchen: &Kitchen, folder: &str, package: &str) -> anyhow::Result<String> {
    let source = kitchen.recipes.join(folder);
    let lock = std::fs::read(source.join("package-lock.json")).context("there is no lock file")?;
    let record = kitchen.installed.join(format!("{folder}.lock"));
    if !source.join("node_modules").is_dir() || std::fs::read(&record).ok().as_ref() != Some(&lock) {
        let mut command = Command::new("timeout");
        run(command.args([NPM_LIMIT, "npm", "ci", "--no-audit", "--no-fund"]).current_dir(&source))?;
        std::fs::write(&record, &lock).with_context(|| format!("cannot write {}", record.display()))?;
    }
    let lock: serde_json::Value = serde_json::from_slice(&lock)?;
    let version = lock["packages"][format!("node_modules/{package}")]["version"].as_str();
    Ok(version.with_context(|| format!("{package} is not in its lock file"))?.to_owned())
}

fn install_y_sweet(kitchen: &Kitchen) -> anyhow::Result<String> {
    if !y_sweet(kitchen).is_file() {
        let mut command = Command::new("timeout");
        command.args([CARGO_LIMIT, "cargo", "install", "y-sweet", "--version", Y_SWEET, "--locked", "--root"]);
        run(command.arg(&kitchen.installed))?;
    }
    let output = Command::new(y_sweet(kitchen)).arg("version").output().context("y-sweet does not start")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn y_sweet(kitchen: &Kitchen) -> PathBuf {
    kitchen.installed.join("bin/y-sweet")
}

fn keys(program: &Path) -> anyhow::Result<Keys> {
    let output = Command::new(program).args(["gen-auth", "--json"]).output().context("y-sweet does not start")?;
    serde_json::from_slice(&output.stdout).context("y-sweet makes no keys")
}

/// Runs an installation to its end. What it said last is the reason when it fails.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().context("cannot start `timeout`, of coreutils")?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    bail!("its installation ended with {}: {last}", output.status)
}
