import { expect, test } from 'vitest'
import { decode } from '../src/editor/files'
import { pointsOf } from '../src/editor/latency-graph'
import { comings } from '../src/editor/roll'

const member = (id: number, name: string) => ({ id, name, role: 'editor' as const })

test('only text passes as text', () => {
  expect(decode(new TextEncoder().encode('\ufeffété\n'))).toBe('été\n')
  expect(decode(new Uint8Array([]))).toBe('')
  expect(decode(new Uint8Array([0x89, 0x50, 0x4e, 0x47]))).toBe(null)
  expect(decode(new Uint8Array([65, 0, 66]))).toBe(null)
})

test('the latency’s line stays inside its picture, and small differences stay small', () => {
  const heights = pointsOf([1, 100, 50]).map((point) => Number(point.split(',')[1]))
  expect(heights.every((y) => y >= 0 && y <= 18)).toBe(true)
  expect(Math.min(...pointsOf([1, 1.2]).map((point) => Number(point.split(',')[1])))).toBeGreaterThan(12)
  expect(pointsOf([])).toEqual([])
})

test('who came and who went; lists without names tell nothing', () => {
  const before = { count: 2, members: [member(1, 'Ada'), member(2, 'Bob')] }
  const after = { count: 2, members: [member(1, 'Ada'), member(3, 'Grace')] }
  expect(comings(before, after)).toEqual({ joined: ['Grace'], left: ['Bob'] })
  expect(comings(before, { count: 90, members: [] })).toEqual({ joined: [], left: [] })
})
