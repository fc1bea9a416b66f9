import type { Session, SessionHandlers, Transport } from '../transport/transport.ts'
import { Code, isPermanent } from '../wire/code.ts'
import type { Datagram } from '../wire/datagrams.ts'
import { decodeDatagram, decodeServer } from '../wire/decode.ts'
import { encodeDatagram, encodeFrame } from '../wire/encode.ts'
import { FrameSplitter } from '../wire/frame-splitter.ts'
import type { ClientFrame, Credential, Join, Refused, ServerFrame, Welcome } from '../wire/frames.ts'
import { WireError } from '../wire/wire-error.ts'
import { Backoff } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { Route } from './route.ts'
import type { Status } from './status.ts'

const CONNECT_TIMEOUT_MS = 30_000
/** A server that checks a thousand passwords needs it. */
const JOIN_TIMEOUT_MS = 60_000
const DRAIN_TIMEOUT_MS = 3_000
/** How long a member must have been in the room for the failures before to be forgotten. */
const FORGET_AFTER_MS = 10_000
/** Longest time that a server may keep a member away. */
const MAX_AWAY_MS = 600_000

/** What a link tells its owner, and asks of it. */
export interface LinkOwner {
  join(credential: Credential): Join
  onStatus(status: Status): void
  onRoute(route: Route): void
  /** The other side lives. */
  onHeard(): void
  onWelcome(welcome: Welcome): void
  onFrame(frame: ServerFrame): void
  onDatagram(datagram: Datagram): void
}

export interface LinkOptions {
  transport: Transport
  clock: Clock
  random: () => number
  credential: Credential
}

/** The connection to one room: opens it, joins, comes back after a loss, and stops when the server says so. */
export class Link {
  readonly #owner: LinkOwner
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #credential: Credential
  readonly #backoff: Backoff
  #resume: Credential | null = null
  /** Whether the server has let us in, so that the access named in the beginning is no newer than the resume token. */
  #wasIn = false
  #status: Status = { state: 'offline' }
  #session: Session | null = null
  /** Counts the tries, so that what an abandoned one still says is not heard. */
  #attempt = 0
  /** When this membership began; infinite without one. */
  #liveSince = Infinity
  #cancelTimer = (): void => undefined

  constructor(owner: LinkOwner, options: LinkOptions) {
    this.#owner = owner
    this.#transport = options.transport
    this.#clock = options.clock
    this.#credential = options.credential
    this.#backoff = new Backoff(options.random)
  }

  get status(): Status {
    return this.#status
  }

  /** Whether bytes come and go, in the room or on the way into it. */
  get isConnected(): boolean {
    return this.#status.state === 'joining' || this.isLive
  }

  get isLive(): boolean {
    return this.#status.state === 'live' || this.#status.state === 'draining'
  }

  /** Joins as a member of an earlier visit, if the server still knows it. */
  resumeWith(token: string): void {
    this.#resume = { type: 'Resume', secret: token }
  }

  /** Connects now, whatever was planned. Does nothing while connected or connecting. */
  connect(): void {
    if (['offline', 'backoff', 'refused'].includes(this.#status.state)) this.#open()
  }

  /** Leaves. With `drain`, the owner's last edits get a moment to be saved: it calls {@link disconnect} when they are. */
  disconnect(drain = false): void {
    if (drain && this.#status.state === 'live') {
      this.#after(DRAIN_TIMEOUT_MS, () => this.disconnect())
      return this.#become({ state: 'draining' })
    }
    this.#close()
    this.#become({ state: 'offline' })
  }

  /** The connection is of no use any more: comes back later. */
  fail(reason: string): void {
    if (this.#status.state === 'draining') this.disconnect()
    else this.#retry(0, reason)
  }

  /** Ends for good, until somebody connects again. */
  refuse(code: number, message: string): void {
    this.#close()
    this.#become({ state: 'refused', code, message })
  }

  send(frame: ClientFrame): void {
    this.#session?.send(encodeFrame(frame))
  }

  sendDatagram(datagram: Datagram): void {
    this.#session?.sendDatagram(encodeDatagram(datagram))
  }

  #open(): void {
    this.#close()
    const attempt = this.#attempt
    const splitter = new FrameSplitter()
    this.#become({ state: 'connecting' })
    this.#after(CONNECT_TIMEOUT_MS, () => this.fail('The server did not answer.'))
    const current = (task: () => void): void => {
      if (attempt === this.#attempt) task()
    }
    const handlers: SessionHandlers = {
      onBytes: (bytes: Uint8Array) => current(() => this.#bytes(splitter, bytes)),
      onDatagram: (bytes: Uint8Array) => current(() => this.#datagram(bytes)),
      onProgress: () => current(() => this.#owner.onHeard()),
      onBetterRoute: () => current(() => this.#changeRoute()),
      onClosed: (reason: string) => current(() => this.fail(reason)),
    }
    this.#transport.open(handlers).then(
      (session) => (attempt === this.#attempt ? this.#join(session) : session.close()),
      (error: unknown) => current(() => this.fail(error instanceof Error ? error.message : String(error))),
    )
  }

  /** The same membership, by another session: the resume token brings it back at once. */
  #changeRoute(): void {
    if (this.#status.state === 'live') this.#open()
  }

  #join(session: Session): void {
    this.#session = session
    this.#owner.onRoute(session.route)
    this.#become({ state: 'joining' })
    this.#after(JOIN_TIMEOUT_MS, () => this.fail('The server did not let us in in time.'))
    this.send(this.#owner.join(this.#resume ?? this.#credential))
  }

  #bytes(splitter: FrameSplitter, bytes: Uint8Array): void {
    const attempt = this.#attempt
    this.#owner.onHeard()
    splitter.push(bytes)
    try {
      for (let body = splitter.next(); body; body = splitter.next()) {
        this.#frame(decodeServer(body))
        // A frame may have ended this connection; the rest belongs to nobody.
        if (attempt !== this.#attempt) return
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.fail(`The server sent ${error.message}.`)
    }
  }

  #frame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'Welcome':
        return this.#welcome(frame)
      case 'Refused':
        return this.#refused(frame)
      case 'GoAway':
        return this.#retry(frame.reconnectAfterMs, 'The server asked to come back in a moment.', frame.reason)
      default:
        if (this.isLive) this.#owner.onFrame(frame)
    }
  }

  #welcome(frame: Welcome): void {
    if (this.#status.state !== 'joining') return
    this.#cancelTimer()
    this.#resume = { type: 'Resume', secret: frame.resumeToken }
    this.#wasIn = true
    this.#liveSince = this.#clock.now()
    this.#become({ state: 'live' })
    this.#owner.onWelcome(frame)
  }

  #refused({ code, message, retryAfterMs }: Refused): void {
    if (this.#resume && this.#givesWay(code)) {
      this.#resume = null
      this.#open()
    } else if (isPermanent(code)) {
      this.refuse(code, message)
    } else {
      this.#retry(retryAfterMs ?? 0, message, code)
    }
  }

  /** Whether the access named in the beginning may open where the resume token does not: not with a password that was changed since. */
  #givesWay(code: number): boolean {
    return code === Code.BadToken || (code === Code.PasswordChanged && !this.#wasIn)
  }

  #datagram(bytes: Uint8Array): void {
    this.#owner.onHeard()
    let datagram: Datagram
    try {
      datagram = decodeDatagram(bytes)
    } catch {
      // Datagrams promise nothing: one that cannot be read is one that was lost.
      return
    }
    this.#owner.onDatagram(datagram)
  }

  /** Comes back after `floorMs` and by chance later: the server names one time to everybody. */
  #retry(floorMs: number, reason: string, code = 0): void {
    this.#close()
    const delayMs = Math.min(floorMs, MAX_AWAY_MS) + this.#backoff.next()
    this.#after(delayMs, () => this.#open())
    this.#become({ state: 'backoff', retryAt: this.#clock.now() + delayMs, reason, code })
  }

  #close(): void {
    this.#attempt++
    this.#cancelTimer()
    if (this.#clock.now() - this.#liveSince >= FORGET_AFTER_MS) this.#backoff.reset()
    this.#liveSince = Infinity
    this.#session?.close()
    this.#session = null
  }

  #after(delayMs: number, task: () => void): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#clock.schedule(delayMs, task)
  }

  #become(status: Status): void {
    this.#status = status
    this.#owner.onStatus(status)
  }
}
