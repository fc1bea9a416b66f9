import type { Clock } from '../core/clock.ts'
import type { FallbackReason } from '../core/route.ts'
import { Attempt } from './attempt.ts'
import { RoutedSession } from './routed-session.ts'
import type { ServerInfo } from './server-info.ts'
import type { Pipe, PipeHandlers, Session, SessionHandlers, Transport } from './transport.ts'
import type { Way } from './way.ts'

/** How long WebTransport is tried alone. After that WebSocket is tried beside it, and the first that stands is taken. */
const HEAD_START_MS = 600
/** How long WebTransport rests after it failed. It doubles each time, for browsers slow down pages that insist. */
const FIRST_REST_MS = 60_000
const LAST_REST_MS = 600_000

export interface FallbackParts {
  /** Asks the server. Where that fails, it cannot be reached in any way. */
  info: () => Promise<ServerInfo>
  /** Null where the browser has none. */
  webTransport: Way | null
  webSocket: Way
  clock: Clock
}

/** WebTransport where it works, WebSocket elsewhere, and WebTransport again once it works. */
export class FallbackTransport implements Transport {
  readonly #parts: FallbackParts
  #failures = 0
  /** Before this, WebTransport is not tried. */
  #notBefore = -Infinity
  #cancelLook = (): void => undefined

  constructor(parts: FallbackParts) {
    this.#parts = parts
  }

  async open(handlers: SessionHandlers): Promise<Session> {
    this.#cancelLook()
    const info = await this.#parts.info()
    const { webTransport, clock } = this.#parts
    if (!webTransport) return this.#webSocket('unsupported', await this.#tryWebSocket(info, handlers).pipe)
    if (info.webtransport_port === null) return this.#webSocket('not-offered', await this.#tryWebSocket(info, handlers).pipe)
    if (clock.now() >= this.#notBefore) return this.#race(webTransport, info, handlers)
    const pipe = await this.#tryWebSocket(info, handlers).pipe
    this.#lookLater(webTransport, handlers)
    return this.#webSocket('udp-blocked', pipe)
  }

  async #race(way: Way, info: ServerInfo, handlers: SessionHandlers): Promise<Session> {
    const better = new Attempt(way, info, handlers, this.#parts.clock)
    const early = await Promise.race([better.pipe.catch(() => null), this.#headStart()])
    if (early) return this.#webTransport(early)
    const other = this.#tryWebSocket(info, handlers)
    const first = await firstOf(better, other)
    if (first === better) return this.#webTransport(await better.pipe)
    this.#failed()
    this.#lookLater(way, handlers)
    return this.#webSocket('udp-blocked', await other.pipe)
  }

  #headStart(): Promise<null> {
    return new Promise((resolve) => this.#parts.clock.schedule(HEAD_START_MS, () => resolve(null)))
  }

  #tryWebSocket(info: ServerInfo, handlers: PipeHandlers): Attempt {
    return new Attempt(this.#parts.webSocket, info, handlers, this.#parts.clock)
  }

  #webTransport(pipe: Pipe): Session {
    this.#failures = 0
    return new RoutedSession(pipe, { type: 'webtransport' }, () => undefined)
  }

  #webSocket(reason: FallbackReason, pipe: Pipe): Session {
    return new RoutedSession(pipe, { type: 'websocket', reason }, () => this.#cancelLook())
  }

  #failed(): void {
    const rest = Math.min(LAST_REST_MS, FIRST_REST_MS * 2 ** this.#failures)
    this.#failures++
    this.#notBefore = this.#parts.clock.now() + rest
  }

  #lookLater(way: Way, handlers: SessionHandlers): void {
    const { clock } = this.#parts
    this.#cancelLook()
    this.#cancelLook = clock.schedule(this.#notBefore - clock.now(), () => void this.#look(way, handlers))
  }

  /** Whether WebTransport works by now, while a session goes on over WebSocket. */
  async #look(way: Way, handlers: SessionHandlers): Promise<void> {
    const wanted = new AbortController()
    this.#cancelLook = () => wanted.abort()
    const works = await this.#works(way)
    if (wanted.signal.aborted) return
    if (works) {
      this.#notBefore = -Infinity
      handlers.onBetterRoute()
    } else {
      this.#failed()
      this.#lookLater(way, handlers)
    }
  }

  async #works(way: Way): Promise<boolean> {
    try {
      const info = await this.#parts.info()
      if (info.webtransport_port === null) return false
      const attempt = new Attempt(way, info, UNHEARD, this.#parts.clock)
      await attempt.pipe
      attempt.giveUp()
      return true
    } catch {
      return false
    }
  }
}

/** Nothing of a connection that is only tried is heard. */
const UNHEARD: PipeHandlers = {
  onBytes: () => undefined,
  onDatagram: () => undefined,
  onProgress: () => undefined,
  onClosed: () => undefined,
}

/**
 * The attempt that stands first; the other one is given up.
 * @throws why the last of them failed, when all did
 */
async function firstOf(...attempts: Attempt[]): Promise<Attempt> {
  const standing = attempts.map((attempt) => attempt.pipe.then(() => attempt))
  const first = await Promise.any(standing).catch((error: unknown) => {
    throw error instanceof AggregateError ? error.errors.at(-1) : error
  })
  for (const attempt of attempts) if (attempt !== first) attempt.giveUp()
  return first
}
