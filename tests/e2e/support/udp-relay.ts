import { type RemoteInfo, type Socket, createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Stands between a browser and a server, and can be cut: then it drops every packet, as a dead line does. */
export class UdpRelay {
  readonly #front = createSocket('udp4')
  /** One socket towards the server for every address of a client. */
  readonly #back = new Map<string, Socket>()
  isCut = false

  private constructor(readonly serverPort: number) {
    this.#front.on('message', (packet, from) => this.#forward(packet, from))
  }

  static async to(serverPort: number): Promise<UdpRelay> {
    const relay = new UdpRelay(serverPort)
    relay.#front.bind(0, '127.0.0.1')
    await once(relay.#front, 'listening')
    return relay
  }

  get port(): number {
    return this.#front.address().port
  }

  close(): void {
    this.#front.close()
    for (const socket of this.#back.values()) socket.close()
  }

  #forward(packet: Buffer, from: RemoteInfo): void {
    if (this.isCut) return
    const key = `${from.address}:${from.port}`
    const socket = this.#back.get(key) ?? this.#open(from)
    this.#back.set(key, socket)
    socket.send(packet, this.serverPort, '127.0.0.1')
  }

  #open(client: RemoteInfo): Socket {
    const socket = createSocket('udp4')
    socket.on('message', (packet) => {
      if (!this.isCut) this.#front.send(packet, client.port, client.address)
    })
    // A server that is gone answers with an ICMP error; a relay passes nothing on.
    socket.on('error', () => undefined)
    return socket
  }
}
