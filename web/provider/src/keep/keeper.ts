import type { Clock } from '../core/clock'
import type { Keeping, Persistence, UnsentWork } from './persistence'

/** Longest wait for what earlier visits left; a browser that takes longer keeps nothing in this visit. */
const TAKE_TIMEOUT_MS = 3_000
/** Of the time, at most one part in this many goes into writing. */
const REST_FACTOR = 4
const MAX_REST_MS = 1_000

/** Writes unsent work down as it changes, and removes it once it is saved. One write at a time, always of the newest. */
export class Keeper {
  readonly #unsent: () => UnsentWork | null
  readonly #onKeeping: () => void
  readonly #clock: Clock
  #persistence: Persistence | null
  #keeping: Keeping = 'none'
  #isDirty = false
  #work: Promise<void> | null = null
  #holdsSomething = false

  /** @param unsent what is not saved now; null when there is nothing */
  constructor(unsent: () => UnsentWork | null, onKeeping: () => void, clock: Clock, persistence?: Persistence) {
    this.#unsent = unsent
    this.#onKeeping = onKeeping
    this.#clock = clock
    this.#persistence = persistence ?? null
  }

  get keeping(): Keeping {
    return this.#keeping
  }

  /** What earlier visits left; nothing when it cannot be read. */
  async take(): Promise<UnsentWork[]> {
    const timeout = new Promise<null>((resolve) => this.#clock.schedule(TAKE_TIMEOUT_MS, () => resolve(null)))
    const taken = await Promise.race([this.#persistence?.take() ?? [], timeout]).catch(() => null)
    // What may still be taken over now must not be forgotten with what this visit keeps.
    if (taken === null) this.#giveUp()
    this.#holdsSomething = (taken?.length ?? 0) > 0
    return taken ?? []
  }

  /** What is not saved has changed. */
  touch(): void {
    if (!this.#persistence) return
    this.#isDirty = true
    if (this.#keeping !== 'failed') this.#set(this.#unsent() ? 'pending' : 'none')
    this.#work ??= this.#writeAll()
  }

  /** Stops, once what is under way is written. */
  async close(): Promise<void> {
    await this.#work
    this.#persistence?.close()
    this.#persistence = null
  }

  #giveUp(): void {
    this.#persistence?.close()
    this.#persistence = null
    this.#set('failed')
  }

  async #writeAll(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false
      const began = this.#clock.now()
      await this.#write()
      const rest = Math.min(MAX_REST_MS, REST_FACTOR * (this.#clock.now() - began))
      if (rest > 0) await new Promise<void>((resolve) => this.#clock.schedule(rest, resolve))
    }
    this.#work = null
  }

  async #write(): Promise<void> {
    const work = this.#unsent()
    try {
      if (work) await this.#persistence?.keep(work)
      else if (this.#holdsSomething) await this.#persistence?.drop()
      this.#holdsSomething = work !== null
      // What changed during the write is not in it: it stays pending.
      if (!this.#isDirty) this.#set(work ? 'kept' : 'none')
    } catch {
      this.#set(work ? 'failed' : 'none')
    }
  }

  #set(keeping: Keeping): void {
    if (this.#keeping === keeping) return
    this.#keeping = keeping
    this.#onKeeping()
  }
}
