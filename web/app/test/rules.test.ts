import { expect, test } from 'vitest'
import { nameProblem, passwordProblem, roomProblem } from '../src/editor/rules'

test('rooms’ names at their edges', () => {
  expect(roomProblem('a')).toBe(null)
  expect(roomProblem('z'.repeat(64))).toBe(null)
  for (const bad of ['', 'z'.repeat(65), 'Demo', 'a.b', 'é', 'a b']) expect(roomProblem(bad)).not.toBe(null)
})

test('people’s names at their edges, counted in characters', () => {
  expect(nameProblem('🙂'.repeat(40))).toBe(null)
  for (const bad of ['', '  ', 'x'.repeat(41)]) expect(nameProblem(bad)).not.toBe(null)
})

test('passwords at their edges: characters at least, bytes at most', () => {
  expect(passwordProblem('é🙂1234')).toBe(null)
  expect(passwordProblem('x'.repeat(256))).toBe(null)
  for (const bad of ['12345', '🙂🙂🙂🙂🙂', 'x'.repeat(257), 'é'.repeat(129)]) expect(passwordProblem(bad)).not.toBe(null)
})
