/** What keeps changes from going out. The later ones outweigh the earlier. */
export type Hold =
  | { type: 'none' }
  /** The server asked for patience. */
  | { type: 'until'; at: number }
  /** The server lacks something: it must say what it has, then the edit is computed again. */
  | { type: 'resync'; at: number; isAsked: boolean }
  /** The server will not take it as it is; the next local change may make it acceptable. */
  | { type: 'blocked' }

const WEIGHTS: Hold['type'][] = ['none', 'until', 'resync', 'blocked']

export function heavier(a: Hold, b: Hold): Hold {
  const difference = WEIGHTS.indexOf(a.type) - WEIGHTS.indexOf(b.type)
  if (difference !== 0) return difference > 0 ? a : b
  return timeOf(a) >= timeOf(b) ? a : b
}

function timeOf(hold: Hold): number {
  return hold.type === 'until' || hold.type === 'resync' ? hold.at : 0
}
