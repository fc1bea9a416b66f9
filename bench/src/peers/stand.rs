//! One server on its own: fresh data, fresh ports, TLS in front, measured as a whole, and nothing left of it afterwards.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use collab_certs::SelfSigned;
use tempfile::TempDir;
use tokio::time::timeout;

use super::proxy::{self, Ports};
use super::recipe::{Dish, Kitchen, Peer, Place};
use crate::group::Group;
use crate::machine::Usage;
use crate::program_output::{Output, end_of_log, open_log};

/// How long a server may take until it says that it is ready.
const START: Duration = Duration::from_secs(30);

/// A server that runs. Dropped, it is gone with its proxy and its data.
pub struct Stand {
    group: Group,
    url: String,
    extra: &'static [&'static str],
    certificate_hash: String,
    // After the group: a folder goes when nobody writes into it any more.
    _folder: TempDir,
}

/// A certificate of its own, in the forms in which programs want it.
struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    both: PathBuf,
    hash: String,
}

impl Stand {
    /// Starts a server on loopback and waits until it and its proxy are ready.
    pub async fn set_up(peer: Peer, kitchen: &Kitchen) -> anyhow::Result<Self> {
        Self::elsewhere(peer, kitchen, Ipv4Addr::LOCALHOST, |command| command).await
    }

    /// Starts a server where `place` puts its command, reached at an address that is there.
    pub async fn elsewhere(
        peer: Peer,
        kitchen: &Kitchen,
        address: Ipv4Addr,
        place: impl Fn(Command) -> Command,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("collab-peer-").tempdir().context("no temporary directory")?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data).context("cannot make a folder for the data")?;
        let certificate = Certificate::make(folder.path())?;
        let ports = free_ports()?;
        let here = Place { address, ports, data: &data, certificate: (&certificate.chain, &certificate.key) };
        let Dish { command, ready, url, extra } = peer.prepare(kitchen, here)?;
        let mut group = Group::default();
        start(&mut group, place(command), ready, &folder.path().join("server.log")).await?;
        if peer != Peer::Collab {
            proxy::start(&mut group, ports, &certificate.both, folder.path()).await?;
        }
        Ok(Self { group, url, extra, certificate_hash: certificate.hash, _folder: folder })
    }

    /// What tells the load generator where it is, and which processes it is.
    pub fn arguments(&self) -> anyhow::Result<Vec<String>> {
        let group = self.group.id().context("the server has no process")?.to_string();
        let more = ["--server-group", &group].into_iter().chain(self.extra.iter().copied());
        Ok(self.address().into_iter().chain(more.map(str::to_owned)).collect())
    }

    /// What tells where it is.
    pub fn address(&self) -> Vec<String> {
        ["--url", &self.url, "--cert-hash", &self.certificate_hash].map(str::to_owned).to_vec()
    }

    /// What it has used so far, its proxy included.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        self.group.usage().context("the server has ended")
    }
}

async fn start(
    group: &mut Group,
    mut command: Command,
    ready: crate::program_output::Find,
    log: &Path,
) -> anyhow::Result<()> {
    let child = group.spawn(command.stdout(std::process::Stdio::piped()).stderr(open_log(log)?))?;
    let stdout = child.stdout.take().context("the server has no standard output")?;
    let output = Output::follow(stdout, open_log(log)?, ready)?;
    match timeout(START, output.found).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => bail!("it ended before it was ready: {}", end_of_log(log)),
        Err(_) => bail!("it was not ready within {} s: {}", START.as_secs(), end_of_log(log)),
    }
}

/// Two ports that nobody uses at the moment.
fn free_ports() -> anyhow::Result<Ports> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port");
    let (front, back) = (free()?, free()?);
    Ok(Ports { front: front.local_addr()?.port(), back: back.local_addr()?.port() })
}

impl Certificate {
    fn make(folder: &Path) -> anyhow::Result<Self> {
        let identity = SelfSigned::open(folder, &[], SystemTime::now())?.identity();
        let (chain, key) = (folder.join("certificate.pem"), folder.join("certificate.key"));
        let both = folder.join("both.pem");
        let read = |path: &Path| std::fs::read_to_string(path).context("the certificate was not kept");
        std::fs::write(&both, read(&chain)? + &read(&key)?).context("cannot keep the certificate")?;
        let hash = identity.certificate_hash().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { chain, key, both, hash })
    }
}
