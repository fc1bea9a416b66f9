import type { Session, SessionHandlers, Transport } from './transport'
import { fetchServerInfo, type ServerInfo } from './server-info'
import { WebTransportSession } from './web-transport-session'

/** Opens WebTransport sessions on the server that a page or `url` came from. */
export class WebTransportTransport implements Transport {
  /** @param url any address of the server's pages; only its origin is used */
  constructor(readonly url: URL) {}

  /** Whether this browser has WebTransport, and the page was loaded in a way that allows it. */
  static get isSupported(): boolean {
    return typeof globalThis.WebTransport === 'function'
  }

  async open(handlers: SessionHandlers): Promise<Session> {
    const info = await fetchServerInfo(this.url)
    const transport = new WebTransport(this.#address(info), options(info))
    // Both promises reject when the handshake fails; the one below tells.
    transport.closed.catch(() => undefined)
    await transport.ready
    const stream = await transport.createBidirectionalStream()
    return new WebTransportSession(transport, stream, handlers)
  }

  #address(info: ServerInfo): string {
    return `https://${this.url.hostname}:${info.webtransport_port}/`
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
