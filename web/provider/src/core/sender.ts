import type { Clock } from './clock'
import { Heartbeat } from './heartbeat'
import type { LatencyReport } from './latency'
import type { Link } from './link'
import type { PresenceBridge } from './presence-bridge'
import type { Saver } from './saver'

export interface SenderParts {
  link: Link
  saver: Saver
  presence: PresenceBridge
  clock: Clock
  /** Whether changes may be sent now. */
  mayEdit: () => boolean
  /** An edit went out because its time had come. */
  onEdit: () => void
}

/** Sends what is due on a live connection: edits, pings, cursors. Comes back by itself when the next of them is. */
export class Sender {
  readonly #parts: SenderParts
  #heartbeat: Heartbeat
  /** The membership's number in datagrams. */
  #slot = 0
  #cancelTimer = (): void => undefined

  constructor(parts: SenderParts) {
    this.#parts = parts
    this.#heartbeat = new Heartbeat(parts.clock.now())
  }

  get slot(): number {
    return this.#slot
  }

  start(slot: number): void {
    this.#slot = slot
    this.#heartbeat = new Heartbeat(this.#parts.clock.now())
  }

  stop(): void {
    this.#cancelTimer()
  }

  /** Anything came from the server. */
  heard(): void {
    this.#heartbeat.heard()
  }

  pong(seq: number): LatencyReport {
    const now = this.#parts.clock.now()
    this.#heartbeat.pong(seq, now)
    return this.#heartbeat.report(now)
  }

  /** Does what is due. To be called whenever something changed that may make something due. */
  advance(): void {
    const { link, saver, presence, clock, mayEdit, onEdit } = this.#parts
    this.#cancelTimer()
    if (!link.isLive) return
    const now = clock.now()
    if (this.#heartbeat.isDead(now)) return link.fail('The server fell silent.')
    this.#sendDue(now)
    const saverAt = mayEdit() ? saver.nextAt(now) : Infinity
    const next = Math.min(saverAt, this.#heartbeat.nextAt, presence.nextAt)
    this.#cancelTimer = clock.schedule(Math.max(0, next - now), () => {
      this.advance()
      if (next === saverAt) onEdit()
    })
  }

  #sendDue(now: number): void {
    const { link, saver, presence, mayEdit } = this.#parts
    const frame = mayEdit() ? saver.poll(now) : null
    if (frame) link.send(frame)
    const ping = this.#heartbeat.poll(now)
    if (ping) link.sendDatagram({ type: 'Ping', ...ping })
    const cursor = presence.poll(now)
    // The server knows who we are; it puts the member in.
    if (cursor) link.sendDatagram({ type: 'Presence', slot: this.#slot, member: 0, ...cursor })
  }
}
