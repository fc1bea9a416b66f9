const FIRST_MS = 250
const LONGEST_MS = 30_000

/** How long to wait before the next try: doubling, with full jitter, so that many clients do not come back at once. */
export class Backoff {
  #failures = 0

  /** @param random a number from 0 up to 1 */
  constructor(readonly random: () => number) {}

  next(): number {
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 16)
    return Math.round(ceiling * this.random())
  }

  reset(): void {
    this.#failures = 0
  }
}
