import * as enc from 'lib0/encoding'
import { type Awareness, applyAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { Cursor, Presence } from '../wire/datagrams.ts'
import { fromWire, toWire } from './position.ts'
import type { Person } from './roster.ts'

/** Shortest time between two of our own positions, in milliseconds. */
const INTERVAL_MS = 100

interface LocalCursor {
  anchor: Y.RelativePosition
  head: Y.RelativePosition
}

interface Remote {
  seq: number
  cursor: Cursor | null
}

/** Turns a local awareness, which editors know, into presence datagrams, and theirs into awareness states. */
export class PresenceBridge {
  #remotes = new Map<number, Remote>()
  #clock = 0
  #seq: number
  #dirty = false
  #notBefore = 0

  /**
   * @param root the name of the root text that cursors are in
   * @param firstSeq above every number this member has used before
   * @param origin named as the origin of remote awareness changes
   */
  constructor(
    readonly awareness: Awareness,
    readonly root: string,
    firstSeq: number,
    readonly origin: unknown,
  ) {
    this.#seq = firstSeq
  }

  /** The local cursor moved, or should be told again. */
  touch(): void {
    this.#dirty = true
  }

  get nextAt(): number {
    return this.#dirty ? this.#notBefore : Infinity
  }

  /** What to tell the others, if it is time. */
  poll(now: number): { seq: number; cursor: Cursor | null } | null {
    if (now < this.nextAt) return null
    this.#dirty = false
    this.#notBefore = now + INTERVAL_MS
    const cursor = this.awareness.getLocalState()?.['cursor'] as LocalCursor | null | undefined
    return { seq: ++this.#seq, cursor: cursor ? { anchor: toWire(cursor.anchor), head: toWire(cursor.head) } : null }
  }

  /** Somebody's cursor, as a datagram brought it. An older one than the last is dropped. */
  receive({ member, seq, cursor }: Presence, person: Person | undefined): void {
    if (seq <= (this.#remotes.get(member)?.seq ?? -1)) return
    this.#remotes.set(member, { seq, cursor })
    this.#show(member, person)
  }

  /** Names changed, people came or left. */
  refresh(lookup: (member: number) => Person | undefined): void {
    for (const member of this.#remotes.keys()) this.#show(member, lookup(member))
  }

  clear(): void {
    const members = [...this.#remotes.keys()]
    this.#remotes.clear()
    removeAwarenessStates(this.awareness, members, this.origin)
  }

  /** Shows a cursor whose owner is known to be here: a datagram may come before its owner does, or after they left. */
  #show(member: number, person: Person | undefined): void {
    const cursor = this.#remotes.get(member)?.cursor
    if (!cursor || !person) return removeAwarenessStates(this.awareness, [member], this.origin)
    const state = {
      user: { name: person.name, ...person.colour },
      cursor: { anchor: fromWire(cursor.anchor, this.root), head: fromWire(cursor.head, this.root) },
    }
    const clock = ++this.#clock
    const update = enc.encode((e) => {
      enc.writeVarUint(e, 1)
      enc.writeVarUint(e, member)
      enc.writeVarUint(e, clock)
      enc.writeVarString(e, JSON.stringify(state))
    })
    applyAwarenessUpdate(this.awareness, update, this.origin)
  }
}
