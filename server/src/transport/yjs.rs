//! A WebSocket of a Yjs provider: gives an [`Interpreter`] a clock, a socket and a membership.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::{Message, WebSocket};
use bytes::{Bytes, BytesMut};
use collab_proto::limits::MAX_SERVER_FRAME_BYTES;
use collab_proto::{Code, decode_datagram, decode_server, encode_datagram, encode_frame, split_frame};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Interval, interval_at, timeout};

use super::websocket::{DATAGRAMS_OUT, FAREWELL, IDLE, PING, Receiver, Why, rule_broken};
use crate::clock::wall_ms;
use crate::session::wire::{Datagrams, Lost, Sink};
use crate::session::{Hall, Session, membership};
use crate::yjs::{Interpreter, Output, Wish};

/// Frames for the membership that may wait. There is one edit on its way at a time, so this is far more than do.
const FRAMES_IN: usize = 16;

/// One provider from its first message to its close; without a place it is refused.
pub async fn run(
    socket: WebSocket,
    wish: Wish,
    (hall, address): (Arc<Hall>, IpAddr),
    place: Option<OwnedSemaphorePermit>,
) {
    let (to_room, source) = mpsc::channel(FRAMES_IN);
    let (frames_out, from_room) = mpsc::channel(1);
    let (datagrams_out, datagrams) = mpsc::channel(DATAGRAMS_OUT);
    let session = Session::new(hall, address, Raw(datagrams_out));
    let why = Why::default();
    let sender = Frames { frames: frames_out, why: why.clone() };
    let membership = async {
        match &place {
            Some(_) => membership::run(&session, Receiver(source), sender).await,
            None => membership::turn_away(sender).await,
        }
    };
    let interpreter = Interpreter::new(Instant::now(), wall_ms(), wish);
    let talk = Talk { socket, interpreter, to_room, from_room, datagrams, session: &session, why: &why };
    let talk = talk.run();
    tokio::pin!(membership, talk);
    tokio::select! {
        // Its last frame is still on the way to the provider.
        () = &mut membership => drop(timeout(FAREWELL, talk).await),
        _ = &mut talk => membership.await,
    }
}

struct Talk<'a> {
    socket: WebSocket,
    interpreter: Interpreter,
    to_room: mpsc::Sender<Bytes>,
    from_room: mpsc::Receiver<Bytes>,
    datagrams: mpsc::Receiver<Bytes>,
    session: &'a Session,
    why: &'a Why,
}

impl Talk<'_> {
    /// Until either side ends it.
    async fn run(mut self) -> Result<(), axum::Error> {
        let mut ping = interval_at((Instant::now() + PING).into(), PING);
        let mut heard = Instant::now();
        loop {
            while let Some(output) = self.interpreter.poll_output(Instant::now()) {
                self.output(output).await?;
            }
            if self.why.is_set() || heard.elapsed() > IDLE || !self.step(&mut ping, &mut heard).await? {
                break;
            }
        }
        drop(self.to_room);
        self.socket.send(Message::Close(Some(self.why.close()))).await?;
        // The provider's own close, or what it said before it saw ours.
        while let Some(Ok(_)) = self.socket.next().await {}
        Ok(())
    }

    async fn output(&mut self, output: Output) -> Result<(), axum::Error> {
        match output {
            Output::Message(message) => self.socket.send(Message::Binary(message)).await?,
            Output::Datagram(datagram) => self.session.handle_datagram(&encode_datagram(&datagram)),
            Output::Close(code) => self.why.set(code),
            // Full only when the provider asks for everything again and again; gone when the last frame is on the way.
            Output::Frame(frame) => {
                if let Err(mpsc::error::TrySendError::Full(_)) = self.to_room.try_send(encode_frame(&frame)) {
                    self.why.set(Code::Busy);
                }
            }
        }
        Ok(())
    }

    /// One thing that happens; false when nothing more will.
    async fn step(&mut self, ping: &mut Interval, heard: &mut Instant) -> Result<bool, axum::Error> {
        let timeout = self.interpreter.poll_timeout();
        tokio::select! {
            message = self.socket.next() => {
                *heard = Instant::now();
                return Ok(self.message(message));
            }
            frame = self.from_room.recv() => match frame {
                Some(frame) => self.frame(frame),
                None => return Ok(false),
            },
            Some(datagram) = self.datagrams.recv() => {
                if let Ok(datagram) = decode_datagram(&datagram) {
                    self.interpreter.handle_datagram(&datagram);
                }
            }
            _ = ping.tick() => self.socket.send(Message::Ping(Bytes::new())).await?,
            () = sleep_until(timeout) => self.interpreter.handle_timeout(Instant::now()),
        }
        Ok(true)
    }

    fn message(&mut self, message: Option<Result<Message, axum::Error>>) -> bool {
        match message {
            Some(Ok(Message::Binary(message))) => self.interpreter.handle_message(Instant::now(), &message),
            Some(Ok(Message::Text(_))) => self.why.set(Code::Malformed),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
            Some(Err(error)) => {
                rule_broken(error).into_iter().for_each(|code| self.why.set(code));
                return false;
            }
            None => return false,
        }
        true
    }

    /// What the server itself wrote is surely a frame.
    fn frame(&mut self, frame: Bytes) {
        let body = split_frame(&mut BytesMut::from(frame), MAX_SERVER_FRAME_BYTES).ok().flatten();
        match body.and_then(|body| decode_server(&body).ok()) {
            Some(frame) => self.interpreter.handle_frame(Instant::now(), frame),
            None => self.why.set(Code::Internal),
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Gives on whole frames, one at a time.
struct Frames {
    frames: mpsc::Sender<Bytes>,
    why: Why,
}

impl Sink for Frames {
    async fn write(&mut self, frames: &mut [Bytes]) -> Result<(), Lost> {
        let place = self.frames.reserve().await.map_err(|_| Lost)?;
        if let Some(frame) = frames.iter_mut().find(|frame| !frame.is_empty()) {
            place.send(std::mem::take(frame));
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Lost> {
        Ok(())
    }

    fn cut(&mut self, why: Code) {
        self.why.set(why);
    }
}

struct Raw(mpsc::Sender<Bytes>);

impl Datagrams for Raw {
    fn send(&self, datagram: Bytes) {
        // Any may get lost.
        let _ = self.0.try_send(datagram);
    }
}
