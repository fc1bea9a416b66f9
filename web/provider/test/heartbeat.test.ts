import { expect, test } from 'vitest'
import { Heartbeat } from '../src/core/heartbeat'
import { summarise } from '../src/core/latency'

test('a report is the median, the mean difference and the share without an answer', () => {
  expect(summarise([])).toEqual({ last: null, p50: null, jitter: null, loss: 0 })
  expect(summarise([5])).toEqual({ last: 5, p50: 5, jitter: null, loss: 0 })
  expect(summarise([1, 3, null, 2])).toEqual({ last: 2, p50: 2, jitter: 1.5, loss: 0.25 })
})

/** Sends every ping that is due until the connection is dead: how long that takes, and how many pings. */
function die(heartbeat: Heartbeat, start: number): [number, number] {
  let now = start
  let pings = 0
  while (!heartbeat.isDead(now)) {
    if (heartbeat.poll(now)) pings++
    now = Math.max(now, heartbeat.nextAt)
  }
  return [now - start, pings]
}

function beating(): Heartbeat {
  const heartbeat = new Heartbeat()
  heartbeat.start(0)
  heartbeat.poll(0)
  heartbeat.heard(30)
  return heartbeat
}

test('only the last twenty pings count, and one under way is not lost', () => {
  const heartbeat = new Heartbeat()
  heartbeat.start(0)
  for (let i = 0; i < 30; i++) {
    const ping = heartbeat.poll(i * 2_000)
    heartbeat.heard(i * 2_000)
    if (i >= 10 && ping) heartbeat.pong(ping.seq, i * 2_000 + 4)
  }
  expect(heartbeat.report(58_500)).toEqual({ last: 4, p50: 4, jitter: 0, loss: 0 })
  heartbeat.poll(60_000)
  expect(heartbeat.report(61_999).loss).toBe(0)
  expect(heartbeat.report(62_000).loss).toBeCloseTo(1 / 20)
})

test('a silent server is asked more often and given up after five seconds', () => {
  const heartbeat = beating()
  expect(heartbeat.nextAt).toBe(2_000)
  expect(die(heartbeat, 30)).toEqual([5_470, 6])
})

test('any word is life, and pings calm down', () => {
  const heartbeat = new Heartbeat()
  heartbeat.start(0)
  for (const at of [0, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 4_500]) expect(heartbeat.poll(at)).not.toBe(null)
  heartbeat.heard(4_900)
  expect(heartbeat.isDead(9_000)).toBe(false)
  expect(heartbeat.nextAt).toBe(6_500)
  heartbeat.stop()
  expect([heartbeat.isDead(99_000), heartbeat.nextAt]).toEqual([false, Infinity])
})

test('a page that was held still for an hour asks before it gives up', () => {
  const heartbeat = beating()
  expect(heartbeat.isDead(3_600_000)).toBe(false)
  expect(die(heartbeat, 3_600_000)).toEqual([2_500, 4])
})
