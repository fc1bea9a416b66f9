import type { ServerInfo } from './server-info.ts'
import type { Pipe, PipeHandlers } from './transport.ts'
import { WebSocketPipe } from './web-socket-pipe.ts'
import type { Way } from './way.ts'

/** TCP, where nothing else passes: one WebSocket for each room. */
export class WebSocketWay implements Way {
  readonly #address: URL

  /** @param url any address of the server's pages; only its origin is used */
  constructor(url: URL) {
    this.#address = new URL('/ws', url)
    this.#address.protocol = url.protocol.replace('http', 'ws')
  }

  open(_: ServerInfo, handlers: PipeHandlers, signal: AbortSignal): Promise<Pipe> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#address)
      socket.binaryType = 'arraybuffer'
      socket.onclose = () => reject(new Error('The server takes no WebSocket.'))
      socket.onopen = () => {
        const pipe = new WebSocketPipe(socket, handlers)
        signal.addEventListener('abort', () => pipe.close())
        resolve(pipe)
      }
      signal.addEventListener('abort', () => socket.close())
    })
  }
}
