import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { KINDS, type LogEntry } from '../src/logs/log-entry'
import { exportLog } from '../src/logs/log-export'
import type { LogSource } from '../src/logs/log-source'

const entry = (seq: number): LogEntry => ({
  seq,
  time_ms: 1_000 * seq,
  kind: 'edited',
  room: 'demo',
  member: 1,
  name: 'Ada',
  address: null,
  bytes: 12,
  detail: null,
})

/** A log with the entries 1 to `newest`, which gives at most three a page. */
function source(newest: number): LogSource {
  const page = (before: number | null, limit: number): Promise<unknown> => {
    const last = before === null ? newest : before - 1
    const count = Math.min(3, limit, last)
    const entries = Array.from({ length: count }, (_, i) => entry(last - i))
    return Promise.resolve({ entries, first_seq: last - count + 1, last_seq: last, more: last - count > 0 })
  }
  return { page } as unknown as LogSource
}

const seqs = async (file: Blob): Promise<number[]> =>
  (await file.text()).trimEnd().split('\n').map((line) => (JSON.parse(line) as LogEntry).seq)

test('an export has every entry once, oldest first, one a line', async () => {
  const counts: number[] = []
  const { file, count, isCut } = await exportLog(source(8), (count) => counts.push(count))
  expect(await seqs(file)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect({ count, isCut, counts }).toEqual({ count: 8, isCut: false, counts: [3, 6, 8] })
})

test('an export that would be too large has the newest entries, and says so', async () => {
  const { file, count, isCut } = await exportLog(source(8), () => undefined, 4)
  expect(await seqs(file)).toEqual([5, 6, 7, 8])
  expect({ count, isCut }).toEqual({ count: 4, isCut: true })
  expect((await exportLog(source(4), () => undefined, 4)).isCut).toBe(false)
})

test('the filter knows every kind that the server writes', () => {
  const api = readFileSync(new URL('../../../proto/src/api/log.rs', import.meta.url), 'utf8')
  const kinds = [...(/^kinds! \{([^}]*)\}/m.exec(api)?.[1] ?? '').matchAll(/ = "([a-z-]+)"/g)].map(([, kind]) => kind)
  expect(kinds.length).toBeGreaterThan(10)
  expect(KINDS).toEqual(kinds)
})
