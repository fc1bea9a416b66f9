/** The largest delay of the first try; it doubles with every further one. */
const FIRST_MS = 250
/** The largest delay of all. */
const LAST_MS = 30_000

/** How long to wait before the next try: doubling, with full jitter, so that many clients do not come back at once. */
export class Backoff {
  #failures = 0

  /** @param random a number from 0 up to 1 */
  constructor(readonly random: () => number) {}

  next(): number {
    const most = Math.min(LAST_MS, FIRST_MS * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 16)
    return Math.round(most * this.random())
  }

  /** Forgets the failures. */
  reset(): void {
    this.#failures = 0
  }
}
