//! A connection over WebTransport.

use bytes::{Bytes, BytesMut};
use collab_proto::decode_datagram;
use quinn::ReadError;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wtransport::{Connection, RecvStream, SendStream, VarInt};

use super::link::{Ends, Incoming, LINGER, Lost, cut, pass_on};

/// Longest read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Reads and writes until either side ends it.
pub(super) async fn run(connection: &Connection, ends: Ends) -> Result<(), Lost> {
    let Ends { opened: (way, address), frames, datagrams, incoming } = ends;
    let (send, receive) = connection.open_bi().await.map_err(Lost::new)?.await.map_err(Lost::new)?;
    let _ = incoming.send(Incoming::Connected(way, address)).await;
    let reading = read_frames(connection, receive, &incoming);
    tokio::pin!(reading);
    tokio::select! {
        lost = &mut reading => return Err(lost),
        lost = read_datagrams(connection, &incoming) => return Err(lost),
        lost = write_datagrams(connection, datagrams) => return Err(lost),
        written = write_frames(connection, send, frames) => written?,
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
            Err(ReadError::Reset(why)) => return Lost::new(cut(why.into_inner(), "the server cut the stream")),
            Err(_) => return broken(connection),
        }
        if let Err(error) = pass_on(&mut buffer, incoming).await {
            return Lost::new(format_args!("the server does not speak this protocol: {error}"));
        }
    }
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

fn broken(connection: &Connection) -> Lost {
    match connection.quic_connection().close_reason() {
        Some(reason) => Lost::new(reason),
        None => Lost::new("the server cut the stream"),
    }
}
