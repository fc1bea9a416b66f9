import * as Y from 'yjs'
import { Code, isPermanent } from '../wire/code.ts'
import { type Hold, heavier } from './hold.ts'
import { independentParts } from './independent-parts.ts'
import { inPairs } from './pieces.ts'
import type { SaveState } from './save-status.ts'
import { split } from './split.ts'

/** Edits on the road at once. Each waits for a disk, so that one alone would tie the pace to it. */
const MAX_IN_FLIGHT = 8
/** What a merge may add to each of its parts, in bytes. */
const MERGE_MARGIN = 16
/** An edit that fails to fit this often in a row waits for the next local change. */
const MAX_RESYNCS = 5
/** Time before a rejected edit goes again, where the server names none. */
const RETRY_MS = 1_000
/** Longest time that a server may hold an edit back. */
const MAX_RETRY_MS = 60_000

export interface Edit {
  id: number
  update: Uint8Array
}

/**
 * Local changes until the server has saved them. A change waits in a queue, goes out merged with its neighbours as one edit,
 * and is forgotten when that edit is saved. A rejected edit goes back to the front of the queue once every edit in flight has
 * its answer, so that edits that build on each other keep their order.
 */
export class Outbox {
  #queued: Uint8Array[] = []
  #inFlight = new Map<number, Uint8Array>()
  #returned = new Map<number, Uint8Array>()
  #lastId = 0
  #hold: Hold = { type: 'none' }
  #resyncs = 0
  /** Whether the last difference was refused because it holds changes of somebody who is here. */
  #isForeign = false
  /** Parts of the queue that go ahead of it. Nobody waits for their answers: the queue holds them too. */
  #vanguard: Uint8Array[] = []

  /** A local change. It also gives a blocked queue its next try. */
  add(update: Uint8Array): void {
    this.unblock()
    this.#queued = inPairs([...this.#queued, update])
  }

  /** Changes from an earlier visit, in order, before those of this one. */
  restore(changes: Uint8Array[]): void {
    this.#queued.unshift(...changes)
  }

  /** Everything that is not saved, in order. */
  get unsaved(): Uint8Array[] {
    return [...inOrder([...this.#inFlight, ...this.#returned]), ...this.#queued]
  }

  /** Lets a blocked queue try once more: something changed that may make it acceptable. */
  unblock(): void {
    if (!this.isBlocked) return
    this.#hold = { type: 'none' }
    this.#resyncs = 0
  }

  get isBlocked(): boolean {
    return this.#hold.type === 'blocked'
  }

  /** When the next edit may go as far as the outbox is concerned; infinite while it waits for something else than time. */
  readyAt(now: number): number {
    const waits = this.#queued.length === 0 || this.#returned.size > 0 || this.#inFlight.size >= MAX_IN_FLIGHT
    if (waits) return Infinity
    if (this.#hold.type === 'until') return this.#hold.at
    return this.#hold.type === 'none' ? now : Infinity
  }

  /** Takes the next edit off the queue: as many neighbours as fit into `maxBytes`, or a part of the first piece. */
  take(maxBytes: number): Edit | null {
    const ahead = this.#vanguard.shift()
    if (ahead) return { id: ++this.#lastId, update: ahead }
    if (this.#queued.length === 0) return null
    const [update, ...rest] = split(this.#takeNeighbours(maxBytes), maxBytes)
    if (!update) return null
    this.#queued.unshift(...rest)
    this.#hold = { type: 'none' }
    this.#inFlight.set(++this.#lastId, update)
    return { id: this.#lastId, update }
  }

  #takeNeighbours(maxBytes: number): Uint8Array {
    let sum = 0
    const over = this.#queued.findIndex((piece) => (sum += piece.byteLength + MERGE_MARGIN) > maxBytes)
    const pieces = this.#queued.splice(0, over < 0 ? this.#queued.length : Math.max(1, over))
    return Y.mergeUpdates(pieces)
  }

  /** Forgets a saved edit; false for one that is not in flight. */
  saved(id: number): boolean {
    if (!this.#inFlight.delete(id)) return false
    this.#resyncs = 0
    this.#isForeign = false
    this.#settle()
    return true
  }

  /** Takes a rejected edit back; false for one that is not in flight. */
  rejected(now: number, id: number, code: number, retryAfterMs: number | null): boolean {
    const update = this.#inFlight.get(id)
    if (!update) return false
    this.#inFlight.delete(id)
    this.#returned.set(id, update)
    this.#hold = heavier(this.#hold, this.#holdFor(now, code, retryAfterMs))
    this.#settle()
    return true
  }

  #holdFor(now: number, code: number, retryAfterMs: number | null): Hold {
    // A difference that holds changes of people who are here is refused until the server has those from themselves; one
    // with this side's own changes from earlier until the server knows that the earlier connection is dead.
    const isForeign = code === Code.ForeignAuthor
    this.#isForeign ||= isForeign
    const wantsResync = isForeign || code === Code.ResyncNeeded
    // One of several on the road that failed for one reason.
    if (wantsResync && this.#hold.type === 'resync') return this.#hold
    if (isForeign || (wantsResync && this.#resyncs < MAX_RESYNCS)) {
      const delay = retryAfterMs ?? RETRY_MS * Math.min(this.#resyncs, MAX_RESYNCS)
      this.#resyncs++
      return { type: 'resync', at: now + Math.min(delay, MAX_RETRY_MS), isAsked: false }
    }
    if (wantsResync || isPermanent(code)) return { type: 'blocked' }
    return { type: 'until', at: now + Math.min(retryAfterMs ?? RETRY_MS, MAX_RETRY_MS) }
  }

  /** Once everything in flight has its answer, what was rejected goes back to the front, in its old order. */
  #settle(): void {
    if (this.#inFlight.size > 0) return
    this.#queued.unshift(...inOrder([...this.#returned]))
    this.#returned.clear()
  }

  /** When the server must be asked what it has; infinite when it need not be, or must answer other things first. */
  get syncAt(): number {
    return this.#hold.type === 'resync' && !this.#hold.isAsked && this.#inFlight.size === 0 ? this.#hold.at : Infinity
  }

  /** The server was asked. */
  syncAsked(): void {
    if (this.#hold.type === 'resync') this.#hold = { ...this.#hold, isAsked: true }
  }

  /** Whether what waits must be computed again from what the server has. */
  get wantsDifference(): boolean {
    return this.#hold.type === 'resync' && this.#inFlight.size === 0
  }

  /**
   * `difference` holds what the server lacks. It goes in one with the queue, of which the server may have something that it
   * has not saved: only the answer to a repetition tells that it is.
   */
  complete(difference: Uint8Array): void {
    // Members whose unsaved changes build on each other's, as after a crash of the server, each hold all of them and are each
    // refused for the others' sake. So everybody sends ahead what stands by itself; with each round more of it does.
    this.#vanguard = this.#isForeign ? independentParts(difference) : []
    this.release()
    this.#queued = [Y.mergeUpdates([difference, ...this.#queued])]
  }

  /** The queue may go as it is. */
  release(): void {
    if (this.#hold.type === 'resync') this.#hold = { type: 'none' }
  }

  /** The connection is gone, and with it every answer that was still to come. */
  lost(): void {
    this.#vanguard = []
    for (const [id, update] of this.#inFlight) this.#returned.set(id, update)
    this.#inFlight.clear()
    this.#settle()
    if (this.#hold.type === 'resync') this.#hold = { ...this.#hold, isAsked: false }
  }

  /** Forgets everything: the text it belongs to is given up. */
  clear(): void {
    this.#queued = []
    this.#inFlight.clear()
    this.#returned.clear()
    this.#vanguard = []
    this.#hold = { type: 'none' }
    this.#resyncs = 0
    this.#isForeign = false
  }

  get state(): SaveState {
    if (this.#queued.length > 0 || this.#returned.size > 0) return 'device'
    return this.#inFlight.size > 0 ? 'sent' : 'saved'
  }
}

function inOrder(edits: [number, Uint8Array][]): Uint8Array[] {
  return edits.sort(([a], [b]) => a - b).map(([, update]) => update)
}
