import { once } from 'node:events'
import { type IncomingMessage, type Server as HttpServer, type ServerResponse, createServer, request } from 'node:http'
import { type Socket, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Server } from './server'
import { UdpRelay } from './udp-relay'

/** The way from a browser to a server, TCP and UDP. It can be cut, and it can swallow UDP alone, as some networks do. */
export class Line {
  readonly #http: HttpServer = createServer((incoming, answer) => this.#forward(incoming, answer))
  readonly #upgraded = new Set<Duplex>()
  readonly #serverPort: number
  #isCut = false
  #swallowsUdp = false

  private constructor(
    server: Server,
    readonly udp: UdpRelay,
  ) {
    this.#serverPort = Number(new URL(server.url).port)
    this.#http.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(incoming, socket, head))
  }

  static async to(server: Server): Promise<Line> {
    const line = new Line(server, await UdpRelay.to(server.port))
    line.#http.listen(0, '127.0.0.1')
    await once(line.#http, 'listening')
    return line
  }

  /** Where a browser finds the server's pages at the end of this line. */
  get url(): string {
    const address = this.#http.address()
    if (address === null || typeof address === 'string') throw new Error('the line is closed')
    return `http://127.0.0.1:${address.port}/`
  }

  /** Cut, it lets no session and no question to the API through. Pages still come, as they do from a cache. */
  set isCut(isCut: boolean) {
    this.#isCut = isCut
    this.#applyToUdp()
    if (isCut) this.#hangUp()
  }

  /** Loses every UDP packet without a word, while TCP works. */
  set swallowsUdp(swallows: boolean) {
    this.#swallowsUdp = swallows
    this.#applyToUdp()
  }

  close(): void {
    this.#hangUp()
    this.#http.closeAllConnections()
    this.#http.close()
    this.udp.close()
  }

  #applyToUdp(): void {
    this.udp.isCut = this.#isCut || this.#swallowsUdp
  }

  #hangUp(): void {
    for (const socket of this.#upgraded) socket.destroy()
  }

  #forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const { url = '/', method, headers } = incoming
    if (this.#isCut && url.startsWith('/api/')) {
      incoming.socket.destroy()
      return
    }
    // Uncompressed, so that the port in it can be read.
    const asked = url === '/api/server' ? { ...headers, 'accept-encoding': 'identity' } : headers
    const onward = request({ host: '127.0.0.1', port: this.#serverPort, path: url, method, headers: asked })
    onward.on('response', (response) => {
      if (url === '/api/server') void this.#tellOwnPort(response, answer)
      else response.pipe(answer.writeHead(response.statusCode ?? 502, response.headers))
    })
    onward.on('error', () => incoming.socket.destroy())
    incoming.pipe(onward)
  }

  /** WebTransport must go through this line as well. */
  async #tellOwnPort(response: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks = (await response.toArray()) as Buffer[]
    const info = JSON.parse(Buffer.concat(chunks).toString()) as { webtransport_port: number | null }
    const body = JSON.stringify({ ...info, webtransport_port: info.webtransport_port && this.udp.port })
    const headers = { ...response.headers, 'content-length': String(Buffer.byteLength(body)) }
    answer.writeHead(response.statusCode ?? 502, headers).end(body)
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#isCut) {
      socket.destroy()
      return
    }
    const onward = connect(this.#serverPort, '127.0.0.1')
    onward.write(requestHead(incoming))
    onward.write(head)
    this.#join(socket, onward)
  }

  #join(socket: Duplex, onward: Socket): void {
    socket.pipe(onward).pipe(socket)
    for (const [one, other] of [[socket, onward], [onward, socket]] as const) {
      this.#upgraded.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        this.#upgraded.delete(one)
        other.destroy()
      })
    }
  }
}

/** The request as it came, for a server that reads it anew. */
function requestHead({ method = 'GET', url = '/', rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1] ?? ''}`] : []))
  return [`${method} ${url} HTTP/1.1`, ...lines, '', ''].join('\r\n')
}
