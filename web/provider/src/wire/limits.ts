/** Bounds on what goes over the network, as the server has them. */

/** Largest frame a server may send, in bytes. */
export const MAX_SERVER_FRAME_BYTES = 8 * 1024 * 1024

/** Largest WebSocket message, in bytes, its kind included. Longer frames go in several. */
export const MAX_WEBSOCKET_MESSAGE_BYTES = 64 * 1024

/** Largest update in one edit where no server has said otherwise, in bytes. */
export const MAX_UPDATE_BYTES = 256 * 1024

/** Most deletions that one update may name. */
export const MAX_DELETIONS = 16 * 1024

/** Largest datagram payload, in bytes. */
export const MAX_DATAGRAM_BYTES = 1000

/** Longest room name, in characters. */
export const MAX_ROOM_NAME_CHARS = 64

/** Longest display name, in characters. */
export const MAX_NAME_CHARS = 40

/** Shortest password of a room, in characters. */
export const MIN_PASSWORD_CHARS = 6

/** Longest password of a room, in bytes of UTF-8. */
export const MAX_PASSWORD_BYTES = 256

/** The protocol version this package speaks. */
export const PROTOCOL = 1
