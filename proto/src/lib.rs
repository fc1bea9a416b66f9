//! The wire format of collab: what goes over a stream, what goes in a datagram, and what the HTTP API says in JSON.
//!
//! This crate knows no clock, no socket and no CRDT. An update or a state vector is a byte string here; only
//! `collab-document` looks inside.
//!
//! Reading order: [`limits`] (what is bounded), [`ids`] (how things are named), [`code`] (why something is refused),
//! [`frame`] (streams), [`datagram`] (datagrams), [`codec`] (bytes to frames and back), [`websocket`] (both over TCP), [`yjs`]
//! (what Yjs providers speak instead), [`api`] (HTTP),
//! [`colour`] (who is shown in which).
//!
//! # Format
//!
//! A stream carries frames: a varint length, then that many bytes of [postcard](https://postcard.jamesmunns.com/wire-format).
//! A datagram is one postcard value without a length. Only unsigned varints, byte strings, UTF-8 strings, options, vectors
//! and enums are used, so that a browser writes them with lib0's encoder. The position of an enum's variant is its number on
//! the wire: variants are added at the end and never removed. `tests/vectors` pins the bytes for Rust and TypeScript.

pub mod limits;

pub mod ids;

pub mod code;

pub mod frame;

pub mod datagram;

pub mod codec;

pub mod websocket;

pub mod yjs;

pub mod api;

pub mod colour;

pub use code::Code;
pub use codec::{
    CodecError, decode_client, decode_datagram, decode_server, encode_datagram, encode_frame, split_frame,
};
pub use datagram::{Cursor, Datagram, Position};
pub use frame::{ClientFrame, Credential, Durability, Join, MemberInfo, Policy, Role, ServerFrame, Welcome};
pub use ids::{ClientId, EditId, Generation, MemberId, NameError, RoomName, Slot};

/// The protocol version this crate speaks. It is the first field of the first frame, in every version.
pub const PROTOCOL: u32 = 1;
