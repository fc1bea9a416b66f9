import { expect, test, vi } from 'vitest'
import { FallbackTransport } from '../src/transport/fallback-transport'
import type { ServerInfo } from '../src/transport/server-info'
import type { Session, SessionHandlers } from '../src/transport/transport'
import { FakeClock } from './support/fake-clock'
import { FakeWay } from './support/fake-way'

const INFO: ServerInfo = { version: '1', protocol: 1, webtransport_port: 4433, certificate_hashes: [], durability: 'disk' }

/** A browser, its network, and what a link is told. */
class Network {
  readonly clock = new FakeClock()
  readonly udp = new FakeWay()
  readonly tcp = new FakeWay()
  readonly onBetterRoute = vi.fn()
  info = (): Promise<ServerInfo> => Promise.resolve(INFO)
  readonly transport: FallbackTransport

  constructor(hasWebTransport = true) {
    const webTransport = hasWebTransport ? this.udp : null
    this.transport = new FallbackTransport({ info: () => this.info(), webTransport, webSocket: this.tcp, clock: this.clock })
  }

  async open(afterMs = 0): Promise<Session> {
    const none = (): void => undefined
    const handlers: SessionHandlers = {
      onBytes: none,
      onDatagram: none,
      onProgress: none,
      onClosed: none,
      onBetterRoute: this.onBetterRoute,
    }
    const session = this.transport.open(handlers)
    session.catch(none)
    await this.clock.advance(afterMs)
    return session
  }
}

test('WebTransport is taken where it works, and WebSocket is not even tried', async () => {
  const network = new Network()
  expect((await network.open()).route).toEqual({ type: 'webtransport' })
  await network.clock.advance(60_000)
  expect(network.tcp.attempts).toBe(0)
})

test('where UDP is blocked WebSocket is taken after a moment, and the attempt is given up', async () => {
  const network = new Network()
  network.udp.state = 'blocked'
  const session = await network.open(600)
  expect(session.route).toEqual({ type: 'websocket', reason: 'udp-blocked' })
  network.udp.unblock()
  await network.clock.advance(0)
  expect([network.udp.openPipes, network.tcp.openPipes]).toEqual([0, 1])
})

test('a refused handshake does not wait for that moment to pass', async () => {
  const network = new Network()
  network.udp.state = 'refused'
  expect((await network.open()).route.type).toBe('websocket')
})

test('a slow handshake that comes about first is taken', async () => {
  const network = new Network()
  network.udp.state = network.tcp.state = 'blocked'
  const opening = network.open(1_500)
  await network.clock.advance(0)
  network.udp.unblock()
  expect((await opening).route.type).toBe('webtransport')
  network.tcp.unblock()
  await network.clock.advance(0)
  expect([network.udp.openPipes, network.tcp.openPipes]).toEqual([1, 0])
})

test('without WebTransport in the browser or on the server there is no wait, and the reason is told', async () => {
  expect((await new Network(false).open()).route).toEqual({ type: 'websocket', reason: 'unsupported' })
  const network = new Network()
  network.info = () => Promise.resolve({ ...INFO, webtransport_port: null })
  expect((await network.open()).route).toEqual({ type: 'websocket', reason: 'not-offered' })
  expect(network.udp.attempts).toBe(0)
})

test('a server that is not there is tried in no way', async () => {
  const network = new Network()
  network.info = () => Promise.reject(new Error('unreachable'))
  await expect(network.open()).rejects.toThrow('unreachable')
  expect([network.udp.attempts, network.tcp.attempts]).toEqual([0, 0])
})

test('a server that nothing leads to is an error with the reason', async () => {
  const network = new Network()
  network.udp.state = network.tcp.state = 'refused'
  await expect(network.open()).rejects.toThrow('refused')
})

test('reconnects within the rest go straight to WebSocket', async () => {
  const network = new Network()
  network.udp.state = 'blocked'
  const session = await network.open(600)
  session.close()
  expect((await network.open()).route).toEqual({ type: 'websocket', reason: 'udp-blocked' })
  expect(network.udp.attempts).toBe(1)
})

test('WebTransport is looked for more and more rarely, and told of once it works', async () => {
  const network = new Network()
  network.udp.state = 'blocked'
  await network.open(600)
  const tries: number[] = []
  for (let minute = 1; minute <= 40; minute++) {
    await network.clock.advance(60_000)
    if (network.udp.attempts > tries.length + 1) tries.push(minute)
  }
  // Each rest is twice the last, ten minutes at most, and begins after ten seconds of trying.
  expect(tries).toEqual([1, 4, 8, 16, 26, 36])
  network.udp.unblock()
  await network.clock.advance(600_000)
  expect(network.onBetterRoute).toHaveBeenCalledOnce()
  expect(network.udp.openPipes).toBe(0)
  expect((await network.open()).route.type).toBe('webtransport')
})

test('nothing is looked for after the session is over', async () => {
  const network = new Network()
  network.udp.state = 'blocked'
  const session = await network.open(600)
  session.close()
  await network.clock.advance(3_600_000)
  expect(network.udp.attempts).toBe(1)
})
