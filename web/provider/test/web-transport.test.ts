import { expect, test, vi } from 'vitest'
import { WebTransportPipe } from '../src/transport/web-transport-pipe'
import { settle } from './support/fake-clock'

/** A pipe on a stream whose other end is played. */
function pipe() {
  const handlers = { onBytes: vi.fn(), onDatagram: vi.fn(), onProgress: vi.fn(), onClosed: vi.fn() }
  const arriving = new TransformStream<Uint8Array, Uint8Array>()
  const server = arriving.writable.getWriter()
  let stopSending = (): void => undefined
  const writable = new WritableStream<Uint8Array>({ start: (controller) => void (stopSending = () => controller.error(new Error('stopped'))) })
  const datagrams = { readable: new ReadableStream(), writable: new WritableStream() }
  const transport = { closed: new Promise(() => undefined), close: vi.fn(), datagrams } as unknown as WebTransport
  const stream = { readable: arriving.readable, writable } as unknown as WebTransportBidirectionalStream
  return { pipe: new WebTransportPipe(transport, stream, handlers), handlers, server, stopSending }
}

test('the last word of a server that takes nothing more is heard before the end', async () => {
  const { pipe: wire, handlers, server, stopSending } = pipe()
  stopSending()
  wire.send(new Uint8Array([1]))
  await settle()
  void server.write(new Uint8Array([2]))
  void server.close()
  await settle()
  expect(handlers.onBytes).toHaveBeenCalledExactlyOnceWith(new Uint8Array([2]))
  expect(handlers.onClosed).toHaveBeenCalledExactlyOnceWith('The server ended the stream.')
})

test('nothing is heard of a pipe that was closed here', async () => {
  const { pipe: wire, handlers, server } = pipe()
  wire.close()
  void server.write(new Uint8Array([2]))
  void server.close()
  await settle()
  expect([handlers.onBytes.mock.calls, handlers.onClosed.mock.calls]).toEqual([[], []])
})
