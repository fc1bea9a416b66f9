import type { Clock } from '../core/clock.ts'
import type { Keeping, Persistence, Taken, UnsentWork } from './persistence.ts'
import { isReadable } from './readable.ts'

/** Longest wait for what earlier visits left; a browser that takes longer keeps nothing in this visit. */
const TAKE_TIMEOUT_MS = 3_000
/** After so long without anything unsent, the text it belonged to is forgotten too. Somebody who writes on needs it again. */
const LINGER_MS = 10_000
/** Between two writes, so that what is typed in one go costs few of them. */
const MIN_REST_MS = 250
/** Of the time, at most one part in this many goes into writing. */
const REST_FACTOR = 4
const MAX_REST_MS = 1_000

const NOTHING: Taken = { works: [], damaged: 0 }

/** What is not saved now. */
export interface Unsent {
  /** Whether there is nothing. Asked at every change, so it must not cost what {@link work} does: that holds the whole text. */
  isEmpty: () => boolean
  /** All of it; null when there is nothing. */
  work: () => UnsentWork | null
  /** It will not be asked for soon. */
  rest: () => void
}

/** Writes unsent work down as it changes, and removes it once it is saved. One write at a time, always of the newest. */
export class Keeper {
  readonly #unsent: Unsent
  readonly #onKeeping: () => void
  readonly #clock: Clock
  #persistence: Persistence | null
  #keeping: Keeping = 'none'
  #isDirty = false
  #work: Promise<void> | null = null
  #holdsSomething = false
  #wake = (): void => undefined
  #cancelLinger = (): void => undefined

  constructor(unsent: Unsent, onKeeping: () => void, clock: Clock, persistence?: Persistence) {
    this.#unsent = unsent
    this.#onKeeping = onKeeping
    this.#clock = clock
    this.#persistence = persistence ?? null
  }

  get keeping(): Keeping {
    return this.#keeping
  }

  /** What earlier visits left; nothing when the storage does not answer. */
  async take(): Promise<Taken> {
    const timeout = new Promise<null>((resolve) => this.#clock.schedule(TAKE_TIMEOUT_MS, () => resolve(null)))
    const taken = await Promise.race([this.#persistence?.take(isReadable) ?? NOTHING, timeout]).catch(() => null)
    // What may still be taken over now must not be forgotten with what this visit keeps.
    if (taken === null) this.#giveUp()
    this.#holdsSomething = (taken?.works.length ?? 0) > 0
    return taken ?? NOTHING
  }

  /** What is not saved has changed. */
  touch(): void {
    if (!this.#persistence) return
    this.#isDirty = true
    const isEmpty = this.#unsent.isEmpty()
    if (this.#keeping !== 'failed') this.#set(isEmpty ? 'none' : 'pending')
    this.#work ??= this.#writeAll()
    // What is saved is forgotten at once: a page that is closed now must not come back with it.
    if (isEmpty) this.#wake()
    else this.#cancelLinger()
  }

  /** Stops, once the newest is written: at once, since the page may be gone in a moment. */
  async close(): Promise<void> {
    this.#wake()
    await this.#work
    this.#cancelLinger()
    if (!this.#holdsSomething) await this.#clear()
    this.#persistence?.close()
    this.#persistence = null
  }

  /** What cannot be removed now goes at the next visit. */
  async #clear(): Promise<void> {
    this.#unsent.rest()
    await this.#persistence?.clear().catch(() => undefined)
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
      const rest = REST_FACTOR * (this.#clock.now() - began)
      if (this.#holdsSomething && !this.#unsent.isEmpty()) await this.#rest(Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, rest)))
    }
    this.#work = null
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(ms, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }

  async #write(): Promise<void> {
    const work = this.#unsent.work()
    try {
      if (work) await this.#persistence?.keep(work)
      else if (this.#holdsSomething) await this.#drop()
      this.#holdsSomething = work !== null
      // What changed during the write is not in it: it stays pending.
      if (!this.#isDirty) this.#set(work ? 'kept' : 'none')
    } catch {
      this.#set(work ? 'failed' : 'none')
    }
  }

  async #drop(): Promise<void> {
    await this.#persistence?.drop()
    this.#cancelLinger()
    this.#cancelLinger = this.#clock.schedule(LINGER_MS, () => void this.#clear())
  }

  #set(keeping: Keeping): void {
    if (this.#keeping === keeping) return
    this.#keeping = keeping
    this.#onKeeping()
  }
}
