import * as Y from 'yjs'
import { Code, isPermanent } from '../wire/code'
import type { ClientFrame, Durability, Rejected, Welcome } from '../wire/frames'
import { Backoff } from './backoff'
import { withoutDeletionsOf } from './deletions'
import { Outbox } from './outbox'
import type { SaveStatus } from './save-status'

/** Brings local changes to the server's disk, whatever it answers. Pure: time is an argument. */
export class Saver {
  readonly #doc: Y.Doc
  readonly #outbox = new Outbox()
  readonly #backoff: Backoff
  #problem: SaveStatus['problem'] = null
  #durability: Durability | null = null
  /** When to ask for the server's state; infinite when that is not needed. */
  #syncAt = Infinity
  #isSyncing = false

  constructor(doc: Y.Doc, random: () => number) {
    this.#doc = doc
    this.#backoff = new Backoff(random)
  }

  /** A local change. */
  add(update: Uint8Array, now: number): void {
    this.#outbox.add(update)
    // The person did something about it: one more try, with all that is there.
    if (this.#outbox.hasParked && !this.#isSyncing) this.#syncAt = Math.min(this.#syncAt, now)
  }

  attach(welcome: Welcome, now: number): void {
    this.#outbox.attach(welcome.policy, now)
    this.#isSyncing = false
    this.#syncAt = this.#outbox.hasParked ? now : Infinity
    if (this.#outbox.isEmpty && hasMore(this.#doc, welcome.stateVector)) {
      this.#complete(welcome.stateVector, welcome.missing)
    }
  }

  detach(): void {
    this.#outbox.detach()
    this.#isSyncing = false
    this.#syncAt = Infinity
  }

  /** The next frame to send, if one is due. */
  poll(now: number): ClientFrame | null {
    if (now >= this.#syncAt) {
      this.#syncAt = Infinity
      this.#isSyncing = true
      return { type: 'SyncRequest', stateVector: Y.encodeStateVector(this.#doc) }
    }
    if (this.#isHeld) return null
    const edit = this.#outbox.poll(now)
    return edit && { type: 'Edit', id: edit.id, update: edit.update }
  }

  nextAt(now: number): number {
    return this.#isHeld ? this.#syncAt : this.#outbox.nextAt(now)
  }

  saved(id: number, durability: Durability): void {
    if (!this.#outbox.saved(id)) return
    this.#durability = durability
    this.#backoff.reset()
    if (!this.#outbox.hasParked) this.#problem = null
  }

  rejected({ id, code, message, retryAfterMs }: Rejected, now: number): void {
    const edit = this.#outbox.inFlight
    if (edit?.id !== id) return
    // Foreign are changes by others that the server lost, until they send them themselves, and those of an earlier visit,
    // until the server knows that its connection is dead.
    if (code === Code.ResyncNeeded || code === Code.ForeignAuthor) {
      this.#outbox.retry(id, now)
      this.#syncAt = now + this.#backoff.next()
    } else if (isPermanent(code)) {
      this.#outbox.park(id)
      this.#problem = { code, message }
    } else {
      this.#outbox.retry(id, now + (retryAfterMs ?? this.#backoff.next()))
    }
  }

  /** The server told its state and what it has. If we asked, what it lacks goes with all that waits. */
  resynced(stateVector: Uint8Array, theirs: Uint8Array): void {
    if (!this.#isSyncing) return
    this.#isSyncing = false
    if (!this.#outbox.isEmpty) this.#complete(stateVector, theirs)
  }

  #complete(stateVector: Uint8Array, theirs: Uint8Array): void {
    this.#outbox.complete(withoutDeletionsOf(Y.encodeStateAsUpdate(this.#doc, stateVector), theirs))
  }

  /** Changes from an earlier visit that are in the document. */
  restore(changes: Uint8Array[]): void {
    this.#outbox.restore(changes)
  }

  /** Everything that is not saved, in order. */
  get unsaved(): Uint8Array[] {
    return this.#outbox.unsaved
  }

  /** Gives up everything that is not saved. */
  clear(): void {
    this.#outbox.clear()
    this.#problem = null
  }

  get isEmpty(): boolean {
    return this.#outbox.isEmpty
  }

  status(now: number): Omit<SaveStatus, 'keeping'> {
    const nextAt = this.nextAt(now)
    return {
      state: this.#outbox.isEmpty ? 'saved' : this.#outbox.isWaiting || this.#outbox.hasParked ? 'device' : 'sent',
      nextEditAt: Number.isFinite(nextAt) ? nextAt : null,
      editsLeft: this.#outbox.editsLeft(now),
      problem: this.#problem,
      durability: this.#durability,
    }
  }

  get #isHeld(): boolean {
    return this.#isSyncing || this.#syncAt < Infinity
  }
}

/** Whether the document holds changes that a state vector lacks. */
function hasMore(doc: Y.Doc, stateVector: Uint8Array): boolean {
  const theirs = Y.decodeStateVector(stateVector)
  const ours = Y.decodeStateVector(Y.encodeStateVector(doc))
  return [...ours].some(([client, clock]) => clock > (theirs.get(client) ?? 0))
}
