import * as enc from 'lib0/encoding'
import * as Y from 'yjs'

interface Range {
  clock: number
  len: number
}

/**
 * An update without the deletions that another one names too. A difference from a state vector names every deletion that
 * ever was, for a state vector does not tell them; what the server sent tells.
 */
export function withoutDeletionsOf(update: Uint8Array, known: Uint8Array): Uint8Array {
  const own = Y.decodeUpdate(update).ds.clients as Map<number, Range[]>
  const theirs = Y.decodeUpdate(known).ds.clients as Map<number, Range[]>
  // The deletions stand at the end, in the order in which they were read.
  const structs = update.subarray(0, update.byteLength - encode(own).byteLength)
  const left = [...own].map(([client, ranges]) => [client, subtract(ranges, theirs.get(client) ?? [])] as const)
  const deletions = encode(new Map(left.filter(([, ranges]) => ranges.length > 0)))
  return enc.encode((e) => {
    enc.writeUint8Array(e, structs)
    enc.writeUint8Array(e, deletions)
  })
}

function encode(clients: Map<number, Range[]>): Uint8Array {
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
