import type { Clock } from './clock.ts'
import { Heartbeat } from './heartbeat.ts'
import type { LatencyReport } from './latency.ts'
import type { Link } from './link.ts'
import type { PresenceBridge } from './presence-bridge.ts'
import type { Saver } from './saver.ts'

export interface SenderParts {
  link: Link
  saver: Saver
  presence: PresenceBridge
  clock: Clock
  /** Whether this member may change the text. */
  mayEdit: () => boolean
  /** An edit went out because its time had come. */
  onEdit: () => void
}

/** Sends what is due on a connection: pings, and once in the room edits and cursors. Comes back when the next of them is. */
export class Sender {
  readonly #parts: SenderParts
  readonly #heartbeat = new Heartbeat()
  /** The membership's number in datagrams. */
  #slot = 0
  #cancelTimer = (): void => undefined

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  get slot(): number {
    return this.#slot
  }

  /** A connection stands. */
  start(): void {
    this.#heartbeat.start(this.#parts.clock.now())
    this.advance()
  }

  /** In the room. */
  joined(slot: number): void {
    this.#slot = slot
  }

  stop(): void {
    this.#heartbeat.stop()
    this.#cancelTimer()
  }

  /** Anything came from the server. */
  heard(): void {
    this.#heartbeat.heard(this.#parts.clock.now())
  }

  pong(seq: number): LatencyReport {
    const now = this.#parts.clock.now()
    this.#heartbeat.pong(seq, now)
    return this.#heartbeat.report(now)
  }

  /** Does what is due. To be called whenever something changed that may make something due. */
  advance(): void {
    const { link, clock, onEdit } = this.#parts
    this.#cancelTimer()
    if (!link.isConnected) return
    const now = clock.now()
    if (this.#heartbeat.isDead(now)) return link.fail('The server fell silent.')
    const ping = this.#heartbeat.poll(now)
    if (ping) link.sendDatagram({ type: 'Ping', ...ping })
    if (link.isLive) this.#sendDue(now)
    const editAt = this.#editAt(now)
    const next = Math.min(editAt, this.#heartbeat.nextAt, this.#presenceAt)
    this.#cancelTimer = clock.schedule(Math.max(0, next - now), () => {
      this.advance()
      if (next === editAt) onEdit()
    })
  }

  #editAt(now: number): number {
    const { link, saver, mayEdit } = this.#parts
    return link.isLive && mayEdit() ? saver.nextAt(now) : Infinity
  }

  get #presenceAt(): number {
    return this.#parts.link.isLive ? this.#parts.presence.nextAt : Infinity
  }

  #sendDue(now: number): void {
    const { link, saver, presence, mayEdit } = this.#parts
    while (mayEdit() && link.isLive) {
      const frame = saver.poll(now)
      if (!frame) break
      link.send(frame)
    }
    const cursor = presence.poll(now)
    // The server knows who we are; it puts the member in.
    if (cursor) link.sendDatagram({ type: 'Presence', slot: this.#slot, member: 0, ...cursor })
  }
}
