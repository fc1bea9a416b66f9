import type { Route } from '../core/route.ts'
import type { Pipe, Session } from './transport.ts'

/** A pipe, and which way it goes. */
export class RoutedSession implements Session {
  constructor(
    readonly pipe: Pipe,
    readonly route: Route,
    readonly onClose: () => void,
  ) {}

  send(bytes: Uint8Array): void {
    this.pipe.send(bytes)
  }

  sendDatagram(bytes: Uint8Array): void {
    this.pipe.sendDatagram(bytes)
  }

  close(): void {
    this.onClose()
    this.pipe.close()
  }
}
