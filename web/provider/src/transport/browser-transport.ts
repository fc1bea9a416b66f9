import type { Clock } from '../core/clock.ts'
import { FallbackTransport } from './fallback-transport.ts'
import { fetchServerInfo } from './server-info.ts'
import { WebSocketWay } from './web-socket-way.ts'
import { WebTransportWay } from './web-transport-way.ts'

/** What a browser has, to the server that has the pages at `url`. */
export function browserTransport(url: URL, clock: Clock): FallbackTransport {
  return new FallbackTransport({
    info: () => fetchServerInfo(url),
    webTransport: WebTransportWay.isSupported ? new WebTransportWay(url.hostname) : null,
    webSocket: new WebSocketWay(url),
    clock,
  })
}
