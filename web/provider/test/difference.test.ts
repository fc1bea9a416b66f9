import { expect, test } from 'vitest'
import { difference } from '../examples/textarea/difference'

test.each([
  ['', 'a', 0, 0, 'a'],
  ['hello', 'help', 3, 2, 'p'],
  ['aaa', 'aaaa', 3, 0, 'a'],
  ['abcabc', 'abc', 3, 3, ''],
  ['same', 'same', 4, 0, ''],
  // 😀 and 😁 differ in their second half, 😀 and 🀀 in their first.
  ['x😀y', 'x😁y', 1, 2, '😁'],
  ['x\u{1F600}y', 'x\u{1FA00}y', 1, 2, '\u{1FA00}'],
])('%j becomes %j by one change', (before, after, at, removed, inserted) => {
  expect(difference(before, after)).toEqual({ at, removed, inserted })
  expect(before.slice(0, at) + inserted + before.slice(at + removed)).toBe(after)
})
