//! QUIC by quinn, with its default settings: the echo has a thread and a runtime of its own, as a server has.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use bytes::Bytes;
use collab_certs::Certificates;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig, VarInt};
use rustls::RootCertStore;
use rustls::crypto::ring;
use tokio::runtime::{Builder, Runtime};

use super::{PAYLOAD, Stopwatch};
use crate::stats::Summary;

const PROTOCOL: &[u8] = b"echo";

/// Round trips of both kinds.
pub struct Trips {
    /// In datagrams.
    pub datagram: Summary,
    /// On a stream.
    pub stream: Summary,
}

/// Measures both, one round trip at a time.
pub fn measure(each: Duration) -> anyhow::Result<Trips> {
    let folder = tempfile::tempdir()?;
    let certificates = Certificates::self_signed(folder.path(), &[], SystemTime::now())?;
    let runtime = runtime()?;
    let echo = runtime.block_on(async { listen(&certificates) })?;
    let address = echo.local_addr()?;
    let answering = thread::Builder::new().name("echo".to_owned()).spawn(move || runtime.block_on(answer(echo)))?;
    let trips = self::runtime()?.block_on(async {
        let mut endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into())?;
        endpoint.set_default_client_config(trusting(&certificates)?);
        let connection = endpoint.connect(address, "localhost")?.await?;
        let trips = trips(&connection, each).await;
        connection.close(VarInt::from_u32(0), b"");
        endpoint.wait_idle().await;
        trips
    });
    answering.join().ok().context("the echo broke")??;
    trips
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn listen(certificates: &Certificates) -> anyhow::Result<Endpoint> {
    let tls = QuicServerConfig::try_from(certificates.tls(&[PROTOCOL])?)?;
    Ok(Endpoint::server(ServerConfig::with_crypto(Arc::new(tls)), (Ipv4Addr::LOCALHOST, 0).into())?)
}

/// Trusts the echo's own certificate and nothing else.
fn trusting(certificates: &Certificates) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificates.current().chain().first().context("an empty certificate")?.clone())?;
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?)))
}

/// Answers one connection until it is closed.
async fn answer(endpoint: Endpoint) -> anyhow::Result<()> {
    let connection = endpoint.accept().await.context("nobody came")?.await?;
    let (back, forth) = connection.accept_bi().await?;
    tokio::select! {
        ended = answer_datagrams(&connection) => ended,
        ended = answer_stream(back, forth) => ended,
    }
}

async fn answer_datagrams(connection: &Connection) -> anyhow::Result<()> {
    while let Ok(datagram) = connection.read_datagram().await {
        connection.send_datagram(datagram)?;
    }
    Ok(())
}

async fn answer_stream(mut back: SendStream, mut forth: RecvStream) -> anyhow::Result<()> {
    let mut message = PAYLOAD;
    while forth.read_exact(&mut message).await.is_ok() {
        back.write_all(&message).await?;
    }
    Ok(())
}

async fn trips(connection: &Connection, each: Duration) -> anyhow::Result<Trips> {
    let (mut forth, mut back) = connection.open_bi().await?;
    let stream = by_stream(&mut forth, &mut back, each).await?;
    Ok(Trips { stream, datagram: by_datagram(connection, each).await? })
}

async fn by_stream(forth: &mut SendStream, back: &mut RecvStream, limit: Duration) -> anyhow::Result<Summary> {
    let (mut watch, mut answer) = (Stopwatch::start(limit)?, PAYLOAD);
    while watch.goes_on() {
        let begun = Instant::now();
        forth.write_all(&PAYLOAD).await?;
        back.read_exact(&mut answer).await?;
        watch.lap(begun);
    }
    Ok(watch.latency.summary())
}

async fn by_datagram(connection: &Connection, limit: Duration) -> anyhow::Result<Summary> {
    let mut watch = Stopwatch::start(limit)?;
    while watch.goes_on() {
        let begun = Instant::now();
        connection.send_datagram(Bytes::from_static(&PAYLOAD))?;
        let answer = connection.read_datagram().await?;
        ensure!(answer[..] == PAYLOAD, "the echo answered something else");
        watch.lap(begun);
    }
    Ok(watch.latency.summary())
}
