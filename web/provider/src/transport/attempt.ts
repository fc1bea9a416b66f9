import type { Clock } from '../core/clock.ts'
import type { ServerInfo } from './server-info.ts'
import type { Pipe, PipeHandlers } from './transport.ts'
import type { Way } from './way.ts'

/** A handshake that takes longer will not come about. */
const LIMIT_MS = 10_000

/** One try to open a pipe on one way. */
export class Attempt {
  readonly pipe: Promise<Pipe>
  readonly #abort = new AbortController()

  constructor(way: Way, info: ServerInfo, handlers: PipeHandlers, clock: Clock) {
    const cancel = clock.schedule(LIMIT_MS, () => this.giveUp())
    this.pipe = way.open(info, handlers, this.#abort.signal).finally(cancel)
    // A failure that nobody waits for any more is none.
    this.pipe.catch(() => undefined)
  }

  /** Ends the try, and closes the pipe if it came about. */
  giveUp(): void {
    this.#abort.abort()
  }
}
