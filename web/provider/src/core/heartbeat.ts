import { type LatencyReport, summarise } from './latency'

const INTERVAL_MS = 2_000
const DEAD_AFTER_MS = 10_000
const KEPT = 20

interface Ping {
  seq: number
  sentAt: number
  /** Round trip in milliseconds; null while there is no answer. */
  rtt: number | null
}

/** Pings at an interval, measures the answers, and notices when the other side has fallen silent. */
export class Heartbeat {
  #pings: Ping[] = []
  #seq = 0
  #nextAt: number
  /** When the first ping went out that nothing was heard after; null when something was. */
  #waitingSince: number | null = null

  constructor(now: number) {
    this.#nextAt = now
  }

  /** When {@link poll} has something to do. */
  get nextAt(): number {
    return Math.min(this.#nextAt, this.#waitingSince === null ? Infinity : this.#waitingSince + DEAD_AFTER_MS)
  }

  /** The next ping's number and time in microseconds, if one is due. */
  poll(now: number): { seq: number; sentAt: number } | null {
    if (now < this.#nextAt) return null
    this.#nextAt = now + INTERVAL_MS
    this.#waitingSince ??= now
    const ping: Ping = { seq: ++this.#seq, sentAt: now, rtt: null }
    this.#pings = [...this.#pings, ping].slice(-KEPT)
    return { seq: ping.seq, sentAt: Math.round(now * 1000) }
  }

  /** Anything at all came from the server. */
  heard(): void {
    this.#waitingSince = null
  }

  pong(seq: number, now: number): void {
    const ping = this.#pings.find((ping) => ping.seq === seq)
    if (ping && ping.rtt === null) ping.rtt = now - ping.sentAt
  }

  /**
   * Whether pings went unanswered for too long. Counted from a ping, not from the last word heard: a page in the
   * background may be held still for a minute without the server being gone.
   */
  isDead(now: number): boolean {
    return this.#waitingSince !== null && now - this.#waitingSince >= DEAD_AFTER_MS
  }

  report(now: number): LatencyReport {
    const settled = this.#pings.filter((ping) => ping.rtt !== null || now - ping.sentAt > INTERVAL_MS)
    return summarise(settled.map((ping) => ping.rtt))
  }
}
