import { expect, test } from 'vitest'
import { Heartbeat } from '../src/core/heartbeat'
import { summarise } from '../src/core/latency'

test('a report is the median, the mean difference and the share without an answer', () => {
  expect(summarise([])).toEqual({ last: null, p50: null, jitter: null, loss: 0 })
  expect(summarise([5])).toEqual({ last: 5, p50: 5, jitter: null, loss: 0 })
  expect(summarise([1, 3, null, 2])).toEqual({ last: 2, p50: 2, jitter: 1.5, loss: 0.25 })
})

test('only the last twenty pings count, and one under way is not lost', () => {
  const heartbeat = new Heartbeat(0)
  for (let i = 0; i < 30; i++) {
    const ping = heartbeat.poll(i * 2_000)
    if (i >= 10 && ping) heartbeat.pong(ping.seq, i * 2_000 + 4)
  }
  expect(heartbeat.report(58_500)).toEqual({ last: 4, p50: 4, jitter: 0, loss: 0 })
  heartbeat.poll(60_000)
  expect(heartbeat.report(60_001).loss).toBe(0)
  expect(heartbeat.report(62_001).loss).toBeCloseTo(1 / 20)
})

test('a page that was held still for a minute does not take its server for dead', () => {
  const heartbeat = new Heartbeat(0)
  heartbeat.poll(0)
  heartbeat.heard()
  expect(heartbeat.isDead(60_000)).toBe(false)
  heartbeat.poll(60_000)
  expect(heartbeat.isDead(69_999)).toBe(false)
  expect(heartbeat.isDead(70_000)).toBe(true)
})
