import * as enc from 'lib0/encoding'
import * as Y from 'yjs'

/** Operations of one author that follow each other. */
export interface Range {
  clock: number
  len: number
}

/**
 * An update without the deletions that another one names too. A difference from a state vector names every deletion that
 * ever was, for a state vector does not tell them; what the server sent tells.
 */
export function withoutDeletionsOf(update: Uint8Array, known: Uint8Array): Uint8Array {
  const own = rangesOf(Y.decodeUpdate(update).ds)
  const theirs = rangesOf(Y.decodeUpdate(known).ds)
  // The deletions stand at the end, in the order in which they were read.
  const structs = update.subarray(0, update.byteLength - encodeDeletions(own).byteLength)
  const left = [...own].map(([client, ranges]) => [client, subtract(ranges, theirs.get(client) ?? [])] as const)
  const deletions = encodeDeletions(new Map(left.filter(([, ranges]) => ranges.length > 0)))
  return enc.encode((e) => {
    enc.writeUint8Array(e, structs)
    enc.writeUint8Array(e, deletions)
  })
}

/** What an update deletes, by author, in the order in which it stands there. */
export function rangesOf(ds: ReturnType<typeof Y.decodeUpdate>['ds']): Map<number, Range[]> {
  return ds.clients
}

/** As an update ends with them. */
export function encodeDeletions(clients: Map<number, Range[]>): Uint8Array {
  return enc.encode((e) => {
    enc.writeVarUint(e, clients.size)
    for (const [client, ranges] of clients) {
      enc.writeVarUint(e, client)
      enc.writeVarUint(e, ranges.length)
      for (const { clock, len } of ranges) {
        enc.writeVarUint(e, clock)
        enc.writeVarUint(e, len)
      }
    }
  })
}

/** What is left of ascending ranges without others. */
function subtract(ranges: Range[], holes: Range[]): Range[] {
  const left: Range[] = []
  let next = 0
  for (const { clock, len } of ranges) {
    let start = clock
    const end = clock + len
    while (next < holes.length && endOf(holes[next]) <= start) next++
    for (let i = next; i < holes.length && (holes[i]?.clock ?? end) < end; i++) {
      const hole = holes[i] ?? { clock: end, len: 0 }
      if (start < hole.clock) left.push({ clock: start, len: hole.clock - start })
      start = Math.max(start, endOf(hole))
    }
    if (start < end) left.push({ clock: start, len: end - start })
  }
  return left
}

function endOf(range: Range | undefined): number {
  return range ? range.clock + range.len : Infinity
}
