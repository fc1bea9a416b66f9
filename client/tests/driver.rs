//! The driver against a small server on the loopback: a document, and one answer to each frame.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use collab_client::driver::{Driver, DriverError, Endpoint};
use collab_client::trust::{Fingerprint, KnownServers, Told, Trust};
use collab_client::{Client, Config, Event, SaveState, State};
use collab_document::Document;
use collab_proto::limits::MAX_CLIENT_FRAME_BYTES;
use collab_proto::*;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use wtransport::endpoint::endpoint_side;
use wtransport::tls::{Certificate, CertificateChain, PrivateKey};
use wtransport::{Connection, Identity, ServerConfig, VarInt};

const LONG: Duration = Duration::from_secs(20);

/// What a server keeps when it is started again: its key, its text, and what it was asked.
#[derive(Clone)]
struct Memory {
    key: Arc<KeyPair>,
    text: Arc<Mutex<Document>>,
    joins: Arc<Mutex<Vec<Credential>>>,
}

impl Memory {
    fn new() -> Self {
        let key = Arc::new(KeyPair::generate().unwrap());
        Self { key, text: Arc::new(Mutex::new(Document::new(1 << 40))), joins: Arc::default() }
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&*self.key).unwrap().der().clone()
    }

    fn fingerprint(&self) -> [u8; 32] {
        use rcgen::PublicKeyData;
        Sha256::digest(self.key.subject_public_key_info()).into()
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().text()
    }
}

/// A running server, with a thread and a runtime of its own: once that is gone, so is its socket.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    fn start(memory: &Memory, port: u16) -> Self {
        let chain = CertificateChain::single(Certificate::from_der(memory.certificate().to_vec()).unwrap());
        let identity = Identity::new(chain, PrivateKey::from_der_pkcs8(memory.key.serialize_der()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config = ServerConfig::builder().with_bind_address(address).with_identity(identity).build();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let memory = memory.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let endpoint = wtransport::Endpoint::server(config).unwrap();
                tell.send(endpoint.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = accept(&endpoint, memory) => {}
                    _ = stopped => {}
                }
                endpoint.close(VarInt::from_u32(0), b"");
                endpoint.wait_idle().await;
            });
        });
        Self { address: told.recv().unwrap(), stop, thread }
    }

    fn url(&self) -> String {
        format!("https://{}/", self.address)
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::task::spawn_blocking(|| self.thread.join().unwrap()).await.unwrap();
    }
}

async fn accept(endpoint: &wtransport::Endpoint<endpoint_side::Server>, memory: Memory) {
    loop {
        let incoming = endpoint.accept().await;
        let memory = memory.clone();
        tokio::spawn(async move {
            if let Ok(request) = incoming.await {
                serve(request.accept().await.unwrap(), memory).await;
            }
        });
    }
}

async fn serve(connection: Connection, memory: Memory) {
    let (mut send, mut receive) = connection.accept_bi().await.unwrap();
    let (mut buffer, mut bytes) = (BytesMut::new(), [0; 4096]);
    loop {
        tokio::select! {
            read = receive.read(&mut bytes) => match read {
                Ok(Some(count)) => buffer.extend_from_slice(&bytes[..count]),
                _ => {
                    let _ = send.finish().await;
                    connection.closed().await;
                    return;
                }
            },
            Ok(datagram) = connection.receive_datagram() => {
                if let Ok(Datagram::Ping { seq, sent_at }) = decode_datagram(&datagram.payload()) {
                    let _ = connection.send_datagram(encode_datagram(&Datagram::Pong { seq, sent_at }));
                }
            }
        }
        while let Some(body) = split_frame(&mut buffer, MAX_CLIENT_FRAME_BYTES).unwrap() {
            let answer = answer(&memory, decode_client(&body).unwrap());
            if send.write_all(&encode_frame(&answer)).await.is_err() {
                return;
            }
        }
    }
}

fn answer(memory: &Memory, frame: ClientFrame) -> ServerFrame {
    let mut text = memory.text.lock().unwrap();
    match frame {
        ClientFrame::Join(join) => {
            memory.joins.lock().unwrap().push(join.credential.clone());
            if join.credential == Credential::Password("wrong".into()) {
                let message = Code::WrongPassword.sentence().into();
                return ServerFrame::Refused { code: Code::WrongPassword, message, retry_after_ms: None };
            }
            ServerFrame::Welcome(Box::new(Welcome {
                member: MemberId(1),
                name: join.name,
                role: Role::Editor,
                resume_token: "token".into(),
                policy: Policy {
                    throttle_ms: 0,
                    edits_per_minute: 600,
                    burst: 100,
                    tokens: 100,
                    max_update_bytes: 256 * 1024,
                    max_document_bytes: 4 * 1024 * 1024,
                },
                generation: Generation(1),
                slot: Slot(0),
                state_vector: text.state_vector().into(),
                missing: text.diff(&join.state_vector).unwrap().into(),
                count: 1,
                members: vec![],
            }))
        }
        ClientFrame::Edit { id, update } => {
            text.apply(&update, |_| false).unwrap();
            ServerFrame::Saved { id, durability: Durability::Disk }
        }
        ClientFrame::SyncRequest { state_vector } => ServerFrame::Resync {
            update: text.diff(&state_vector).unwrap().into(),
            state_vector: text.state_vector().into(),
        },
        ClientFrame::SetName { .. } => ServerFrame::Members { count: 1, joined: vec![], left: vec![] },
    }
}

fn driver(url: &str, trust: Trust, password: &str) -> Driver {
    let config = Config {
        room: RoomName::parse("demo").unwrap(),
        name: "Ada".into(),
        credential: Credential::Password(password.into()),
        client_id: ClientId(7),
        seed: 7,
    };
    let mut client = Client::new(config, Instant::now());
    client.set_ping_interval(Duration::from_millis(100));
    let mut driver = Driver::new(Endpoint::new(trust).unwrap(), url, client);
    driver.connect();
    driver
}

async fn until(driver: &mut Driver, what: &str, wanted: impl Fn(&Event, &Client) -> bool) -> Event {
    let search = async {
        loop {
            let event = driver.next().await;
            if wanted(&event, driver.client()) {
                return event;
            }
        }
    };
    tokio::time::timeout(LONG, search).await.unwrap_or_else(|_| panic!("no {what}"))
}

async fn until_live(driver: &mut Driver) {
    until(driver, "live session", |event, _| *event == Event::StateChanged(State::Live)).await;
}

fn pinned(memory: &Memory) -> Trust {
    Trust::Hashes(vec![memory.fingerprint()])
}

#[tokio::test]
async fn joins_edits_pings_and_leaves_in_order() {
    let memory = Memory::new();
    let server = Server::start(&memory, 0);
    let mut driver = driver(&server.url(), pinned(&memory), "secret");
    until_live(&mut driver).await;
    driver.splice(0, 0, "over the wire").unwrap();
    until(&mut driver, "saved edit", |event, _| matches!(event, Event::Saved { .. })).await;
    assert_eq!((memory.text().as_str(), driver.client().save_state()), ("over the wire", SaveState::Saved));
    until(&mut driver, "latency", |_, client| client.latency().answered > 2).await;
    assert!(driver.client().latency().last_us.unwrap() < 5_000_000);
    driver.splice(0, 0, &"large ".repeat(50_000)).unwrap();
    driver.finish(LONG).await.unwrap();
    assert_eq!(driver.client().state(), State::Offline);
    assert_eq!(memory.text(), driver.client().document().text());
}

#[tokio::test]
async fn a_refusal_arrives_as_such() {
    let memory = Memory::new();
    let server = Server::start(&memory, 0);
    let mut driver = driver(&server.url(), pinned(&memory), "wrong");
    until(&mut driver, "refusal", |event, _| matches!(event, Event::Refused { code: Code::WrongPassword, .. })).await;
    assert_eq!(driver.client().state(), State::Refused(Code::WrongPassword));
    driver.set_credential(Credential::Password("right".into()));
    driver.connect();
    until_live(&mut driver).await;
}

#[tokio::test]
async fn a_server_that_comes_back_gets_what_was_written_meanwhile() {
    let memory = Memory::new();
    let server = Server::start(&memory, 0);
    let (url, port) = (server.url(), server.address.port());
    let mut driver = driver(&url, pinned(&memory), "secret");
    until_live(&mut driver).await;
    server.stop().await;
    until(&mut driver, "lost connection", |event, _| matches!(event, Event::Unreachable { permanent: false, .. }))
        .await;
    driver.splice(0, 0, "written offline").unwrap();
    assert_eq!(driver.client().save_state(), SaveState::OnDevice);
    let _server = Server::start(&memory, port);
    until(&mut driver, "saved edit", |event, _| matches!(event, Event::Saved { .. })).await;
    assert_eq!(memory.text(), "written offline");
    assert_eq!(memory.joins.lock().unwrap().last(), Some(&Credential::Resume("token".into())));
}

#[tokio::test]
async fn a_known_server_is_believed_with_a_new_certificate_and_refused_with_a_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownServers::at(folder.path().join("known_servers"));
    let memory = Memory::new();
    let server = Server::start(&memory, 0);
    let (url, port) = (server.url(), server.address.port());
    let mut first = driver(&url, Trust::KnownServers(known.clone()), "secret");
    until_live(&mut first).await;
    let news = known.take_news();
    assert_eq!((news.len(), news[0].fingerprint), (1, Fingerprint(memory.fingerprint())));
    first.finish(LONG).await.unwrap();
    server.stop().await;

    let server = Server::start(&memory, port);
    let mut second = driver(&url, Trust::KnownServers(known.clone()), "secret");
    until_live(&mut second).await;
    assert_eq!(known.take_news(), []);
    second.finish(LONG).await.unwrap();
    server.stop().await;

    let stranger = Memory::new();
    let _server = Server::start(&stranger, port);
    let mut third = driver(&url, Trust::KnownServers(known), "secret");
    let event = until(&mut third, "refusal", |event, _| matches!(event, Event::Unreachable { .. })).await;
    let Event::Unreachable { reason, permanent: true } = event else { panic!("{event:?}") };
    assert!(reason.contains("known_servers line 1") && reason.contains("changed"), "{reason}");
    assert_eq!(third.client().state(), State::Offline);
    assert!(stranger.joins.lock().unwrap().is_empty(), "the password was not told to the stranger");
}

#[tokio::test]
async fn a_server_that_tells_its_key_anew_is_believed_and_its_old_word_counts_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::before(KnownServers::at(folder.path().join("known_servers")));
    let (before, after) = (Memory::new(), Memory::new());
    let server = Server::start(&before, 0);
    let (url, port) = (server.url(), server.address.port());
    told.tell(Some(Fingerprint(before.fingerprint())));
    let mut driver = driver(&url, Trust::Told(told.clone()), "secret");
    until_live(&mut driver).await;
    server.stop().await;
    let _server = Server::start(&after, port);
    let not_the_one = |event: &Event, _: &Client| matches!(event, Event::Unreachable { reason, permanent: false } if reason.contains("fingerprint"));
    until(&mut driver, "refused key", not_the_one).await;
    assert!(after.joins.lock().unwrap().is_empty(), "the password was not told to a stranger");
    told.tell(Some(Fingerprint(after.fingerprint())));
    until_live(&mut driver).await;
}

#[tokio::test]
async fn a_self_signed_server_without_a_pin_is_refused() {
    let memory = Memory::new();
    let server = Server::start(&memory, 0);
    for trust in [Trust::WebPki, Trust::Hashes(vec![[0; 32]])] {
        let mut driver = driver(&server.url(), trust, "secret");
        let event = until(&mut driver, "refusal", |event, _| matches!(event, Event::Unreachable { .. })).await;
        assert!(matches!(event, Event::Unreachable { permanent: true, .. }), "{event:?}");
    }
    let whole = Trust::Hashes(vec![Sha256::digest(b"other").into(), memory.fingerprint()]);
    until_live(&mut driver(&server.url(), whole, "secret")).await;
}

#[tokio::test]
async fn what_cannot_be_saved_is_told_at_the_deadline() {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://{}/", socket.local_addr().unwrap());
    let mut driver = driver(&url, Trust::WebPki, "secret");
    driver.splice(0, 0, "kept").unwrap();
    let result = driver.finish(Duration::from_millis(300)).await;
    assert!(matches!(result, Err(DriverError::Unsaved { pending: 1 })), "{result:?}");
    assert_eq!((driver.client().state(), driver.client().document().text().as_str()), (State::Offline, "kept"));
}

#[tokio::test]
async fn an_address_that_is_none_is_told_at_once() {
    for url in ["http://127.0.0.1:1/", "nonsense", "https://"] {
        let mut driver = driver(url, Trust::WebPki, "secret");
        let event = until(&mut driver, "refusal", |event, _| matches!(event, Event::Unreachable { .. })).await;
        assert!(matches!(event, Event::Unreachable { permanent: true, .. }), "{url}: {event:?}");
    }
}
