import type { LogEntry } from './log-entry'
import type { LogSource } from './log-source'

/** Most entries in one file: some 60 MB. */
export const MAX_EXPORT = 200_000

export interface Exported {
  /** One entry a line, oldest first, as `collab-cli logs --json` prints them. */
  file: Blob
  count: number
  /** Whether older entries were left out. */
  isCut: boolean
}

/** Everything that matches, page by page. */
export async function exportLog(source: LogSource, onCount: (count: number) => void, max = MAX_EXPORT): Promise<Exported> {
  const pages: string[] = []
  let count = 0
  let before: number | null = null
  for (;;) {
    const { entries, first_seq, more } = await source.page(before, Math.min(1_000, max - count))
    pages.push(linesOf(entries))
    count += entries.length
    onCount(count)
    before = first_seq
    if (!more || count >= max) {
      const file = new Blob(pages.reverse(), { type: 'application/x-ndjson' })
      return { file, count, isCut: more }
    }
  }
}

/** A page comes newest first. */
function linesOf(entries: LogEntry[]): string {
  return [...entries].reverse().map((entry) => `${JSON.stringify(entry)}\n`).join('')
}
