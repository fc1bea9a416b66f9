//! Real connections on loopback.

use collab_certs::Identity;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::super::{Tls, bind, serve};
use super::*;
use crate::turns::Turns;

/// A site that listens.
struct Listening {
    site: Site,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Listening {
    async fn new(secure: bool) -> Self {
        let site = Site::new().await;
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let config = || Arc::new(site.app.certificates.tls(&[b"h2", b"http/1.1"]).unwrap());
        let tls = secure.then(|| Tls { config: config(), turns: Turns::default() });
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(serve(listener, tls, site.router.clone(), async { drop(stopped.await) }));
        Self { site, address, stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Sends one request and reads until the server closes.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn connector(trusted: &Identity, protocol: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.chain()[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn the_clear_port_serves_and_ends_when_told() {
    let listening = Listening::new(false).await;
    assert!(ask(listening.connect().await, "/healthz").await.ends_with("\r\n\r\nok"));
    let mut idle = listening.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        assert_ne!(idle.read_buf(&mut answer).await.unwrap(), 0);
    }
    listening.stop.send(()).unwrap();
    listening.ended.await.unwrap();
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0, "idle connections are closed");
    assert!(TcpStream::connect(listening.address).await.is_err());
}

#[tokio::test]
async fn https_serves_with_the_certificate_of_the_sessions() {
    let listening = Listening::new(true).await;
    let current = listening.site.app.certificates.current();
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let stream = listening.connect().await;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector(&current, protocol).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
        if protocol == b"http/1.1" {
            assert!(ask(stream, "/healthz").await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
    }
}

#[tokio::test]
async fn garbage_in_the_place_of_a_handshake_harms_nobody() {
    let listening = Listening::new(true).await;
    let answer = ask(listening.connect().await, "/").await;
    assert!(!answer.contains("HTTP"), "no answer in clear text");
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector(&listening.site.app.certificates.current(), b"http/1.1");
    let stream = stream.connect(name, listening.connect().await).await.unwrap();
    assert!(ask(stream, "/healthz").await.ends_with("ok"));
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let error = bind(first.local_addr().unwrap()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn the_unspecified_address_takes_ipv4_as_well() {
    let listener = bind("[::]:0".parse().unwrap()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (client, accepted) = tokio::join!(TcpStream::connect(("127.0.0.1", port)), listener.accept());
    assert!(client.is_ok() && accepted.is_ok());
}
