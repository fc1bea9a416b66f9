//! What a transport gives a session: streams of bytes both ways, and datagrams.

use bytes::{Bytes, BytesMut};
use collab_proto::Code;

use crate::metrics::Metrics;

/// The other side is gone, or has closed the stream in disorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is lost")]
pub struct Lost;

/// The receiving half of a stream.
pub trait Source: Send {
    /// Adds what has come to the buffer; false when the other side has finished. Safe to cancel.
    fn read(&mut self, buffer: &mut BytesMut) -> impl Future<Output = Result<bool, Lost>> + Send;
}

/// A stream whose bytes are counted.
pub struct Counted<'m, S>(pub S, pub &'m Metrics);

impl<S: Source> Source for Counted<'_, S> {
    async fn read(&mut self, buffer: &mut BytesMut) -> Result<bool, Lost> {
        let before = buffer.len();
        let more = self.0.read(buffer).await?;
        self.1.counts.bytes_in.inc_by((buffer.len() - before) as u64);
        Ok(more)
    }
}

/// The sending half of a stream.
pub trait Sink: Send + 'static {
    /// Sends as much of the frames as the other side takes at once, and cuts it off their front. May be nothing, also where
    /// [`Sink::write`] would not wait.
    fn try_write(&mut self, frames: &mut [Bytes]) {
        let _ = frames;
    }

    /// Sends as much of the frames as the other side takes now, at least one byte, and cuts it off their front.
    fn write(&mut self, frames: &mut [Bytes]) -> impl Future<Output = Result<(), Lost>> + Send;

    /// Says that nothing follows, and waits until the other side has all of it.
    fn finish(&mut self) -> impl Future<Output = Result<(), Lost>> + Send;

    /// Ends the stream at once, with a reason that passes where no frame does. What was not sent yet is dropped.
    fn cut(&mut self, why: Code);
}

/// Sending datagrams. Any may get lost.
pub trait Datagrams: Send + Sync + 'static {
    /// Sends one, or drops it.
    fn send(&self, datagram: Bytes);
}
