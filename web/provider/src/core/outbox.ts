import * as Y from 'yjs'
import type { Policy } from '../wire/frames'
import { TokenBucket } from './token-bucket'

export interface Edit {
  id: number
  update: Uint8Array
}

/**
 * Local changes on their way to the server's disk. The first goes at once; what follows is merged until the throttle and
 * the budget allow another. One edit is under way at a time: the server wants each author's changes without a gap, and so
 * a rejected one can be put back before those that build on it. A change leaves only when the server has saved it.
 */
export class Outbox {
  #queue: Uint8Array[] = []
  #inFlight: Edit | null = null
  #parked: Uint8Array[] = []
  #lastId = 0
  #notBefore = 0
  #policy: Policy | null = null
  #bucket: TokenBucket | null = null

  /** Keeps a local change. */
  add(update: Uint8Array): void {
    const last = this.#queue.pop()
    this.#queue.push(...(last ? this.#merge(last, update) : [update]))
  }

  /** Changes from an earlier visit, in order, before those of this one. */
  restore(changes: Uint8Array[]): void {
    this.#queue.unshift(...changes)
  }

  /** Everything that is not saved, in order. */
  get unsaved(): Uint8Array[] {
    const sent = this.#inFlight ? [this.#inFlight.update] : []
    return [...this.#parked, ...sent, ...this.#queue]
  }

  /** Forgets everything: the text it belongs to is given up. */
  clear(): void {
    this.#queue = []
    this.#parked = []
    this.#inFlight = null
  }

  /** Takes over the limits of a new membership. What was under way is sent again. */
  attach(policy: Policy, now: number): void {
    this.detach()
    this.#policy = policy
    this.#bucket = new TokenBucket(policy.burst, policy.editsPerMinute, policy.tokens, now)
    this.#notBefore = now
  }

  /** The connection is gone; nothing is sent until the next {@link attach}. */
  detach(): void {
    this.#requeue()
    this.#policy = null
    this.#bucket = null
  }

  /** The next edit to send, if one is due. */
  poll(now: number): Edit | null {
    if (now < this.nextAt(now) || !this.#policy) return null
    const update = this.#queue.shift()
    if (!update) return null
    this.#bucket?.take(now)
    this.#notBefore = now + this.#policy.throttleMs
    this.#inFlight = { id: ++this.#lastId, update }
    return this.#inFlight
  }

  /** When {@link poll} gives an edit; infinite while nothing may go. What builds on a parked change would leave a gap. */
  nextAt(now: number): number {
    if (!this.isWaiting || this.#inFlight || this.hasParked || !this.#bucket) return Infinity
    return Math.max(this.#notBefore, this.#bucket.readyAt(now))
  }

  /** How many edits the budget has left; null while not attached. */
  editsLeft(now: number): number | null {
    return this.#bucket?.left(now) ?? null
  }

  /** The edit is safe. Returns whether it was the one under way. */
  saved(id: number): boolean {
    if (this.#inFlight?.id !== id) return false
    this.#inFlight = null
    return true
  }

  /** The edit was not taken, and may be sent again from `notBefore` on. */
  retry(id: number, notBefore: number): void {
    if (this.#inFlight?.id !== id) return
    this.#requeue()
    this.#notBefore = Math.max(this.#notBefore, notBefore)
  }

  /** The edit will never be taken as it is. It is kept, but not sent again by itself. */
  park(id: number): void {
    if (this.#inFlight?.id !== id) return
    this.#parked.push(this.#inFlight.update)
    this.#inFlight = null
  }

  /**
   * Adds what the server lacks, computed from its state. It goes in one with all that waits, of which the server may have
   * something that it has not saved: only the answer to a repetition tells that it is. Where that exceeds the server's
   * limit, the changes go in the pieces in which they were made.
   */
  complete(diff: Uint8Array): void {
    const waiting = [...this.#parked.splice(0), ...this.#queue]
    const fits = diff.byteLength <= this.#maxBytes
    const merged = fits ? Y.mergeUpdates([diff, ...waiting]) : diff
    const isOne = fits && merged.byteLength <= this.#maxBytes
    this.#queue = isOne ? [merged] : fits ? [diff, ...waiting] : waiting
  }

  get inFlight(): Edit | null {
    return this.#inFlight
  }

  get hasParked(): boolean {
    return this.#parked.length > 0
  }

  get isWaiting(): boolean {
    return this.#queue.length > 0
  }

  /** Whether everything is saved. */
  get isEmpty(): boolean {
    return !this.isWaiting && !this.#inFlight && !this.hasParked
  }

  #requeue(): void {
    if (!this.#inFlight) return
    const next = this.#queue.shift()
    this.#queue.unshift(...(next ? this.#merge(this.#inFlight.update, next) : [this.#inFlight.update]))
    this.#inFlight = null
  }

  /** Both in one if the server would take that. */
  #merge(first: Uint8Array, second: Uint8Array): Uint8Array[] {
    const merged = Y.mergeUpdates([first, second])
    return merged.byteLength <= this.#maxBytes ? [merged] : [first, second]
  }

  get #maxBytes(): number {
    return this.#policy?.maxUpdateBytes ?? 256 * 1024
  }
}
