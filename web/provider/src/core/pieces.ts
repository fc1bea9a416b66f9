import * as Y from 'yjs'

/** Above this many pieces small neighbours are merged, so that a long time offline stays small. */
const MAX_PIECES = 64
/** How large a piece may grow by that, in bytes. */
const PIECE_BYTES = 16 * 1024

/** Small neighbours merged, two and two, once there are many: so a change is merged a few times in all, however many there come to be. */
export function inPairs(pieces: Uint8Array[]): Uint8Array[] {
  if (pieces.length <= MAX_PIECES) return pieces
  const pairs: Uint8Array[] = []
  for (let at = 0; at < pieces.length; at++) {
    const [one, other] = pieces.slice(at, at + 2)
    const fits = one && other && one.byteLength + other.byteLength <= PIECE_BYTES
    if (fits) at++
    if (one) pairs.push(fits ? Y.mergeUpdates([one, other]) : one)
  }
  return pairs
}
