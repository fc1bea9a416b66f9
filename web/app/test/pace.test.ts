import { expect, test } from 'vitest'
import { numberText, readNumber } from '../src/owner/pace'

test('what a room may decide is read at its edges, and nothing beyond', () => {
  expect(['1', ' 600 ', ''].map((typed) => readNumber('edits_per_minute', typed))).toEqual([1, 600, null])
  expect(['1', '600', ' '].map((typed) => readNumber('burst', typed))).toEqual([1, 600, null])
  expect(['0', '60', '0.5', '0,007', '59.999'].map((typed) => readNumber('throttle_ms', typed))).toEqual([0, 60_000, 500, 7, 59_999])
  for (const bad of ['0', '601', '1.5', '-1', 'six', '1e2', '6 0', '٣']) {
    expect([bad, readNumber('edits_per_minute', bad), readNumber('burst', bad)]).toEqual([bad, undefined, undefined])
  }
  for (const bad of ['60.001', '0.0005', '-0.5', '.5', '1.', '0.5 s']) expect([bad, readNumber('throttle_ms', bad)]).toEqual([bad, undefined])
})

test('a number is shown as it is typed, in the language of the page', () => {
  expect(numberText('throttle_ms', 500, 'en')).toBe('0.5')
  expect(numberText('throttle_ms', 1_250, 'fr')).toBe('1,25')
  expect(numberText('edits_per_minute', 600, 'fr')).toBe('600')
  for (const milliseconds of [0, 1, 7, 33, 500, 999, 1_001, 60_000]) {
    expect(readNumber('throttle_ms', numberText('throttle_ms', milliseconds, 'fr'))).toBe(milliseconds)
  }
})
