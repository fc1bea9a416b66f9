//! One connection, over whichever transport: a task that opens it, reads, and writes, so that a slow peer never blocks the driver.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use collab_proto::limits::MAX_SERVER_FRAME_BYTES;
use collab_proto::{
    ClientFrame, Code, CodecError, Datagram, ServerFrame, decode_server, encode_datagram, encode_frame, split_frame,
};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;

use super::road::Road;
use super::way::{Address, Way};
use super::{Endpoint, Whereabouts, quic, websocket};

/// Frames that wait for the network, at most. The client keeps fewer on the road than that.
const FRAMES_OUT: usize = 64;

/// Datagrams that wait for the network, at most; newer ones are dropped.
const DATAGRAMS_OUT: usize = 16;

/// What came and was not looked at yet, at most; beyond, the peer is slowed down.
const INCOMING: usize = 64;

/// How long a server may take to end its side after this side has ended.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// What a connection brings.
#[derive(Debug)]
pub(super) enum Incoming {
    Connected(Way, Address),
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
    pub(super) fn new(reason: impl ToString) -> Self {
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

/// The far end of a link, which a connection serves.
pub(super) struct Ends {
    /// What carries it, and to where.
    pub(super) opened: (Way, Address),
    pub(super) frames: mpsc::Receiver<Bytes>,
    pub(super) datagrams: mpsc::Receiver<Bytes>,
    pub(super) incoming: mpsc::Sender<Incoming>,
}

impl Link {
    /// Finds a server and opens a connection to it.
    pub(super) fn open(endpoint: Endpoint, whereabouts: Whereabouts) -> Self {
        Self::over(async move {
            // Where not even the way to it is told, nothing says that UDP alone is blocked.
            let address = whereabouts.find().await.inspect_err(|_| endpoint.avoid_nothing())?;
            Ok((Road::open(&endpoint, &address).await?, address))
        })
    }

    /// Takes a connection that is, or is about to be, open.
    pub(super) fn over(road: impl Future<Output = Result<(Road, Address), Lost>> + Send + 'static) -> Self {
        let (frames, frames_out) = mpsc::channel(FRAMES_OUT);
        let (datagrams, datagrams_out) = mpsc::channel(DATAGRAMS_OUT);
        let (sender, incoming) = mpsc::channel(INCOMING);
        let task = tokio::spawn(async move {
            let run = async {
                let (road, address) = road.await?;
                let incoming = sender.clone();
                let ends =
                    Ends { opened: (road.way(), address), frames: frames_out, datagrams: datagrams_out, incoming };
                match road {
                    Road::WebTransport(connection) => quic::run(&connection, ends).await,
                    Road::WebSocket(socket, _) => websocket::run(*socket, ends).await,
                }
            };
            if let Err(lost) = run.await {
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

/// Gives on the frames that are whole.
pub(super) async fn pass_on(buffer: &mut BytesMut, incoming: &mpsc::Sender<Incoming>) -> Result<(), CodecError> {
    while let Some(body) = split_frame(buffer, MAX_SERVER_FRAME_BYTES)? {
        let _ = incoming.send(Incoming::Frame(decode_server(&body)?)).await;
    }
    Ok(())
}

/// Where no last frame passes, the server says why by the number with which it cuts the stream or closes the socket.
pub(super) fn cut(why: u64, otherwise: &'static str) -> &'static str {
    match u16::try_from(why) {
        Ok(number @ 4400..=4599) => Code::from_number(number).sentence(),
        _ => otherwise,
    }
}
