import type { Clock } from '../../src/core/clock'

interface Timer {
  at: number
  task: () => void
}

/** A clock that stands until it is told to go on. */
export class FakeClock implements Clock {
  #now = 1_000
  #timers = new Set<Timer>()

  now(): number {
    return this.#now
  }

  epochMs(): number {
    return 1_700_000_000_000 + this.#now
  }

  schedule(delayMs: number, task: () => void): () => void {
    const timer = { at: this.#now + delayMs, task }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Lets time pass, running what falls due in order, and promises in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#timers.delete(timer)
      this.#now = Math.max(this.#now, timer.at)
      timer.task()
      await settle()
    }
    this.#now = end
  }

  #next(end: number): Timer | undefined {
    return [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
  }
}

/** Lets promises that are ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve()
}
