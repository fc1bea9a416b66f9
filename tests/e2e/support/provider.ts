import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import type { Server } from './server'

/** What a member shows of itself in the manner of Yjs editors. */
export interface Shown {
  user: { name: string }
  cursor: { anchor: unknown; head: unknown } | null
}

/** A Yjs document with the stock `y-websocket` provider, as its manual connects it. */
export class Stock {
  readonly doc = new Y.Doc()
  readonly text = this.doc.getText('text')
  readonly provider: WebsocketProvider
  /** The codes with which the server closed. */
  readonly closes: number[] = []

  constructor(server: Server, room: string, token: string, name: string) {
    this.provider = new WebsocketProvider(`${server.url.replace('http', 'ws')}yjs`, room, this.doc, {
      params: { token, name },
      // Node's own WebSocket would do in later versions of Node.
      WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
      disableBc: true,
    })
    this.provider.on('connection-close', (event) => this.closes.push(event?.code ?? 0))
  }

  get read(): string {
    return this.text.toJSON()
  }

  type(text: string): void {
    this.text.insert(this.text.length, text)
  }

  /** What others show, by their names. */
  others(): Map<string, Shown> {
    const states = [...this.provider.awareness.getStates()].filter(([id]) => id !== this.doc.clientID)
    return new Map(states.map(([, state]) => [(state as Shown).user.name, state as Shown]))
  }

  close(): void {
    this.provider.destroy()
    this.doc.destroy()
  }
}
