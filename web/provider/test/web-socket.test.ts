import { expect, test, vi } from 'vitest'
import { WebSocketPipe } from '../src/transport/web-socket-pipe'
import { MAX_WEBSOCKET_MESSAGE_BYTES } from '../src/wire/limits'

/** The part of a browser's WebSocket that a pipe uses. */
class FakeSocket {
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  bufferedAmount = 0
  sent: Uint8Array[] = []
  closes: number[] = []

  send(message: Uint8Array): void {
    this.sent.push(message)
  }

  close(code: number): void {
    this.closes.push(code)
  }
}

function pipe() {
  const socket = new FakeSocket()
  const handlers = { onBytes: vi.fn(), onDatagram: vi.fn(), onProgress: vi.fn(), onClosed: vi.fn() }
  return { socket, handlers, pipe: new WebSocketPipe(socket as unknown as WebSocket, handlers) }
}

test('the first byte of a message is its kind, both ways', () => {
  const { socket, handlers, pipe: wire } = pipe()
  wire.send(Uint8Array.of(7, 8))
  wire.sendDatagram(Uint8Array.of(9))
  expect(socket.sent.map((message) => [...message])).toEqual([[0, 7, 8], [1, 9]])
  for (const bytes of [[0, 1, 2], [1, 3], [2, 4], []]) socket.onmessage?.({ data: Uint8Array.from(bytes).buffer })
  socket.onmessage?.({ data: 'text' })
  expect(handlers.onBytes.mock.calls).toEqual([[Uint8Array.of(1, 2)]])
  expect(handlers.onDatagram.mock.calls).toEqual([[Uint8Array.of(3)]])
})

test('a long frame goes in messages that the server takes', () => {
  const { socket, pipe: wire } = pipe()
  const frame = Uint8Array.from({ length: 2 * MAX_WEBSOCKET_MESSAGE_BYTES }, (_, i) => i)
  wire.send(frame)
  expect(socket.sent.map(({ byteLength }) => byteLength)).toEqual([65_536, 65_536, 3])
  expect(Uint8Array.from(socket.sent.flatMap((message) => [...message.subarray(1)]))).toEqual(frame)
})

test('while much waits to go out datagrams are dropped, and what is taken of it is a sign of life', () => {
  const { socket, handlers, pipe: wire } = pipe()
  for (const waiting of [16_384, 200_000, 200_000, 150_000, 0]) {
    socket.bufferedAmount = waiting
    wire.sendDatagram(Uint8Array.of(1))
  }
  expect(socket.sent).toHaveLength(2)
  expect(handlers.onProgress).toHaveBeenCalledOnce()
})

test('an end is told with the server\'s reason, once, and not when it is one\'s own', () => {
  const theirs = pipe()
  theirs.socket.onclose?.({ code: 4507, reason: 'The reader stood still.' })
  theirs.socket.onclose?.({ code: 1006, reason: '' })
  expect(theirs.handlers.onClosed.mock.calls).toEqual([['The reader stood still.']])
  const own = pipe()
  own.pipe.close()
  own.socket.onclose?.({ code: 1000, reason: '' })
  expect([own.socket.closes, own.handlers.onClosed.mock.calls]).toEqual([[1_000], []])
})
