/** Where the connection stands. Times are those of the provider's clock, in milliseconds. */
export type Status =
  | { state: 'offline' }
  | { state: 'connecting' }
  | { state: 'joining' }
  | { state: 'live' }
  /** Leaving: the last edits are on their way to the server's disk. */
  | { state: 'draining' }
  /** The next try comes by itself. The code is the server's when it named one, and 0 when the connection was lost. */
  | { state: 'backoff'; retryAt: number; reason: string; code: number }
  /** The server will not have it; nothing is tried again by itself. */
  | { state: 'refused'; code: number; message: string }
