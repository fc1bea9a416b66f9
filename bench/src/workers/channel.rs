//! A connection between a coordinator and a worker: both prove that they know the secret, then send each other messages in
//! postcard behind their length. It is not encrypted: it belongs in a network that one trusts.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::secret::{Nonce, Proof, Secret, Side};

/// What both begin with; it changes when the handshake does.
const MAGIC: &[u8; 16] = b"collab-bench w/1";

/// As large as a message may be, in bytes. A hundred thousand rooms with their tokens fit.
pub const MOST_BYTES: u32 = 64 * 1024 * 1024;

/// Before each message its length, big endian.
const LEN_BYTES: usize = 4;

/// How long the other side may take to prove itself.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// As many messages as wait to be read; the other side waits with more.
const WAITING: usize = 16;

/// A connection to somebody who knows the secret, that carries messages of type `In` here.
#[derive(Debug)]
pub struct Channel<In> {
    sender: Sender,
    incoming: mpsc::Receiver<anyhow::Result<In>>,
    reading: JoinHandle<()>,
}

/// Sends messages to the other side, from anywhere on this thread. What was sent goes out even when all senders and the channel
/// are dropped.
#[derive(Debug, Clone)]
pub struct Sender(mpsc::Sender<Vec<u8>>);

impl<In: DeserializeOwned + 'static> Channel<In> {
    /// Proves to a worker that one may tell it what to do, and has it prove that it is one.
    ///
    /// # Errors
    /// It is no worker, has another secret, or takes too long.
    pub async fn to_worker(stream: TcpStream, secret: &Secret) -> anyhow::Result<Self> {
        Self::after(stream, async |stream| {
            let theirs = expect_greeting(stream).await?;
            let nonces = [theirs, rand::random()];
            stream.write_all(&[&MAGIC[..], &nonces[1], &secret.prove(Side::Coordinator, &nonces)].concat()).await?;
            let mut proof = Proof::default();
            stream.read_exact(&mut proof).await.context("the worker has another secret")?;
            ensure!(secret.is_proved(Side::Worker, &nonces, &proof), "the worker has another secret");
            Ok(())
        })
        .await
    }

    /// Has a coordinator prove that it is one, and proves to it that this is a worker.
    ///
    /// # Errors
    /// It is none, has another secret, or takes too long.
    pub async fn to_coordinator(stream: TcpStream, secret: &Secret) -> anyhow::Result<Self> {
        Self::after(stream, async |stream| {
            let mine: Nonce = rand::random();
            stream.write_all(&[&MAGIC[..], &mine].concat()).await?;
            let nonces = [mine, expect_greeting(stream).await?];
            let mut proof = Proof::default();
            stream.read_exact(&mut proof).await?;
            ensure!(secret.is_proved(Side::Coordinator, &nonces, &proof), "who called has another secret");
            stream.write_all(&secret.prove(Side::Worker, &nonces)).await?;
            Ok(())
        })
        .await
    }

    async fn after(
        mut stream: TcpStream,
        handshake: impl AsyncFnOnce(&mut TcpStream) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        timeout(HANDSHAKE, handshake(&mut stream)).await.context("the other side did not prove itself in time")??;
        let (read, out) = stream.into_split();
        let (messages, incoming) = mpsc::channel(WAITING);
        let (sender, outgoing) = mpsc::channel(WAITING);
        spawn_local(write_all(out, outgoing));
        Ok(Self { sender: Sender(sender), incoming, reading: spawn_local(read_all(read, messages)) })
    }

    /// What sends.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The next message; none when the other side has ended. It may be given up while it waits, and loses nothing.
    ///
    /// # Errors
    /// What came is no message, or the connection broke.
    pub async fn receive(&mut self) -> anyhow::Result<Option<In>> {
        self.incoming.recv().await.transpose()
    }
}

impl Sender {
    /// Sends a message; waits while many wait already.
    ///
    /// # Errors
    /// It is too large, or the connection is gone.
    pub async fn send(&self, message: &impl Serialize) -> anyhow::Result<()> {
        let mut bytes = vec![0; LEN_BYTES];
        bytes = postcard::to_extend(message, bytes)?;
        let len = u32::try_from(bytes.len() - LEN_BYTES).ok().filter(|len| *len <= MOST_BYTES);
        let len = len.with_context(|| format!("a message of {} bytes; {MOST_BYTES} are the most", bytes.len()))?;
        bytes[..LEN_BYTES].copy_from_slice(&len.to_be_bytes());
        self.0.send(bytes).await.ok().context("the connection is gone")
    }
}

impl<In> Drop for Channel<In> {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn expect_greeting(stream: &mut TcpStream) -> anyhow::Result<Nonce> {
    let mut magic = *MAGIC;
    stream.read_exact(&mut magic).await?;
    if magic != *MAGIC {
        bail!("that is no collab-bench of this version");
    }
    let mut nonce = Nonce::default();
    stream.read_exact(&mut nonce).await?;
    Ok(nonce)
}

/// Ends when all senders are gone and everything is written.
async fn write_all(mut out: OwnedWriteHalf, mut outgoing: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = outgoing.recv().await {
        if out.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_all<In: DeserializeOwned>(mut from: OwnedReadHalf, to: mpsc::Sender<anyhow::Result<In>>) {
    loop {
        let message = read(&mut from).await.transpose();
        let Some(message) = message else { return };
        let is_end = message.is_err();
        if to.send(message).await.is_err() || is_end {
            return;
        }
    }
}

/// One message; none at the end between two.
async fn read<In: DeserializeOwned>(from: &mut OwnedReadHalf) -> anyhow::Result<Option<In>> {
    let mut len = [0; LEN_BYTES];
    if from.read(&mut len[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut len[1..]).await?;
    let len = u32::from_be_bytes(len);
    ensure!(len <= MOST_BYTES, "a message of {len} bytes; {MOST_BYTES} are the most");
    let mut bytes = vec![0; len as usize];
    from.read_exact(&mut bytes).await?;
    let (message, rest) = postcard::take_from_bytes(&bytes).context("what came is no message of this version")?;
    ensure!(rest.is_empty(), "there are {} bytes behind a message", rest.len());
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::task::LocalSet;

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let calling = TcpStream::connect(listener.local_addr().unwrap());
        let (called, calling) = tokio::join!(listener.accept(), calling);
        (calling.unwrap(), called.unwrap().0)
    }

    async fn channels() -> (Channel<String>, Channel<Vec<u32>>) {
        let ((calling, called), secret) = (pair().await, secret("0123456789abcdef"));
        let (coordinator, worker) =
            tokio::join!(Channel::to_worker(calling, &secret), Channel::to_coordinator(called, &secret));
        (coordinator.unwrap(), worker.unwrap())
    }

    #[tokio::test]
    async fn messages_go_both_ways_and_the_end_is_seen() {
        LocalSet::new()
            .run_until(async {
                let (mut coordinator, mut worker) = channels().await;
                coordinator.sender().send(&vec![1_u32, 2]).await.unwrap();
                worker.sender().send(&"done").await.unwrap();
                assert_eq!(worker.receive().await.unwrap(), Some(vec![1, 2]));
                assert_eq!(coordinator.receive().await.unwrap().as_deref(), Some("done"));
                drop(coordinator);
                assert_eq!(worker.receive().await.unwrap(), None);
            })
            .await;
    }

    #[tokio::test]
    async fn who_does_not_know_the_secret_gets_nothing_from_either_side() {
        LocalSet::new()
            .run_until(async {
                let (calling, called) = pair().await;
                let (mine, theirs) = (secret("0123456789abcdef"), secret("fedcba9876543210"));
                let worker = async { Channel::<String>::to_coordinator(called, &theirs).await.unwrap_err() };
                let (coordinator, worker) = tokio::join!(Channel::<String>::to_worker(calling, &mine), worker);
                assert!(coordinator.unwrap_err().to_string().contains("another secret"));
                assert!(worker.to_string().contains("another secret"));
            })
            .await;
    }

    #[tokio::test]
    async fn a_stranger_is_refused_at_the_first_bytes() {
        LocalSet::new()
            .run_until(async {
                let (mut calling, called) = pair().await;
                let secret = secret("0123456789abcdef");
                let worker = Channel::<String>::to_coordinator(called, &secret);
                let (_, worker) = tokio::join!(calling.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), worker);
                assert!(worker.unwrap_err().to_string().contains("no collab-bench"));
            })
            .await;
    }

    #[tokio::test]
    async fn what_is_too_long_or_no_message_ends_the_connection() {
        LocalSet::new()
            .run_until(async {
                for bytes in [
                    (MOST_BYTES + 1).to_be_bytes().to_vec(),
                    vec![0, 0, 0, 1, 0xff],
                    vec![0, 0, 0, 2, 0, 0],
                    vec![0, 0, 0, 9, 1],
                    vec![0, 0],
                ] {
                    let (coordinator, mut worker) = channels().await;
                    coordinator.sender.0.send(bytes.clone()).await.unwrap();
                    drop(coordinator);
                    assert!(worker.receive().await.is_err(), "{bytes:?}");
                    assert!(worker.receive().await.unwrap().is_none());
                }
            })
            .await;
    }

    #[tokio::test]
    async fn a_message_as_large_as_may_be_passes_and_one_byte_more_is_not_sent() {
        LocalSet::new()
            .run_until(async {
                let (mut coordinator, worker) = channels().await;
                // The length of the string takes 4 bytes before it.
                let largest = "x".repeat(MOST_BYTES as usize - 4);
                worker.sender().send(&largest).await.unwrap();
                assert!(coordinator.receive().await.unwrap().unwrap() == largest);
                assert!(worker.sender().send(&(largest + "x")).await.is_err());
            })
            .await;
    }
}
