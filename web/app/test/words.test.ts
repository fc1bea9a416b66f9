import { Code } from '@collab/provider'
import { expect, test } from 'vitest'
import { budgetText, latencyText, problemText, refusalText, retryText, saveText } from '../src/editor/words'

const save = { state: 'saved', nextEditAt: null, problem: null, editsLeft: 30, durability: 'disk', keeping: 'none' } as const

test('a refusal without words of ours has the server’s', () => {
  expect(refusalText(Code.WrongPassword, 'x')).toBe('Wrong password for this room.')
  expect(refusalText(4499, 'A newer reason.')).toBe('A newer reason.')
  expect(problemText({ code: Code.InvalidUpdate })).toMatch(/\(4415\)\. .*download a copy/)
})

test('a countdown never shows less than it is', () => {
  expect(retryText({ state: 'backoff', retryAt: 3_100, reason: '', code: 0 }, 1_000)).toMatch(/in 3 s$/)
  expect(retryText({ state: 'backoff', retryAt: 1_000, reason: '', code: 0 }, 1_200)).toMatch(/in 1 s$/)
})

test('waiting is told only when it is longer than the throttle', () => {
  expect(budgetText({ ...save, state: 'device', nextEditAt: 1_500 }, 1_000)).toBe('')
  expect(budgetText({ ...save, state: 'device', nextEditAt: 2_400 }, 1_000)).toBe('Next edit goes out in 1.4 s')
  expect(budgetText(save, 1_000)).toBe('')
})

test('what is not saved is told with whether it outlives the page', () => {
  expect(saveText({ ...save, state: 'device', keeping: 'kept' })).toBe('Kept on this device')
  expect(saveText({ ...save, state: 'device', keeping: 'failed' })).toBe('Only in this tab')
  expect(saveText({ ...save, state: 'device', keeping: 'pending' })).toBe('On this device')
})

test('numbers are as exact as they are worth', () => {
  expect(latencyText({ last: null, p50: 1.26, jitter: null, loss: 0 })).toBe('1.3 ms')
  expect(latencyText({ last: null, p50: 42.4, jitter: 1, loss: 0 })).toBe('42 ms')
  expect(latencyText({ last: null, p50: null, jitter: null, loss: 1 })).toBe('')
  expect(saveText({ ...save, durability: 'quorum' })).toBe('Saved on several servers')
})
