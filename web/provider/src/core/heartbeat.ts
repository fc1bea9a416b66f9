import { type LatencyReport, summarise } from './latency.ts'

const EVERY_MS = 2_000
/** How many pings are remembered. */
const WINDOW = 20
const LOST_AFTER_MS = 2_000
/** While the first ping after a word from the server has no answer, the next one goes after this long. */
const FIRST_DOUBT_MS = 1_000
/** And every further one after this long: a silent server is asked more often, not waited for longer. */
const FURTHER_DOUBT_MS = 500
/** A connection that brought nothing for this long is dead, when it was asked often enough. */
const DEAD_AFTER_MS = 5_000
/** Unanswered pings without which no connection is dead: a page that was held still asks before it gives up. */
const DEAD_PINGS = 4

interface Ping {
  seq: number
  sentAt: number
  /** Round trip in milliseconds; null while there is no answer. */
  rtt: number | null
}

/** What is known of the present connection. */
interface Beat {
  nextAt: number
  lastPing: number
  lastHeard: number
  /** Pings since anything was heard. */
  unheard: number
}

/** Pings, measures the answers, and notices when the other side has fallen silent. */
export class Heartbeat {
  #pings: Ping[] = []
  #nextSeq = 0
  #beat: Beat | null = null

  /** A connection stands: the first ping goes at once. Pings of an earlier connection are not counted as lost. */
  start(now: number): void {
    this.#pings = this.#pings.filter((ping) => ping.rtt !== null)
    this.#beat = { nextAt: now, lastPing: now, lastHeard: now, unheard: 0 }
  }

  stop(): void {
    this.#beat = null
  }

  /** When {@link poll} or {@link isDead} has something to say. */
  get nextAt(): number {
    return this.#beat ? Math.min(this.#beat.nextAt, diesAt(this.#beat)) : Infinity
  }

  /** The next ping's number and time in microseconds, if one is due. */
  poll(now: number): { seq: number; sentAt: number } | null {
    const beat = this.#beat
    if (!beat || now < beat.nextAt) return null
    beat.unheard += 1
    beat.lastPing = now
    beat.nextAt = now + (beat.unheard === 1 ? FIRST_DOUBT_MS : FURTHER_DOUBT_MS)
    const ping: Ping = { seq: this.#nextSeq++, sentAt: now, rtt: null }
    this.#pings = [...this.#pings, ping].slice(-WINDOW)
    return { seq: ping.seq, sentAt: Math.round(now * 1000) }
  }

  /** Anything at all came from the server. */
  heard(now: number): void {
    const beat = this.#beat
    if (!beat) return
    beat.lastHeard = now
    if (beat.unheard === 0) return
    beat.unheard = 0
    beat.nextAt = beat.lastPing + EVERY_MS
  }

  pong(seq: number, now: number): void {
    const ping = this.#pings.find((ping) => ping.seq === seq)
    if (ping && ping.rtt === null) ping.rtt = now - ping.sentAt
  }

  isDead(now: number): boolean {
    return this.#beat !== null && now >= diesAt(this.#beat)
  }

  report(now: number): LatencyReport {
    const settled = this.#pings.filter((ping) => ping.rtt !== null || now - ping.sentAt >= LOST_AFTER_MS)
    return summarise(settled.map((ping) => ping.rtt))
  }
}

/** When a connection is dead unless something is heard; infinite while it was not asked often enough. */
function diesAt({ unheard, lastHeard, lastPing }: Beat): number {
  return unheard < DEAD_PINGS ? Infinity : Math.max(lastHeard + DEAD_AFTER_MS, lastPing + FURTHER_DOUBT_MS)
}
