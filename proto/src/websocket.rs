//! What goes over a WebSocket (`/ws`), where WebTransport does not pass. One socket is one room membership.
//!
//! Every message is binary, and at most [`crate::limits::MAX_WEBSOCKET_MESSAGE_BYTES`] long. Its first byte is its kind. The
//! client closes with 1000 to leave. The server closes with 1000 after its last frame, and with a [`crate::Code`]'s number where
//! no frame passes or the client breaks these rules.

/// The rest are the next bytes of the room's stream, where one message ends and the next begins meaning nothing.
pub const STREAM: u8 = 0;

/// The rest is one [`crate::Datagram`].
pub const DATAGRAM: u8 = 1;
