//! What carries sessions. Only here are quinn, wtransport and WebSocket named.

pub mod socket;

pub mod webtransport;

pub mod websocket;

mod yjs;
