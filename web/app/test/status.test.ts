import { expect, test } from 'vitest'
import { durationText, latencyText } from '../src/status/format'
import { pointsOf } from '../src/status/graph'
import { History } from '../src/status/history'

test('a latency has the unit that suits it', () => {
  expect([0, 999, 1_000, 9_949, 10_000, 999_499, 1_000_000].map(latencyText)).toEqual([
    '0 µs', '999 µs', '1.0 ms', '9.9 ms', '10 ms', '999 ms', '1.0 s',
  ])
})

test('a duration has its two largest units, in the language of the page', () => {
  expect([0, 59, 60, 3_661, 90_000].map((seconds) => durationText(seconds, 'en'))).toEqual([
    '0 seconds', '59 seconds', '1 minute 0 seconds', '1 hour 1 minute', '1 day 1 hour',
  ])
  expect(durationText(172_800, 'fr')).toBe('2\u00a0jours 0\u00a0heure')
})

test('a history keeps the newest values', () => {
  const history = new History(2)
  for (const value of [1, 2, 3]) history.add(value)
  expect(history.values).toEqual([2, 3])
})

test('a graph ends at the right edge, with zero at the bottom and the largest value at the top', () => {
  expect(pointsOf([4])).toBe('120.0,1.0')
  expect(pointsOf([0, 0])).toBe('118.0,31.0 120.0,31.0')
  const points = pointsOf([0, 10, 5]).split(' ').map((point) => point.split(',').map(Number))
  expect(points.map(([, y]) => y)).toEqual([31, 1, 16])
})
