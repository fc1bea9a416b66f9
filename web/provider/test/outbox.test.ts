import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { independentParts } from '../src/core/independent-parts'
import { Outbox } from '../src/core/outbox'
import { Code } from '../src/wire/code'

const MANY = 100_000

/** A replica whose changes go into a list. */
function replica(clientID: number): { doc: Y.Doc; type: (text: string) => Uint8Array } {
  const doc = new Y.Doc()
  doc.clientID = clientID
  const updates: Uint8Array[] = []
  doc.on('update', (update) => updates.push(update))
  const type = (text: string): Uint8Array => {
    const shared = doc.getText('text')
    shared.insert(shared.length, text)
    return updates.at(-1) ?? new Uint8Array()
  }
  return { doc, type }
}

function textOf(...updates: Uint8Array[]): string {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc.getText('text').toJSON()
}

test('no more than eight are on the road', () => {
  const { type } = replica(7)
  const outbox = new Outbox()
  for (let i = 0; i < 8; i++) {
    outbox.add(type('x'))
    expect(outbox.readyAt(0)).toBe(0)
    outbox.take(MANY)
  }
  outbox.add(type('x'))
  expect(outbox.readyAt(0)).toBe(Infinity)
  outbox.saved(3)
  expect(outbox.readyAt(0)).toBe(0)
})

test('a long time offline stays in few pieces, and a short one costs no merging', () => {
  const { type, doc } = replica(7)
  const outbox = new Outbox()
  for (let i = 0; i < 3_000; i++) outbox.add(type('x'))
  expect(outbox.unsaved.length).toBeLessThanOrEqual(64)
  expect(textOf(outbox.take(MANY)?.update ?? new Uint8Array())).toBe(doc.getText('text').toJSON())
})

test('rejected edits wait for all answers and go again in order', () => {
  const { type } = replica(7)
  const outbox = new Outbox()
  for (const letter of 'ab') {
    outbox.add(type(letter))
    outbox.take(MANY)
  }
  outbox.add(type('c'))
  outbox.rejected(0, 2, Code.RateLimited, 700)
  expect(outbox.readyAt(0)).toBe(Infinity)
  outbox.rejected(0, 1, Code.Storage, null)
  expect(outbox.readyAt(0)).toBe(1_000)
  expect(textOf(outbox.take(MANY)?.update ?? new Uint8Array())).toBe('abc')
  expect(outbox.rejected(0, 1, Code.Storage, null)).toBe(false)
})

test('a gap is asked about more and more rarely, and not for ever', () => {
  const { type, doc } = replica(7)
  const outbox = new Outbox()
  outbox.add(type('a'))
  for (let round = 0; round < 5; round++) {
    outbox.rejected(0, outbox.take(MANY)?.id ?? 0, Code.ResyncNeeded, null)
    expect([outbox.readyAt(0), outbox.syncAt]).toEqual([Infinity, 1_000 * round])
    outbox.syncAsked()
    expect([outbox.syncAt, outbox.wantsDifference]).toEqual([Infinity, true])
    outbox.complete(Y.encodeStateAsUpdate(doc))
  }
  outbox.rejected(0, outbox.take(MANY)?.id ?? 0, Code.ResyncNeeded, null)
  expect(outbox.isBlocked).toBe(true)
})

test('of several authors each one\'s part that builds on nobody else\'s stands by itself', () => {
  const [ada, bob] = [replica(7), replica(8)]
  const first = ada.type('a')
  Y.applyUpdate(bob.doc, first)
  const second = bob.type('b')
  Y.applyUpdate(ada.doc, second)
  ada.type('c')
  const parts = independentParts(Y.encodeStateAsUpdate(ada.doc))
  expect(parts.map((part) => textOf(part))).toEqual(['a'])
  expect(textOf(first, second)).toBe('ab')
  expect(independentParts(Y.encodeStateAsUpdate(bob.doc, Y.encodeStateVectorFromUpdate(first)))).toEqual([])
})

test('members who each hold the others\' lost changes come together again', () => {
  const members = [replica(7), replica(8), replica(9)]
  for (let round = 0; round < 5; round++) {
    for (const { type } of members) {
      const update = type(`${round} `)
      for (const { doc } of members) Y.applyUpdate(doc, update)
    }
  }
  const server = new Y.Doc()
  const isWhole = (): boolean => server.getText('text').length === members[0]?.doc.getText('text').length
  let rounds = 0
  while (!isWhole() && rounds++ < 50) {
    for (const { doc } of members) {
      const difference = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(server))
      const own = independentParts(difference).filter((part) => Y.decodeUpdate(part).structs[0]?.id.client === doc.clientID)
      for (const part of own) Y.applyUpdate(server, part)
      if (Y.decodeUpdate(difference).structs.every(({ id }) => id.client === doc.clientID)) Y.applyUpdate(server, difference)
    }
  }
  expect(server.getText('text').toJSON()).toBe(members[0]?.doc.getText('text').toJSON())
  expect(rounds).toBeLessThan(20)
})
