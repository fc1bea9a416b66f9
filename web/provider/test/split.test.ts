import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { encodeDeletions } from '../src/core/deletions'
import { split } from '../src/core/split'
import { MAX_DELETIONS } from '../src/wire/limits'

const ROOT = 'text'

function replica(clientID: number): Y.Doc {
  const doc = new Y.Doc()
  doc.clientID = clientID
  return doc
}

/** A replica that a server's would be: it takes parts in order, and no part may need a later one. */
function assembled(parts: Uint8Array[], before = new Uint8Array([0, 0])): Y.Doc {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, before)
  for (const part of parts) {
    Y.applyUpdate(doc, part)
    expect([doc.store.pendingStructs, doc.store.pendingDs]).toEqual([null, null])
  }
  return doc
}

/** One change that writes so much. */
function written(length: number, letter = 'x'): { doc: Y.Doc; update: Uint8Array } {
  const doc = replica(7)
  doc.getText(ROOT).insert(0, letter.repeat(length))
  return { doc, update: Y.encodeStateAsUpdate(doc) }
}

const sizes = (parts: Uint8Array[]): number[] => parts.map((part) => part.byteLength)

test('an update of exactly the limit goes in one, one byte more goes in two', () => {
  const { update } = written(100_000)
  expect(split(update, update.byteLength)).toEqual([update])
  const parts = split(update, update.byteLength - 1)
  expect(parts).toHaveLength(2)
  expect(assembled(parts).getText(ROOT).toJSON()).toBe('x'.repeat(100_000))
})

test.each(['x', 'é', '€', '😀', '😀a'])('parts of %s are full and end between characters', (letter) => {
  const { doc, update } = written(5_000, letter)
  const parts = split(update, 1_000)
  expect(Math.max(...sizes(parts))).toBeLessThanOrEqual(1_000)
  expect(Math.min(...sizes(parts.slice(0, -1)))).toBeGreaterThan(900)
  expect(Y.encodeStateAsUpdate(assembled(parts))).toEqual(Y.encodeStateAsUpdate(doc))
})

test('a text whose root has a long name is split all the same', () => {
  const doc = replica(7)
  const root = 'ü'.repeat(100)
  doc.getText(root).insert(0, 'x'.repeat(3_000))
  const parts = split(Y.encodeStateAsUpdate(doc), 600)
  expect(Math.max(...sizes(parts))).toBeLessThanOrEqual(600)
  expect(assembled(parts).getText(root).length).toBe(3_000)
})

/** An update that deletes so many single characters and writes nothing. */
function deletions(count: number): Uint8Array {
  const ranges = Array.from({ length: count }, (_, i) => ({ clock: 2 * i, len: 1 }))
  return new Uint8Array([0, ...encodeDeletions(new Map([[7, ranges]]))])
}

test('no part names more deletions than an update may', () => {
  const counts = (update: Uint8Array): number[] =>
    split(update, 1_000_000).map((part) => Y.decodeUpdate(part).ds.clients.get(7)?.length ?? 0)
  expect(counts(deletions(MAX_DELETIONS))).toEqual([MAX_DELETIONS])
  expect(counts(deletions(MAX_DELETIONS + 1))).toEqual([MAX_DELETIONS, 1])
})

test('many deletions go in parts that fit', () => {
  const parts = split(deletions(2_000), 600)
  expect(Math.max(...sizes(parts))).toBeLessThanOrEqual(600)
  expect(Y.mergeUpdates(parts)).toEqual(deletions(2_000))
})

test('what several wrote by turns comes in an order in which nothing waits for what is later', () => {
  const docs = [replica(9), replica(3), replica(5)]
  let seed = 1
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let round = 0; round < 300; round++) {
    const doc = docs[random(3)] ?? replica(1)
    const text = doc.getText(ROOT)
    if (random(4) === 0 && text.length > 10) text.delete(random(text.length - 5), 5)
    else text.insert(random(text.length + 1), 'é😀'.repeat(1 + random(40)))
    for (const other of random(2) ? docs : []) Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
  }
  const whole = replica(1)
  for (const doc of docs) Y.applyUpdate(whole, Y.encodeStateAsUpdate(doc))
  const update = Y.encodeStateAsUpdate(whole)
  for (const maxBytes of [256, 300, 1_000, 10_000]) {
    const parts = split(update, maxBytes)
    expect(Math.max(...sizes(parts))).toBeLessThanOrEqual(maxBytes)
    const made = assembled(parts)
    expect(made.getText(ROOT).toJSON()).toBe(whole.getText(ROOT).toJSON())
    expect(Y.encodeStateVector(made)).toEqual(Y.encodeStateVector(whole))
  }
})
