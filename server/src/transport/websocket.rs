//! WebSocket over TCP: for browsers without WebTransport and networks that let no UDP pass. One socket is one membership.
//!
//! The first byte of a binary message is its kind. Messages of kind
//! [`STREAM`] hold the next bytes of the membership's stream, exactly those that WebTransport's would carry, and where one ends
//! and the next begins means nothing. A message of kind [`DATAGRAM`] is one datagram. A close in order ends the stream; a stream that is cut closes with the code's number.
//!
//! Any page may open one, as with WebTransport: whoever enters shows a password or a token in the first frame, and nothing that a
//! browser adds by itself opens a room.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use collab_proto::Code;
use collab_proto::limits::{MAX_CLIENT_FRAME_BYTES, MAX_WEBSOCKET_MESSAGE_BYTES};
use collab_proto::websocket::{DATAGRAM, STREAM};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::tungstenite;

use super::yjs;
use crate::app::Phase;
use crate::session::wire::{Datagrams, Lost, Sink, Source};
use crate::session::{Hall, Session, membership};
use crate::yjs::Wish;

/// Sockets that were opened and wait to be taken, at most.
const VISITORS: usize = 64;

/// Without a word for this long a socket is given up. Browsers answer the server's pings even where pages sleep.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// How often the server asks whether the other side lives.
pub(super) const PING: Duration = Duration::from_secs(10);

/// How long a close may take: the last bytes, the code, and the answer.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// Messages that were read and wait for the room, at most; then the other side is slowed down.
const PIECES_IN: usize = 4;

/// Datagrams that wait while another message is written, at most: one burst of cursors. Newer ones are dropped.
pub(super) const DATAGRAMS_OUT: usize = 64;

/// Bytes of frames in one message, at most: small, so that what cannot be sent yet stays in the member's outbox.
const PIECE_OUT: usize = 16 * 1024;

/// Where requests for a WebSocket are handed over to [`serve`].
#[derive(Clone)]
pub struct Desk(mpsc::Sender<Visitor>);

/// A socket that has just been opened.
pub struct Visitor {
    socket: WebSocket,
    address: IpAddr,
    purpose: Purpose,
}

/// What a socket is for.
pub enum Purpose {
    /// The frames of this protocol.
    Frames,
    /// The messages of a Yjs provider.
    Yjs(Wish),
}

impl Purpose {
    /// Largest message, in bytes. A provider's change is one message, however large.
    fn largest(&self) -> usize {
        match self {
            Self::Frames => MAX_WEBSOCKET_MESSAGE_BYTES,
            Self::Yjs(_) => MAX_CLIENT_FRAME_BYTES,
        }
    }
}

/// A desk, and what it hands over.
pub fn desk() -> (Desk, mpsc::Receiver<Visitor>) {
    let (sender, receiver) = mpsc::channel(VISITORS);
    (Desk(sender), receiver)
}

impl Desk {
    /// Answers a request for a WebSocket.
    pub fn receive(&self, request: WebSocketUpgrade, address: IpAddr, purpose: Purpose) -> Response {
        let desk = self.0.clone();
        request
            .max_message_size(purpose.largest())
            .max_frame_size(purpose.largest())
            .read_buffer_size(PIECE_OUT)
            .write_buffer_size(0)
            .on_upgrade(async move |socket| {
                // A server that stops takes nobody.
                let _ = desk.send(Visitor { socket, address, purpose }).await;
            })
    }
}

/// Takes sockets until the server drains, then waits until the last session has ended. `places` are shared with the other
/// transports.
pub async fn serve(
    mut visitors: mpsc::Receiver<Visitor>,
    hall: Arc<Hall>,
    places: Arc<Semaphore>,
    mut phase: watch::Receiver<Phase>,
) {
    let mut sessions = JoinSet::new();
    loop {
        let visitor = tokio::select! {
            visitor = visitors.recv() => visitor,
            // A server that is gone altogether drains too.
            _ = phase.wait_for(|phase| *phase == Phase::Draining) => break,
        };
        let Some(visitor) = visitor else { break };
        while sessions.try_join_next().is_some() {}
        let (hall, place) = (hall.clone(), places.clone().try_acquire_owned().ok());
        match visitor {
            Visitor { socket, address, purpose: Purpose::Frames } => {
                sessions.spawn(run(socket, (hall, address), place))
            }
            Visitor { socket, address, purpose: Purpose::Yjs(wish) } => {
                sessions.spawn(yjs::run(socket, wish, (hall, address), place))
            }
        };
    }
    while sessions.join_next().await.is_some() {}
}

/// One socket from its first message to its close; without a place it is refused unread.
async fn run(socket: WebSocket, (hall, address): (Arc<Hall>, IpAddr), place: Option<OwnedSemaphorePermit>) {
    let (sink, stream) = socket.split();
    let (pieces_in, source) = mpsc::channel(PIECES_IN);
    let (pieces_out, frames) = mpsc::channel(1);
    let (datagrams_out, datagrams) = mpsc::channel(DATAGRAMS_OUT);
    let why = Why::default();
    let session = Session::new(hall, address, Outgoing(datagrams_out));
    let sender = Sender { pieces: pieces_out, why: why.clone() };
    let membership = async {
        match &place {
            Some(_) => membership::run(&session, Receiver(source), sender).await,
            None => membership::turn_away(sender).await,
        }
    };
    let network = async {
        let (written, ()) = tokio::join!(write(sink, frames, datagrams, &why), read(stream, pieces_in, &session, &why));
        written
    };
    let mut network = std::pin::pin!(network);
    tokio::select! {
        () = membership => {}
        // The membership ends when it can neither read nor write.
        _ = &mut network => return,
    }
    if !matches!(timeout(FAREWELL, network).await, Ok(Ok(()))) {
        tracing::debug!(%address, "a WebSocket was lost");
    }
}

/// Why a socket closes otherwise than in order; the first reason counts.
#[derive(Clone, Default)]
pub(super) struct Why(Arc<OnceLock<Code>>);

impl Why {
    pub(super) fn set(&self, code: Code) {
        // A later reason only follows from the first.
        let _ = self.0.set(code);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    pub(super) fn close(&self) -> CloseFrame {
        let code = self.0.get().copied();
        CloseFrame {
            code: code.map_or(close_code::NORMAL, Code::number),
            reason: code.map_or("", Code::sentence).into(),
        }
    }
}

/// Reads until the other side closes, is silent for too long, or breaks a rule.
async fn read(mut stream: SplitStream<WebSocket>, pieces: mpsc::Sender<Bytes>, session: &Session, why: &Why) {
    while let Ok(Some(message)) = timeout(IDLE, stream.next()).await {
        let taken = match message {
            Ok(Message::Binary(message)) => take(message, &pieces, session).await,
            Ok(Message::Text(_)) => Err(Code::Malformed),
            // The library answers both; a close is followed by the end.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => Ok(()),
            Err(error) => return rule_broken(error).into_iter().for_each(|code| why.set(code)),
        };
        if let Err(code) = taken {
            return why.set(code);
        }
    }
}

async fn take(mut message: Bytes, pieces: &mpsc::Sender<Bytes>, session: &Session) -> Result<(), Code> {
    match message.try_get_u8() {
        // When the membership has ended nobody reads any more; its last word is on the way.
        Ok(STREAM) => pieces.send(message).await.unwrap_or_default(),
        Ok(DATAGRAM) => session.handle_datagram(&message),
        _ => return Err(Code::Malformed),
    }
    Ok(())
}

/// What the other side did against the rules of WebSocket; none when the connection is lost.
pub(super) fn rule_broken(error: axum::Error) -> Option<Code> {
    match error.into_inner().downcast_ref() {
        Some(tungstenite::Error::Capacity(_)) => Some(Code::FrameTooLarge),
        Some(tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) => Some(Code::Malformed),
        _ => None,
    }
}

/// Writes what comes, until nothing more can come or the other side is gone; then closes.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut pieces: mpsc::Receiver<Bytes>,
    mut datagrams: mpsc::Receiver<Bytes>,
    why: &Why,
) -> Result<(), axum::Error> {
    let mut ping = interval_at(Instant::now() + PING, PING);
    loop {
        let message = tokio::select! {
            piece = pieces.recv() => match piece {
                Some(piece) => Message::Binary(piece),
                None => break,
            },
            Some(datagram) = datagrams.recv() => Message::Binary(datagram),
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        sink.send(message).await?;
    }
    sink.send(Message::Close(Some(why.close()))).await
}

struct Outgoing(mpsc::Sender<Bytes>);

impl Datagrams for Outgoing {
    fn send(&self, datagram: Bytes) {
        let message = [&[DATAGRAM][..], &datagram].concat();
        // Where no message passes now, a datagram is dropped, as a network might have.
        let _ = self.0.try_send(message.into());
    }
}

pub(super) struct Receiver(pub(super) mpsc::Receiver<Bytes>);

impl Source for Receiver {
    async fn read(&mut self, buffer: &mut BytesMut) -> Result<bool, Lost> {
        let piece = self.0.recv().await;
        piece.iter().for_each(|piece| buffer.extend_from_slice(piece));
        Ok(piece.is_some())
    }
}

struct Sender {
    pieces: mpsc::Sender<Bytes>,
    why: Why,
}

impl Sink for Sender {
    async fn write(&mut self, frames: &mut [Bytes]) -> Result<(), Lost> {
        let place = self.pieces.reserve().await.map_err(|_| Lost)?;
        place.send(piece(frames));
        Ok(())
    }

    /// The close follows by itself once the membership has ended, and says that all has arrived.
    async fn finish(&mut self) -> Result<(), Lost> {
        Ok(())
    }

    fn cut(&mut self, why: Code) {
        self.why.set(why);
    }
}

/// Cuts one message's worth off the front of the frames.
fn piece(frames: &mut [Bytes]) -> Bytes {
    let waiting = frames.iter().map(Bytes::len).sum::<usize>();
    let mut piece = BytesMut::with_capacity(1 + waiting.min(PIECE_OUT));
    piece.put_u8(STREAM);
    for frame in frames {
        let room = 1 + PIECE_OUT - piece.len();
        piece.put(frame.split_to(frame.len().min(room)));
    }
    piece.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_all_bytes_in_order_and_are_bounded() {
        let bytes: Vec<u8> = (0..3 * PIECE_OUT).map(|i| i as u8).collect();
        let mut frames = [Bytes::new(), bytes[..7].to_vec().into(), bytes[7..].to_vec().into()];
        let pieces: Vec<_> = (0..4).map(|_| piece(&mut frames)).collect();
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [1 + PIECE_OUT, 1 + PIECE_OUT, 1 + PIECE_OUT, 1]);
        assert!(pieces.iter().all(|piece| piece[0] == STREAM));
        assert_eq!(pieces.iter().flat_map(|piece| &piece[1..]).copied().collect::<Vec<u8>>(), bytes);
    }
}
