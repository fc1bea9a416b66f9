//! The router as a client meets it, on a store in memory; and real connections.

mod api;

mod connections;

mod guarded;

mod log;

mod people;

mod preview;

mod page;

mod ruling;

mod status;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use collab_certs::Certificates;
use collab_proto::api::{ApiError, LogKind, LogQuery, RoomCreated};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use super::{Peer, router};
use crate::app::{App, Phase};
use crate::auditor::Auditor;
use crate::auth::door::Door;
use crate::auth::passwords::Passwords;
use crate::auth::tokens::Tokens;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::metrics::Metrics;
use crate::room::registry::Registry;
use crate::rooms::Rooms;
use crate::store::Store;
use crate::store::faulty::{Faults, FaultyStore};
use crate::store::memory::MemoryStore;

const PASSWORD: &str = "correct horse";

/// A server without a network.
struct Site {
    app: Arc<App>,
    registry: Arc<Registry>,
    router: Router,
    phase: watch::Sender<Phase>,
    faults: Faults,
    _data: DataDir,
    _folder: tempfile::TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answered {
    fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The refusal, which is JSON whatever went wrong.
    fn refusal(&self) -> ApiError {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        self.json()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Site {
    async fn new() -> Self {
        Self::with(Config { hash_threads: 1, ..Config::default() }).await
    }

    async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let (store, faults) = FaultyStore::new(MemoryStore::new());
        let store: Arc<dyn Store> = Arc::new(store);
        let (auditor, _) = Auditor::start(store.clone());
        let tokens = Arc::new(Tokens::new(&data.keys().unwrap().tokens));
        let metrics = Arc::new(Metrics::new(Instant::now()).unwrap());
        let registry = Arc::new(Registry::new(crate::serve::template(&config, &store, &auditor, &metrics)));
        let passwords = Passwords::new(config.hash_threads, metrics.clone()).unwrap();
        let rooms =
            Rooms::open(store.clone(), registry.clone(), passwords, tokens.clone(), config.max_rooms).await.unwrap();
        let certificates = Certificates::self_signed(data.path(), &[], SystemTime::now()).unwrap();
        let (phase, receiver) = watch::channel(Phase::Serving);
        let app = Arc::new(App {
            config,
            rooms,
            store,
            auditor,
            tokens,
            admin: data.admin_token().unwrap(),
            certificates: Arc::new(certificates),
            webtransport_port: Some(4433),
            websockets: crate::transport::websocket::desk().0,
            metrics,
            phase: receiver,
        });
        Self { router: router(app.clone()), app, registry, phase, faults, _data: data, _folder: folder }
    }

    /// Sends a request as it comes by the port in clear text.
    async fn send(&self, request: Request<Body>) -> Answered {
        self.send_from(Peer { address: SocketAddr::from(([127, 0, 0, 1], 5000)), secure: false }, request).await
    }

    async fn send_from(&self, peer: Peer, mut request: Request<Body>) -> Answered {
        request.extensions_mut().insert(peer);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answered { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }

    async fn get(&self, path: &str) -> Answered {
        self.send(request("GET", path, None, None)).await
    }

    /// Sends a request with the admin token.
    async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Answered {
        self.send(request(method, path, Some(self.app.admin.as_str()), body)).await
    }

    /// Creates a room and returns its owner token.
    async fn create(&self, name: &str) -> String {
        let body = json!({ "name": name, "password": PASSWORD });
        let created = self.send(request("POST", "/api/rooms", None, Some(body))).await;
        assert_eq!(created.status, StatusCode::CREATED);
        created.json::<RoomCreated>().owner_token
    }

    /// A way into its rooms.
    fn door(&self) -> Door {
        let passwords = Passwords::new(1, self.app.metrics.clone()).unwrap();
        Door::new(self.app.store.clone(), passwords, self.app.tokens.clone())
    }

    /// How many entries of a kind the log has.
    async fn logged(&self, kind: LogKind) -> usize {
        self.app.store.logs(&LogQuery { kind: Some(kind), ..LogQuery::default() }).await.unwrap().entries.len()
    }
}

/// A request as an honest client sends it to `localhost`.
fn request(method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path).header(header::HOST, "localhost:3001");
    if let Some(token) = token {
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    match body {
        None => builder.body(Body::empty()).unwrap(),
        Some(body) => {
            builder.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
        }
    }
}
