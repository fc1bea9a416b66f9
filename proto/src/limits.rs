//! Every bound on what may come over the network, with its unit and its reason.

/// Largest frame a client may send, in bytes: an update of [`MAX_UPDATE_BYTES`] or a state vector, with room to spare.
pub const MAX_CLIENT_FRAME_BYTES: usize = 1024 * 1024;

/// Largest frame a server may send, in bytes. A `Welcome` or `Resync` holds a whole document, see [`MAX_DOCUMENT_BYTES`].
pub const MAX_SERVER_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// Largest first frame on a stream, in bytes: nobody who has not shown a password may make the server keep more.
pub const MAX_JOIN_FRAME_BYTES: usize = 256 * 1024;

/// Largest datagram payload, in bytes. QUIC promises a path of 1,200 bytes; headers and the session id take their share.
pub const MAX_DATAGRAM_BYTES: usize = 1000;

/// Largest WebSocket message, in bytes, its kind included, in either direction. Longer frames come in several messages, so that
/// neither side keeps more than this unread.
pub const MAX_WEBSOCKET_MESSAGE_BYTES: usize = 64 * 1024;

/// Default for the largest update in one edit, in bytes.
pub const MAX_UPDATE_BYTES: usize = 256 * 1024;

/// Default for the largest document, in bytes of its encoded state.
pub const MAX_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;

/// Longest room name, in characters, all of them ASCII.
pub const MAX_ROOM_NAME_CHARS: usize = 64;

/// Longest display name after cleaning, in characters.
pub const MAX_NAME_CHARS: usize = 40;

/// Longest display name as it may arrive, in bytes, before cleaning.
pub const MAX_RAW_NAME_BYTES: usize = 1024;

/// Shortest password of a room, in characters.
pub const MIN_PASSWORD_CHARS: usize = 6;

/// Longest password of a room, in bytes: hashing must not become a way to keep the server busy.
pub const MAX_PASSWORD_BYTES: usize = 256;

/// Longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// Largest whole number on the wire: JavaScript counts exactly up to here (2^53 − 1).
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Modifications that a user may make per minute, by default.
pub const EDITS_PER_MINUTE: u32 = 30;

/// Shortest time between two edits of a user, in milliseconds, by default.
pub const THROTTLE_MS: u32 = 500;

/// Most modifications a minute that a room may grant each user: more is for the operator to grant, for the whole server.
pub const MAX_ROOM_EDITS_PER_MINUTE: u32 = 600;

/// Most modifications at once that a room may grant each user, for the same reason.
pub const MAX_ROOM_BURST: u32 = MAX_ROOM_EDITS_PER_MINUTE;

/// Longest time between two edits of a user that a room may ask for, in milliseconds: a minute.
pub const MAX_ROOM_THROTTLE_MS: u32 = 60_000;

/// Above this many members a room tells how many are there, no longer who: names and cursors cost the square of the members.
pub const MAX_LISTED_MEMBERS: usize = 64;
