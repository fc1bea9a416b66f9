import * as enc from 'lib0/encoding'
import * as Y from 'yjs'
import { type Range, encodeDeletions } from './deletions.ts'
import type { Struct } from './structs.ts'

interface Section {
  /** The first operation's. */
  clock: number
  count: number
  structs: Y.UpdateEncoderV1
}

/** An update in the making, which knows its size. */
export class Part {
  /** What an author costs at most besides the operations: counts and clock of 5 bytes each, an id of 8. */
  static readonly AUTHOR_BYTES = 18
  /** What a deletion takes at most when it is its author's only one. */
  static readonly DELETION_BYTES = 24
  /** What an item takes at most besides its text and its root's name: two ids of 13 bytes, two lengths of 5, two kinds. */
  static readonly ITEM_HEAD_BYTES = 2 * 13 + 2 * 5 + 2
  readonly #sections = new Map<number, Section>()
  readonly #deletions = new Map<number, Range[]>()
  deletions = 0
  /** Its size at most, in bytes; 0 while nothing is in it. */
  mostBytes = 0

  get authors(): number {
    return this.#sections.size
  }

  get isEmpty(): boolean {
    return this.mostBytes === 0
  }

  addStruct(struct: Struct): void {
    const section = this.#sections.get(struct.id.client) ?? this.#begin(struct.id)
    const before = enc.length(section.structs.restEncoder)
    struct.write(section.structs, 0)
    section.count++
    this.mostBytes += enc.length(section.structs.restEncoder) - before
  }

  addDeletion(client: number, range: Range): void {
    const ranges = this.#deletions.get(client)
    if (ranges) ranges.push(range)
    else this.#deletions.set(client, [range])
    this.deletions++
    this.mostBytes += Part.DELETION_BYTES
  }

  encode(): Uint8Array {
    return enc.encode((e) => {
      enc.writeVarUint(e, this.#sections.size)
      for (const [client, { clock, count, structs }] of this.#sections) {
        for (const head of [count, client, clock]) enc.writeVarUint(e, head)
        enc.writeUint8Array(e, structs.toUint8Array())
      }
      enc.writeUint8Array(e, encodeDeletions(this.#deletions))
    })
  }

  #begin({ client, clock }: Y.ID): Section {
    const section = { clock, count: 0, structs: new Y.UpdateEncoderV1() }
    this.#sections.set(client, section)
    this.mostBytes += Part.AUTHOR_BYTES
    return section
  }
}
