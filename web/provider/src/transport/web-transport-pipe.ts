import type { Pipe, PipeHandlers } from './transport.ts'

/** One WebTransport session with one stream and its datagrams. */
export class WebTransportPipe implements Pipe {
  readonly #transport: WebTransport
  readonly #stream: WritableStreamDefaultWriter<Uint8Array>
  readonly #datagrams: WritableStreamDefaultWriter<Uint8Array>
  #closed = false

  constructor(
    transport: WebTransport,
    stream: WebTransportBidirectionalStream,
    readonly handlers: PipeHandlers,
  ) {
    this.#transport = transport
    this.#stream = stream.writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>
    this.#datagrams = datagramWriter(transport)
    const over = (reason: unknown): void => this.#over(reason)
    transport.closed.then(() => over('The server closed the connection.'), over)
    // A stream that takes nothing more still brings the server's last word: the end of what it sends is the end.
    this.#stream.closed.catch(() => undefined)
    this.#datagrams.closed.catch(over)
    const bytes = stream.readable as ReadableStream<Uint8Array>
    read(bytes, (chunk) => this.#closed || handlers.onBytes(chunk)).then(() => over('The server ended the stream.'), over)
    const datagrams = transport.datagrams.readable as ReadableStream<Uint8Array>
    read(datagrams, (chunk) => this.#closed || handlers.onDatagram(chunk)).catch(over)
  }

  send(bytes: Uint8Array): void {
    this.#stream.write(bytes).catch(() => undefined)
  }

  sendDatagram(bytes: Uint8Array): void {
    this.#datagrams.write(bytes).catch((reason: unknown) => this.#over(reason))
  }

  close(): void {
    this.#closed = true
    // Finishing the stream leaves the room; the session ends when that has been said, or cannot be.
    const end = (): void => this.#transport.close()
    this.#stream.close().then(end, end)
  }

  #over(reason: unknown): void {
    if (this.#closed) return
    this.#closed = true
    this.#transport.close()
    this.handlers.onClosed(reason instanceof Error ? reason.message : String(reason))
  }
}

/** Newer browsers make a writer on request, older ones have one stream. */
function datagramWriter(transport: WebTransport): WritableStreamDefaultWriter<Uint8Array> {
  const datagrams = transport.datagrams as WebTransportDatagramDuplexStream & {
    createWritable?: () => WritableStream<Uint8Array>
  }
  const writable = datagrams.createWritable ? datagrams.createWritable() : datagrams.writable
  return writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>
}

async function read(stream: ReadableStream<Uint8Array>, each: (chunk: Uint8Array) => unknown): Promise<void> {
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    each(value)
  }
}
