import type { Keeping } from '../keep/persistence.ts'
import type { Durability } from '../wire/frames.ts'

/**
 * Where the local changes are. `device`: something is only here. `sent`: all is on its way and not yet answered.
 * `saved`: the server has all of it on disk (or in a quorum of its cluster).
 */
export type SaveState = 'device' | 'sent' | 'saved'

export interface SaveStatus {
  state: SaveState
  /** When what waits may be sent, by the provider's clock; null when nothing waits, or when that is not known. */
  nextEditAt: number | null
  /** How many edits the budget has left; null while not connected. */
  editsLeft: number | null
  /** Why the server does not take the changes as they are; null when nothing is wrong. */
  problem: { code: number; message: string } | null
  /** What the last answer promised; null before the first. */
  durability: Durability | null
  /** Whether what is not saved outlives the page. */
  keeping: Keeping
}
