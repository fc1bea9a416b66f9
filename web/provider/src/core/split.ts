import * as Y from 'yjs'
import { MAX_DELETIONS } from '../wire/limits.ts'
import { type Range, rangesOf } from './deletions.ts'
import { Part } from './part.ts'
import { type Struct, byAuthor, holds } from './structs.ts'

/** The least part that is made way for, in bytes: room for an item's ids and some text. */
const MIN_PART_BYTES = 256
/** Most authors in one part: a member's update may not bring in more for the first time. */
const MAX_PART_AUTHORS = 1_000
/** The fewest bytes that a deletion takes. */
const LEAST_DELETION_BYTES = 2

/**
 * An update in parts that a server with this `maxBytes` (256 at least) takes: each no longer, with no more deletions than one
 * update may name. Applied in order they do the same. An update that fits comes back as it is.
 *
 * @throws what Yjs throws for bytes that are no update, and for items that build on each other in a circle
 */
export function split(update: Uint8Array, maxBytes: number): Uint8Array[] {
  if (update.byteLength <= Math.min(maxBytes, LEAST_DELETION_BYTES * MAX_DELETIONS)) return [update]
  const { structs, ds } = Y.decodeUpdate(update)
  const deletions = [...rangesOf(ds)].flatMap(([client, ranges]) => ranges.map((range) => ({ client, range })))
  if (update.byteLength <= maxBytes && deletions.length <= MAX_DELETIONS) return [update]
  const parts = new Parts(Math.max(maxBytes, MIN_PART_BYTES))
  for (const struct of causalOrder(structs)) parts.addStruct(struct)
  for (const { client, range } of deletions) parts.addDeletion(client, range)
  return parts.finish()
}

class Parts {
  readonly #done: Uint8Array[] = []
  #part = new Part()

  constructor(readonly maxBytes: number) {}

  /** Adds an operation; a text in pieces where it does not fit. */
  addStruct(struct: Struct): void {
    for (let rest: Struct | null = struct; rest; ) {
      if (this.#room < MIN_PART_BYTES / 2 || this.#part.authors >= MAX_PART_AUTHORS) this.#next()
      const [front, back] = cut(rest, this.#room)
      this.#part.addStruct(front)
      rest = back
    }
  }

  addDeletion(client: number, range: Range): void {
    if (this.#room < Part.DELETION_BYTES || this.#part.deletions >= MAX_DELETIONS) this.#next()
    this.#part.addDeletion(client, range)
  }

  finish(): Uint8Array[] {
    this.#next()
    return this.#done
  }

  get #room(): number {
    return this.maxBytes - this.#part.mostBytes - Part.AUTHOR_BYTES
  }

  #next(): void {
    if (!this.#part.isEmpty) this.#done.push(this.#part.encode())
    this.#part = new Part()
  }
}

/** Cuts a text so that it takes no more than `room` bytes, if it can: what fits, and what is left. */
function cut(struct: Struct, room: number): [Struct, Struct | null] {
  if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentString)) return [struct, null]
  const { str } = struct.content
  // In an update that is not applied, a root is there by its name.
  const parent: unknown = struct.parent
  const fits = Math.max(4, room - Part.ITEM_HEAD_BYTES - (typeof parent === 'string' ? 3 * parent.length : 0))
  // A character takes three bytes at most for each unit of UTF-16. What is read ends between two characters.
  const read = 3 * str.length <= fits ? str.length : new TextEncoder().encodeInto(str, new Uint8Array(fits)).read
  return read === str.length ? [struct, null] : [piece(struct, str, 0, read), piece(struct, str, read, str.length)]
}

/** A part of an item's text as an item, as Yjs has it when it cuts one: each builds on the one before. */
function piece({ id, origin, rightOrigin, parent, parentSub }: Y.Item, text: string, from: number, to: number): Y.Item {
  // Yjs's types do not say that it is a content like any other.
  const content: unknown = new Y.ContentString(text.slice(from, to))
  const before = from === 0 ? origin : Y.createID(id.client, id.clock + from - 1)
  return new Y.Item(Y.createID(id.client, id.clock + from), null, before, null, rightOrigin, parent, parentSub, content as Y.Item['content'])
}

/** The operations in an order in which each comes after what it builds on. An author's stay together as far as that allows. */
function causalOrder(structs: Struct[]): Struct[] {
  const authors = byAuthor(structs)
  const next = new Map([...authors.keys()].map((client) => [client, 0]))
  const order: Struct[] = []
  const waitsFor = (struct: Struct): Y.ID | undefined =>
    originsOf(struct).find(({ client, clock }) => {
      const own = authors.get(client)
      return holds(own, clock) && (own?.[next.get(client) ?? 0]?.id.clock ?? Infinity) <= clock
    })
  for (const client of authors.keys()) {
    const road = [{ client, until: Infinity }]
    for (let step = road.at(-1); step; step = road.at(-1)) {
      const { client, until } = step
      const at = next.get(client) ?? 0
      const struct = authors.get(client)?.[at]
      const missing = struct && waitsFor(struct)
      if (!struct || struct.id.clock >= until) {
        road.pop()
      } else if (missing) {
        if (road.some((waiting) => waiting.client === missing.client)) throw new Error('items that build on each other in a circle')
        road.push({ client: missing.client, until: missing.clock + 1 })
      } else {
        order.push(struct)
        next.set(client, at + 1)
      }
    }
  }
  return order
}

function originsOf(struct: Struct): Y.ID[] {
  return struct instanceof Y.Item ? [struct.origin, struct.rightOrigin].filter((id) => id !== null) : []
}
