import { MAX_WEBSOCKET_MESSAGE_BYTES } from '../wire/limits.ts'
import type { Pipe, PipeHandlers } from './transport.ts'

/** The first byte of a message: what follows are the next bytes of the stream. */
export const STREAM = 0
/** What follows is one datagram. */
export const DATAGRAM = 1

/** While more bytes than this wait to go out, datagrams are dropped, as a network might. */
const MAX_WAITING_BYTES = 16 * 1024

/** A stream and datagrams in the messages of one WebSocket that is open. */
export class WebSocketPipe implements Pipe {
  readonly #socket: WebSocket
  readonly #handlers: PipeHandlers
  #isClosed = false
  /** How much waited when it was last looked at. */
  #waiting = 0

  constructor(socket: WebSocket, handlers: PipeHandlers) {
    this.#socket = socket
    this.#handlers = handlers
    socket.onmessage = ({ data }: MessageEvent<unknown>) => this.#isClosed || receive(data, handlers)
    socket.onclose = ({ reason }) => {
      if (this.#isClosed) return
      this.#isClosed = true
      handlers.onClosed(reason || 'The connection was lost.')
    }
  }

  send(bytes: Uint8Array): void {
    const most = MAX_WEBSOCKET_MESSAGE_BYTES - 1
    for (let at = 0; at < bytes.byteLength; at += most) this.#message(STREAM, bytes.subarray(at, at + most))
  }

  sendDatagram(bytes: Uint8Array): void {
    const before = this.#waiting
    this.#waiting = this.#socket.bufferedAmount
    if (this.#waiting <= MAX_WAITING_BYTES) return this.#message(DATAGRAM, bytes)
    // A large change on a slow line: pings would wait behind it, but its bytes are taken.
    if (this.#waiting < before) this.#handlers.onProgress()
  }

  close(): void {
    this.#isClosed = true
    this.#socket.close(1000)
  }

  #message(kind: number, bytes: Uint8Array): void {
    const message = new Uint8Array(1 + bytes.byteLength)
    message[0] = kind
    message.set(bytes, 1)
    this.#socket.send(message)
  }
}

function receive(data: unknown, handlers: PipeHandlers): void {
  if (!(data instanceof ArrayBuffer)) return
  const message = new Uint8Array(data)
  if (message[0] === STREAM) handlers.onBytes(message.subarray(1))
  else if (message[0] === DATAGRAM) handlers.onDatagram(message.subarray(1))
}
