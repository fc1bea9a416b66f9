/** The server's budget for edits, mirrored: an honest client waits instead of being refused. */
export class TokenBucket {
  #tokens: number
  #at: number

  /**
   * @param capacity how many edits a full budget holds
   * @param perMinute how many edits a minute refills
   */
  constructor(
    readonly capacity: number,
    readonly perMinute: number,
    tokens: number,
    now: number,
  ) {
    this.#tokens = Math.min(tokens, capacity)
    this.#at = now
  }

  /** When an edit may be taken at the earliest, in the clock's milliseconds. */
  readyAt(now: number): number {
    this.#refill(now)
    if (this.#tokens >= 1) return now
    return this.perMinute > 0 ? now + Math.ceil(((1 - this.#tokens) * 60_000) / this.perMinute) : Infinity
  }

  /** How many edits may be taken now. */
  left(now: number): number {
    this.#refill(now)
    return Math.max(0, Math.floor(this.#tokens))
  }

  take(now: number): void {
    this.#refill(now)
    this.#tokens -= 1
  }

  #refill(now: number): void {
    const gained = ((now - this.#at) * this.perMinute) / 60_000
    this.#tokens = Math.min(this.capacity, this.#tokens + gained)
    this.#at = now
  }
}
