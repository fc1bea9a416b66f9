import type * as Y from 'yjs'

/** An operation in an update: an item, or the place of one that is gone. */
export type Struct = ReturnType<typeof Y.decodeUpdate>['structs'][number]

/** The operations of an update by their authors, each author's in their order. */
export function byAuthor(structs: Struct[]): Map<number, Struct[]> {
  const authors = new Map<number, Struct[]>()
  for (const struct of structs) {
    const own = authors.get(struct.id.client)
    if (own) own.push(struct)
    else authors.set(struct.id.client, [struct])
  }
  return authors
}

/** Whether an operation is among these, of one author. */
export function holds(structs: Struct[] | undefined, clock: number): boolean {
  const [first, last] = [structs?.[0], structs?.at(-1)]
  return !!first && !!last && first.id.clock <= clock && clock < last.id.clock + last.length
}
