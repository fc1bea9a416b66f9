//! One connection: a task that opens it, reads, and writes, so that a slow peer never blocks the driver.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use collab_proto::limits::MAX_SERVER_FRAME_BYTES;
use collab_proto::{
    ClientFrame, Code, CodecError, Datagram, ServerFrame, decode_datagram, decode_server, encode_datagram,
    encode_frame, split_frame,
};
use quinn::ReadError;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wtransport::{Connection, RecvStream, SendStream, VarInt};

use super::Endpoint;

/// Frames that wait for the network, at most. The client keeps fewer on the road than that.
const FRAMES_OUT: usize = 64;

/// Datagrams that wait for the network, at most; newer ones are dropped.
const DATAGRAMS_OUT: usize = 16;

/// What came and was not looked at yet, at most; beyond, the peer is slowed down.
const INCOMING: usize = 64;

/// Longest read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// How long a server may take to end its side after this side has ended.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection brings.
#[derive(Debug)]
pub(super) enum Incoming {
    Connected,
    Frame(ServerFrame),
    Datagram(Datagram),
    /// The last of all.
    Lost(Lost),
}

/// Why a connection ended or did not come about.
#[derive(Debug)]
pub(super) struct Lost {
    /// For people.
    pub(super) reason: String,
    /// Whether trying again is pointless.
    pub(super) permanent: bool,
}

impl Lost {
    fn new(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), permanent: false }
    }
}

/// The near end of a connection. Dropped, it cuts the connection.
#[derive(Debug)]
pub(super) struct Link {
    frames: Option<mpsc::Sender<Bytes>>,
    datagrams: mpsc::Sender<Bytes>,
    incoming: mpsc::Receiver<Incoming>,
    task: Task,
}

#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    pub(super) fn open(endpoint: Endpoint, url: String) -> Self {
        let (frames, frames_out) = mpsc::channel(FRAMES_OUT);
        let (datagrams, datagrams_out) = mpsc::channel(DATAGRAMS_OUT);
        let (sender, incoming) = mpsc::channel(INCOMING);
        let task = tokio::spawn(async move {
            if let Err(lost) = run(&endpoint, &url, frames_out, datagrams_out, &sender).await {
                // When nobody listens any more, nobody wants to know.
                let _ = sender.send(Incoming::Lost(lost)).await;
            }
        });
        Self { frames: Some(frames), datagrams, incoming, task: Task(task) }
    }

    /// False when too much waits already. What is sent after the connection has ended is lost, as it might have been on the
    /// way: what came before the end is still to be received, and the end itself.
    pub(super) fn send_frame(&self, frame: &ClientFrame) -> bool {
        let Some(frames) = &self.frames else { return false };
        !matches!(frames.try_send(encode_frame(frame)), Err(TrySendError::Full(_)))
    }

    pub(super) fn send_datagram(&self, datagram: &Datagram) {
        // Best effort is what a datagram is.
        let _ = self.datagrams.try_send(encode_datagram(datagram));
    }

    pub(super) async fn receive(&mut self) -> Incoming {
        self.incoming.recv().await.unwrap_or_else(|| Incoming::Lost(Lost::new("the connection ended")))
    }

    /// What was sent still goes out, then the stream and the connection end.
    pub(super) fn close(mut self) -> Self {
        self.frames = None;
        self.incoming.close();
        self
    }

    pub(super) async fn ended(mut self) {
        // A task that failed has ended too.
        let _ = (&mut self.task.0).await;
    }
}

async fn run(
    endpoint: &Endpoint,
    url: &str,
    frames: mpsc::Receiver<Bytes>,
    datagrams: mpsc::Receiver<Bytes>,
    incoming: &mpsc::Sender<Incoming>,
) -> Result<(), Lost> {
    let connection = endpoint.connect(url).await.map_err(|(reason, permanent)| Lost { reason, permanent })?;
    let (send, receive) = connection.open_bi().await.map_err(Lost::new)?.await.map_err(Lost::new)?;
    let _ = incoming.send(Incoming::Connected).await;
    let reading = read_frames(&connection, receive, incoming);
    tokio::pin!(reading);
    tokio::select! {
        lost = &mut reading => return Err(lost),
        lost = read_datagrams(&connection, incoming) => return Err(lost),
        lost = write_datagrams(&connection, datagrams) => return Err(lost),
        written = write_frames(&connection, send, frames) => written?,
    }
    // This side has ended; a server that ends its own has read everything.
    let _ = timeout(LINGER, reading).await;
    connection.close(VarInt::from_u32(0), b"");
    Ok(())
}

/// Goes on while nobody listens: the end of the stream still counts.
async fn read_frames(connection: &Connection, mut stream: RecvStream, incoming: &mpsc::Sender<Incoming>) -> Lost {
    let mut buffer = BytesMut::new();
    loop {
        match stream.quic_stream_mut().read_chunk(READ_BYTES, true).await {
            Ok(Some(chunk)) => buffer.extend_from_slice(&chunk.bytes),
            Ok(None) => return Lost::new("the server ended the connection"),
            Err(ReadError::Reset(why)) => return Lost::new(cut(why.into_inner())),
            Err(_) => return broken(connection),
        }
        if let Err(error) = pass_on(&mut buffer, incoming).await {
            return Lost::new(format_args!("the server does not speak this protocol: {error}"));
        }
    }
}

async fn pass_on(buffer: &mut BytesMut, incoming: &mpsc::Sender<Incoming>) -> Result<(), CodecError> {
    while let Some(body) = split_frame(buffer, MAX_SERVER_FRAME_BYTES)? {
        let _ = incoming.send(Incoming::Frame(decode_server(&body)?)).await;
    }
    Ok(())
}

/// One that is not understood is dropped, as the network might have.
async fn read_datagrams(connection: &Connection, incoming: &mpsc::Sender<Incoming>) -> Lost {
    loop {
        match connection.receive_datagram().await {
            Ok(bytes) => {
                if let Ok(datagram) = decode_datagram(&bytes.payload()) {
                    let _ = incoming.send(Incoming::Datagram(datagram)).await;
                }
            }
            // What the stream brought before the end is still to be read; reading it finds the end by itself.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Ends with the last frame of a link that was closed.
async fn write_frames(
    connection: &Connection,
    mut stream: SendStream,
    mut frames: mpsc::Receiver<Bytes>,
) -> Result<(), Lost> {
    while let Some(frame) = frames.recv().await {
        if stream.write_all(&frame).await.is_err() {
            return unwritable(connection).await;
        }
    }
    match stream.finish().await {
        Ok(()) => Ok(()),
        Err(_) => unwritable(connection).await,
    }
}

/// A server that reads no more may still have said why: reading it finds the end.
async fn unwritable(connection: &Connection) -> Result<(), Lost> {
    Err(Lost::new(connection.closed().await))
}

async fn write_datagrams(connection: &Connection, mut datagrams: mpsc::Receiver<Bytes>) -> Lost {
    while let Some(datagram) = datagrams.recv().await {
        // Too large for the path, or no path any more: lost, as datagrams may be.
        let _ = connection.send_datagram(datagram);
    }
    std::future::pending().await
}

/// Where no last frame passes, the server says why by the number with which it cuts the stream.
fn cut(why: u64) -> &'static str {
    match u16::try_from(why) {
        Ok(number @ 4400..=4599) => Code::from_number(number).sentence(),
        _ => "the server cut the stream",
    }
}

fn broken(connection: &Connection) -> Lost {
    match connection.quic_connection().close_reason() {
        Some(reason) => Lost::new(reason),
        None => Lost::new("the server cut the stream"),
    }
}
