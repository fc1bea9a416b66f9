import { expect, test } from 'vitest'
import { addressOf, durationMs, filterFromAddress, queryOf } from '../src/logs/filter'

test('a filter goes into the address and comes back', () => {
  const filter = { room: 'demo', kind: 'edited', user: 'Ada & Grace', since: '1h' }
  expect(filterFromAddress(addressOf(filter))).toEqual(filter)
  expect(addressOf({ room: '', kind: '', user: '', since: '' })).toBe('')
  expect(filterFromAddress('')).toEqual({ room: '', kind: '', user: '', since: '' })
})

test('a filter becomes a query; an unknown time filters nothing', () => {
  const query = queryOf({ room: 'Demo', kind: '', user: 'Ada', since: '15m' }, 1_000_000)
  expect(query.toString()).toBe('room=demo&user=Ada&since_ms=100000')
  expect(queryOf({ room: '', kind: '', user: '', since: 'yesterday' }, 1).toString()).toBe('')
  expect([durationMs('7d'), durationMs('0h'), durationMs('1w'), durationMs('')]).toEqual([604_800_000, 0, null, null])
})
