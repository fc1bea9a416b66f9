import * as Y from 'yjs'
import type { ClientFrame, Durability, Policy, Rejected, Welcome } from '../wire/frames.ts'
import { withoutDeletionsOf } from './deletions.ts'
import { Outbox } from './outbox.ts'
import type { SaveStatus } from './save-status.ts'
import { TokenBucket } from './token-bucket.ts'

/** Brings local changes to the server's disk, whatever it answers. Pure: time is an argument. */
export class Saver {
  readonly #doc: Y.Doc
  readonly #outbox = new Outbox()
  #problem: SaveStatus['problem'] = null
  #durability: Durability | null = null
  #policy: Policy | null = null
  /** The budget of the present membership; null without one. */
  #bucket: TokenBucket | null = null
  /** Joining again does not lift the throttle. */
  #lastEditAt = -Infinity

  constructor(doc: Y.Doc) {
    this.#doc = doc
  }

  /** A local change. */
  add(update: Uint8Array): void {
    this.#outbox.add(update)
  }

  attach({ policy, stateVector, missing }: Welcome, now: number): void {
    this.adopt(policy, now)
    const isUnknown = this.isEmpty && hasMore(this.#doc, stateVector)
    if (isUnknown || this.#outbox.wantsDifference) this.#complete(stateVector, missing)
  }

  /** Takes over the server's limits. */
  adopt(policy: Policy, now: number): void {
    this.#policy = policy
    this.#bucket = new TokenBucket(policy.burst, policy.editsPerMinute, policy.tokens, now)
  }

  detach(): void {
    this.#outbox.lost()
    this.#bucket = null
  }

  /** This member may change the text now. */
  unblock(): void {
    this.#outbox.unblock()
  }

  /** The next frame to send, if one is due. */
  poll(now: number): ClientFrame | null {
    if (!this.#policy || !this.#bucket) return null
    if (now >= this.#outbox.syncAt) {
      this.#outbox.syncAsked()
      return { type: 'SyncRequest', stateVector: Y.encodeStateVector(this.#doc) }
    }
    const edit = now >= this.#nextEditAt(now) ? this.#outbox.take(this.#policy.maxUpdateBytes) : null
    if (!edit) return null
    this.#bucket.take(now)
    this.#lastEditAt = now
    return { type: 'Edit', id: edit.id, update: edit.update }
  }

  /** When {@link poll} has something. */
  nextAt(now: number): number {
    return this.#bucket ? Math.min(this.#outbox.syncAt, this.#nextEditAt(now)) : Infinity
  }

  #nextEditAt(now: number): number {
    if (!this.#policy || !this.#bucket) return Infinity
    const throttled = this.#lastEditAt + this.#policy.throttleMs
    return Math.max(this.#outbox.readyAt(now), this.#bucket.readyAt(now), throttled)
  }

  saved(id: number, durability: Durability): void {
    if (!this.#outbox.saved(id)) return
    this.#durability = durability
    if (!this.#outbox.isBlocked) this.#problem = null
  }

  rejected({ id, code, message, retryAfterMs }: Rejected, now: number): void {
    if (!this.#outbox.rejected(now, id, code, retryAfterMs)) return
    if (this.#outbox.isBlocked) this.#problem = { code, message }
  }

  /** The server told its state and what it has. If we asked, what it lacks goes with all that waits. */
  resynced(stateVector: Uint8Array, theirs: Uint8Array): void {
    if (this.#outbox.wantsDifference) this.#complete(stateVector, theirs)
  }

  #complete(stateVector: Uint8Array, theirs: Uint8Array): void {
    const difference = withoutDeletionsOf(Y.encodeStateAsUpdate(this.#doc, stateVector), theirs)
    if (isNothing(difference)) this.#outbox.release()
    else this.#outbox.complete(difference)
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

  /** The limits that the server named last. */
  get policy(): Policy | null {
    return this.#policy
  }

  get isEmpty(): boolean {
    return this.#outbox.state === 'saved'
  }

  status(now: number): Omit<SaveStatus, 'keeping'> {
    const nextAt = this.#nextEditAt(now)
    return {
      state: this.#outbox.state,
      nextEditAt: Number.isFinite(nextAt) ? nextAt : null,
      editsLeft: this.#bucket?.left(now) ?? null,
      problem: this.#problem,
      durability: this.#durability,
    }
  }
}

/** Whether the document holds changes that a state vector lacks. */
function hasMore(doc: Y.Doc, stateVector: Uint8Array): boolean {
  const theirs = Y.decodeStateVector(stateVector)
  const ours = Y.decodeStateVector(Y.encodeStateVector(doc))
  return [...ours].some(([client, clock]) => clock > (theirs.get(client) ?? 0))
}

/** Whether an update changes nothing: no operations, no deletions. */
function isNothing(update: Uint8Array): boolean {
  return update.byteLength === 2 && update[0] === 0 && update[1] === 0
}
