import type { Clock } from '../core/clock'
import { FallbackTransport } from './fallback-transport'
import { fetchServerInfo } from './server-info'
import { WebSocketWay } from './web-socket-way'
import { WebTransportWay } from './web-transport-way'

/** What a browser has, to the server that has the pages at `url`. */
export function browserTransport(url: URL, clock: Clock): FallbackTransport {
  return new FallbackTransport({
    info: () => fetchServerInfo(url),
    webTransport: WebTransportWay.isSupported ? new WebTransportWay(url.hostname) : null,
    webSocket: new WebSocketWay(url),
    clock,
  })
}
