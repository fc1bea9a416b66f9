import type { Route } from '../core/route'

/** What the provider wants from the network. WebTransport is one; tests bring their own. */
export interface Transport {
  /**
   * Finds the server and opens a session with one stream on it.
   * @throws when the server cannot be reached; the message is shown to people.
   */
  open(handlers: SessionHandlers): Promise<Session>
}

export interface SessionHandlers {
  /** The next bytes of the stream, cut anywhere. */
  onBytes(bytes: Uint8Array): void
  onDatagram(bytes: Uint8Array): void
  /** The session is over, whoever ended it. At most once. */
  onClosed(reason: string): void
}

export interface Session {
  readonly route: Route
  /** Writes to the stream. A failure shows as `onClosed`. */
  send(bytes: Uint8Array): void
  sendDatagram(bytes: Uint8Array): void
  close(): void
}
