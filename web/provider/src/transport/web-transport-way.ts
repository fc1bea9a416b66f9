import type { ServerInfo } from './server-info.ts'
import type { Pipe, PipeHandlers } from './transport.ts'
import type { Way } from './way.ts'
import { WebTransportPipe } from './web-transport-pipe.ts'

/** QUIC over UDP: a stream that loss on others does not hold up, and true datagrams. */
export class WebTransportWay implements Way {
  /** @param host the server's, without a port */
  constructor(readonly host: string) {}

  /** Whether this browser has WebTransport, and the page was loaded in a way that allows it. */
  static get isSupported(): boolean {
    return typeof globalThis.WebTransport === 'function'
  }

  async open(info: ServerInfo, handlers: PipeHandlers, signal: AbortSignal): Promise<Pipe> {
    const transport = new WebTransport(`https://${this.host}:${info.webtransport_port ?? ''}/`, options(info))
    signal.addEventListener('abort', () => transport.close())
    // Both promises reject when the handshake fails; the one below tells.
    transport.closed.catch(() => undefined)
    await transport.ready
    const stream = await transport.createBidirectionalStream()
    signal.throwIfAborted()
    const pipe = new WebTransportPipe(transport, stream, handlers)
    signal.addEventListener('abort', () => pipe.close())
    return pipe
  }
}

function options(info: ServerInfo): WebTransportOptions {
  if (info.certificate_hashes.length === 0) return {}
  const hashes = info.certificate_hashes.map((hash) => ({ algorithm: 'sha-256', value: fromHex(hash) }))
  return { serverCertificateHashes: hashes }
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16))
}
