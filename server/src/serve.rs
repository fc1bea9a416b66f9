//! Starting and stopping the server. Both are one function that reads as an ordered list.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use collab_certs::{CertError, Certificates};
use collab_proto::api::LogKind;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::app::{App, Phase};
use crate::audit::NewEntry;
use crate::auditor::Auditor;
use crate::auth::door::Door;
use crate::auth::passwords::Passwords;
use crate::auth::tokens::Tokens;
use crate::certificate;
use crate::clock::wall_ms;
use crate::config::{Config, Switch};
use crate::data_dir::{DataDir, DataDirError};
use crate::http;
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::room::admission::Limits;
use crate::room::keeper::{Compaction, Housekeeping};
use crate::room::registry::{Registry, Template};
use crate::rooms::Rooms;
use crate::session::Hall;
use crate::store::redb::RedbStore;
use crate::store::{Store, StoreError};
use crate::transport::{socket, websocket, webtransport};
use crate::turns::Turns;

/// How often the certificate is looked at: PEM files that were exchanged are in use this long after, at the latest.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(30);

/// How often old entries of the log are removed.
const LOG_CHECK: Duration = Duration::from_secs(3600);

/// How often a port is drawn that must be free for UDP and TCP alike.
const PORT_DRAWS: u32 = 16;

/// When clients come back to a server that was stopped; each adds its own jitter.
const COME_BACK: Duration = Duration::from_millis(500);

/// Why the server does not start. Each says in one line what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// The database.
    #[error("the database {}: {source}", path.display())]
    Store {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: StoreError,
    },
    /// An address.
    #[error("cannot listen on {address} ({protocol}): {source}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// UDP or TCP.
        protocol: &'static str,
        /// What is wrong.
        source: io::Error,
    },
    /// What the password hash needs.
    #[error("cannot hash passwords: {0}")]
    Passwords(Refusal),
    /// What the percentiles need.
    #[error("cannot measure: {0}")]
    Metrics(#[from] hdrhistogram::CreationError),
}

/// A server that listens.
pub struct Server {
    app: Arc<App>,
    registry: Arc<Registry>,
    phase: watch::Sender<Phase>,
    endpoint: Option<quinn::Endpoint>,
    faces: JoinSet<()>,
    chores: JoinSet<()>,
    audit: JoinHandle<()>,
    drain: Duration,
    addresses: Addresses,
    renewal: Arc<Notify>,
    data: DataDir,
}

/// Where a server is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// WebTransport over UDP, unless the operator chose to have none.
    pub webtransport: Option<SocketAddr>,
    /// Pages, API and WebSocket over TLS.
    pub https: SocketAddr,
    /// Pages and API in clear text.
    pub http: SocketAddr,
    /// Where the admin token lies.
    pub admin_token: PathBuf,
    /// SHA-256 of the certificate's public key, which command-line clients remember.
    pub fingerprint: [u8; 32],
    /// SHA-256 of the certificate, when no browser trusts it by itself.
    pub certificate_hash: Option<[u8; 32]>,
}

impl Server {
    /// Opens everything and begins to listen.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        // 1. The data directory is locked first: nothing is touched that another server uses.
        let data = DataDir::open(&config.data)?;
        let (keys, admin) = (data.keys()?, data.admin_token()?);
        let certificates = Arc::new(open_certificates(&config, &data)?);
        // 2. Addresses, so that a taken port shows before the database is opened.
        let (udp, https, address) = listen_on_both(&config)?;
        let clear = listen("TCP", config.http, http::bind)?;
        let clear_address = local("TCP", config.http, clear.local_addr())?;
        let https_tls = Arc::new(certificates.tls(&[b"h2", b"http/1.1"])?);
        let open = |udp| listen("UDP", address, |_| webtransport::endpoint(udp, quic_tls(&certificates)?, &keys));
        let endpoint = udp.map(open).transpose()?;
        let webtransport = endpoint.is_some().then_some(address);
        // 3. The store, and what stands on it.
        let path = data.store();
        let store_error = |source| StartError::Store { path: path.clone(), source };
        let store: Arc<dyn Store> = Arc::new(RedbStore::open(&path).map_err(store_error)?);
        let metrics = Arc::new(Metrics::new(Instant::now())?);
        let (auditor, audit) = Auditor::start(store.clone());
        let tokens = Arc::new(Tokens::new(&keys.tokens));
        let passwords = Passwords::new(config.hash_threads, metrics.clone()).map_err(StartError::Passwords)?;
        let registry = Arc::new(Registry::new(template(&config, &store, &auditor, &metrics)));
        let rooms = Rooms::open(store.clone(), registry.clone(), passwords.clone(), tokens.clone(), config.max_rooms)
            .await
            .map_err(store_error)?;
        auditor.record(NewEntry::new(wall_ms(), LogKind::ServerStarted)).await;
        // 4. The faces.
        let (phase, phase_receiver) = watch::channel(Phase::Serving);
        let turns = Turns::default();
        let hall = Arc::new(Hall {
            door: Door::new(store.clone(), passwords, tokens.clone()),
            registry: registry.clone(),
            auditor: auditor.clone(),
            metrics: metrics.clone(),
            turns: turns.clone(),
            stalled: Duration::from_secs(config.stalled_reader_seconds),
        });
        let addresses = Addresses {
            webtransport,
            https: address,
            http: clear_address,
            admin_token: data.admin_token_path(),
            fingerprint: certificates.current().fingerprint(),
            certificate_hash: certificates
                .current()
                .is_self_signed()
                .then(|| certificates.current().certificate_hash()),
        };
        let drain = Duration::from_secs(config.drain_seconds);
        let places = Arc::new(Semaphore::new(config.max_sessions));
        let (websockets, visitors) = websocket::desk();
        let app = Arc::new(App {
            config,
            rooms,
            store,
            auditor,
            tokens,
            admin,
            certificates,
            webtransport_port: webtransport.map(|address| address.port()),
            websockets,
            metrics,
            phase: phase_receiver.clone(),
        });
        let mut faces = JoinSet::new();
        if let Some(endpoint) = endpoint.clone() {
            faces.spawn(webtransport::serve(endpoint, hall.clone(), places.clone(), phase_receiver.clone()));
        }
        faces.spawn(websocket::serve(visitors, hall, places, phase_receiver));
        let router = http::router(app.clone());
        faces.spawn(http::serve(clear, None, router.clone(), draining(&app)));
        faces.spawn(http::serve(https, Some(http::Tls { config: https_tls, turns }), router, draining(&app)));
        let mut chores = JoinSet::new();
        let renewal = Arc::<Notify>::default();
        chores.spawn(certificate::keep(app.certificates.clone(), CERTIFICATE_CHECK, renewal.clone()));
        chores.spawn(prune_log(app.clone()));
        Ok(Self { app, registry, phase, endpoint, faces, chores, audit, drain, addresses, renewal, data })
    }

    /// Where it is found.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Whoever notifies it has the certificate renewed now: a self-signed one made anew, PEM files read again.
    pub fn renewal(&self) -> Arc<Notify> {
        self.renewal.clone()
    }

    /// Serves until `shutdown`, then stops in order: takes nothing new, sends members away, makes everything durable.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        tracing::info!("stopping: members are asked to come back later");
        // 1. Nothing new.
        self.phase.send_replace(Phase::Draining);
        self.chores.shutdown().await;
        // 2. Members are told, and every edit that they were shown becomes durable.
        let members_gone = async {
            self.registry.drain(COME_BACK).await;
            while self.faces.join_next().await.is_some() {}
        };
        if tokio::time::timeout(self.drain, members_gone).await.is_err() {
            tracing::warn!("some connections did not end in time; they are cut");
        }
        self.faces.shutdown().await;
        self.endpoint.iter().for_each(|endpoint| endpoint.close(0u32.into(), b"stopped"));
        // 3. The log's last line, and the files.
        let Self { app, registry, audit, data, .. } = self;
        app.auditor.record(NewEntry::new(wall_ms(), LogKind::ServerStopped)).await;
        let store = app.store.clone();
        drop((app, registry));
        if tokio::time::timeout(Duration::from_secs(1), audit).await.is_err() {
            tracing::warn!("the audit log was not written to its end in time");
        }
        store.close().await;
        drop(data);
        tracing::info!("stopped");
    }
}

fn open_certificates(config: &Config, data: &DataDir) -> Result<Certificates, CertError> {
    match (&config.cert, &config.key) {
        (Some(cert), Some(key)) => Certificates::load_pem(cert, key),
        _ => {
            let names: Vec<String> = config.names.iter().cloned().chain(collab_certs::machine_name()).collect();
            Certificates::self_signed(data.path(), &names, SystemTime::now())
        }
    }
}

fn quic_tls(certificates: &Certificates) -> io::Result<rustls::ServerConfig> {
    let mut tls = certificates.tls(&[wtransport::tls::WEBTRANSPORT_ALPN]).map_err(io::Error::other)?;
    // A repeated handshake could be replayed; joining costs more than the round trip that this would save.
    tls.max_early_data_size = 0;
    Ok(tls)
}

/// UDP, unless it is off, and TCP on one port. Port 0 stands for any that is free for both; another program may have the first
/// one drawn.
fn listen_on_both(config: &Config) -> Result<(Option<UdpSocket>, TcpListener, SocketAddr), StartError> {
    if config.webtransport == Switch::Off {
        let tcp = listen("TCP", config.listen, http::bind)?;
        let address = local("TCP", config.listen, tcp.local_addr())?;
        return Ok((None, tcp, address));
    }
    let mut draws = if config.listen.port() == 0 { PORT_DRAWS } else { 1 };
    loop {
        draws -= 1;
        let udp = listen("UDP", config.listen, |address| socket::bind(address, config.udp_buffer_bytes))?;
        let address = local("UDP", config.listen, udp.local_addr())?;
        match listen("TCP", SocketAddr::new(address.ip(), address.port()), http::bind) {
            Ok(tcp) => return Ok((Some(udp), tcp, address)),
            Err(taken) if draws == 0 => return Err(taken),
            Err(_) => {}
        }
    }
}

fn listen<T>(
    protocol: &'static str,
    address: SocketAddr,
    bind: impl FnOnce(SocketAddr) -> io::Result<T>,
) -> Result<T, StartError> {
    bind(address).map_err(|source| StartError::Listen { address, protocol, source })
}

fn local(protocol: &'static str, wanted: SocketAddr, got: io::Result<SocketAddr>) -> Result<SocketAddr, StartError> {
    got.map_err(|source| StartError::Listen { address: wanted, protocol, source })
}

/// What the operator chose, as every room is started with it.
pub(crate) fn template(config: &Config, store: &Arc<dyn Store>, auditor: &Auditor, metrics: &Arc<Metrics>) -> Template {
    Template {
        store: store.clone(),
        auditor: auditor.clone(),
        metrics: metrics.clone(),
        limits: Limits {
            pace: config.pace(),
            max_update_bytes: config.max_update_bytes,
            max_document_bytes: config.max_document_bytes,
            max_members: config.max_members_per_room,
            outbox_bytes: config.outbox_bytes,
        },
        housekeeping: Housekeeping {
            compaction: Compaction {
                updates: usize::try_from(config.compact_updates).unwrap_or(usize::MAX),
                bytes: usize::try_from(config.compact_bytes).unwrap_or(usize::MAX),
            },
            idle: Duration::from_secs(config.idle_room_seconds),
        },
    }
}

fn draining(app: &App) -> impl Future<Output = ()> + Send + use<> {
    let mut phase = app.phase.clone();
    async move {
        // A server that is gone altogether drains too.
        let _ = phase.wait_for(|phase| *phase == Phase::Draining).await;
    }
}

async fn prune_log(app: Arc<App>) {
    let keep_ms = u64::from(app.config.log_keep_days) * 24 * 3600 * 1000;
    let mut every = tokio::time::interval(LOG_CHECK);
    loop {
        every.tick().await;
        match app.store.prune_log(wall_ms().saturating_sub(keep_ms), app.config.log_keep_entries).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "old entries of the audit log were removed"),
            Err(error) => tracing::warn!(%error, "the audit log could not be pruned"),
        }
    }
}
