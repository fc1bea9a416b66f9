import type { Route } from '../core/route.ts'

/** What the provider wants from the network. {@link FallbackTransport} is the usual one; tests bring their own. */
export interface Transport {
  /**
   * Finds the server and opens a session for one room on it.
   * @throws when the server cannot be reached; the message is shown to people.
   */
  open(handlers: SessionHandlers): Promise<Session>
}

export interface PipeHandlers {
  /** The next bytes of the stream, cut anywhere. */
  onBytes(bytes: Uint8Array): void
  onDatagram(bytes: Uint8Array): void
  /** The other side lives: it takes what is sent, though it says nothing. */
  onProgress(): void
  /** The connection is over, and it was not {@link Pipe.close} that ended it. At most once. */
  onClosed(reason: string): void
}

export interface SessionHandlers extends PipeHandlers {
  /** A new session would go a better way than this one. */
  onBetterRoute(): void
}

/** A stream and datagrams beside it. */
export interface Pipe {
  /** Writes to the stream. A failure shows as `onClosed`. */
  send(bytes: Uint8Array): void
  sendDatagram(bytes: Uint8Array): void
  close(): void
}

export interface Session extends Pipe {
  readonly route: Route
}
