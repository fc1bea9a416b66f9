/** Which way the bytes go. */
export type Route =
  | { type: 'webtransport' }
  /** Over TCP, and why not the better way. WebTransport is tried again later. */
  | { type: 'websocket'; reason: FallbackReason }

/**
 * Why WebTransport is not used. `unsupported`: this browser has none, or not on a page loaded without TLS.
 * `not-offered`: the server listens on no UDP port. `udp-blocked`: the server is there, but no session comes about, as in
 * networks that let no UDP pass.
 */
export type FallbackReason = 'unsupported' | 'not-offered' | 'udp-blocked'
