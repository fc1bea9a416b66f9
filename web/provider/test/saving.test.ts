import { expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { Code } from '../src'
import { POLICY } from './support/fake-server'
import { Room } from './support/room'

const reject = (id: number, code: number, retryAfterMs: number | null = null) =>
  ({ type: 'Rejected', id, code, message: 'No.', retryAfterMs }) as const

test('the first edit goes at once, the next ones in one piece after the throttle', async () => {
  const room = await new Room().join()
  room.type('a')
  expect(room.server.text).toBe('a')
  room.type('b')
  room.type('c')
  await room.clock.advance(499)
  expect(room.server.text).toBe('a')
  await room.clock.advance(1)
  expect(room.server.text).toBe('abc')
  expect(room.server.edits.map((edit) => edit.id)).toEqual([1, 2])
})

test('the budget slows a fast writer down and loses nothing', async () => {
  const room = new Room()
  room.server.onJoin = (join) =>
    room.server.welcome(join.stateVector, { policy: { ...POLICY, tokens: 3, burst: 3 } })
  await room.join()
  for (let i = 0; i < 200; i++) {
    room.type('x')
    await room.clock.advance(50)
  }
  // Three at once, then one every two seconds, in ten seconds.
  expect(room.server.edits).toHaveLength(3 + 5)
  await room.clock.advance(2_000)
  expect(room.server.text).toBe('x'.repeat(200))
  expect(room.provider.saveStatus.state).toBe('saved')
})

test('the ladder: on this device, sent, saved', async () => {
  const room = await new Room().join()
  room.server.saves = false
  const states: string[] = []
  room.provider.on('saved', ({ state }) => states.push(state))
  room.type('a')
  room.type('b')
  expect(states).toEqual(['sent', 'device'])
  room.server.saves = true
  room.server.edits.forEach((edit) => room.server.save(edit))
  await room.clock.advance(500)
  expect(states.at(-1)).toBe('saved')
  expect(room.provider.saveStatus.durability).toBe('disk')
})

test('an edit under way when the connection breaks is sent again with what came after', async () => {
  const room = await new Room().join()
  room.server.saves = false
  room.type('a')
  room.server.cut()
  room.type('b')
  expect(room.provider.saveStatus.state).toBe('device')
  room.server.saves = true
  await room.clock.advance(1_000)
  expect(room.server.text).toBe('ab')
  expect(room.server.edits).toHaveLength(2)
  expect(room.provider.saveStatus.state).toBe('saved')
})

test('an edit that was saved but whose answer was lost is harmless the second time', async () => {
  const room = await new Room().join()
  room.server.saves = false
  room.type('a')
  room.server.edits.forEach((edit) => Y.applyUpdate(room.server.doc, edit.update))
  room.server.cut()
  room.server.saves = true
  await room.clock.advance(1_000)
  expect(room.server.text).toBe('a')
  expect(room.content).toBe('a')
})

test('what was written before the first join is sent', async () => {
  const room = new Room()
  room.type('before')
  await room.join()
  expect(room.server.text).toBe('before')
})

test('what the document held before there was a provider is sent', async () => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'kept')
  const room = new Room()
  Y.applyUpdate(room.doc, Y.encodeStateAsUpdate(doc), room.provider)
  await room.join()
  expect(room.server.text).toBe('kept')
})

test('too fast: the edit comes again after the time named, with what came after', async () => {
  const room = await new Room().join()
  room.server.saves = false
  room.type('a')
  room.server.saves = true
  room.server.send(reject(1, Code.RateLimited, 1_400))
  room.type('b')
  await room.clock.advance(1_399)
  expect(room.server.edits).toHaveLength(1)
  await room.clock.advance(1)
  expect(room.server.text).toBe('ab')
})

test('a gap: the client asks what the server has, and sends what it lacks', async () => {
  const room = await new Room().join()
  // The server loses what it took, as a crash before the disk would.
  room.server.saves = false
  room.type('a')
  room.server.send({ type: 'Saved', id: 1, durability: 'disk' })
  room.type('b')
  await room.clock.advance(500)
  room.server.saves = true
  room.server.send(reject(2, Code.ResyncNeeded))
  await room.clock.advance(1_000)
  expect(room.server.text).toBe('ab')
  expect(room.provider.saveStatus.state).toBe('saved')
})

test('an edit that will never be taken is kept, told, and not tried again by itself', async () => {
  const room = await new Room().join()
  room.server.saves = false
  room.type('a')
  room.server.send(reject(1, Code.DocumentFull))
  await room.clock.advance(600_000)
  expect(room.server.edits).toHaveLength(1)
  expect(room.provider.saveStatus).toMatchObject({ state: 'device', problem: { code: Code.DocumentFull } })
  expect(room.content).toBe('a')
})

test('after such an edit the next change tries again with all that is there', async () => {
  const room = await new Room().join()
  room.server.saves = false
  room.type('too much')
  room.server.send(reject(1, Code.DocumentFull))
  room.server.saves = true
  room.text.delete(3, 5)
  await room.clock.advance(1_000)
  expect(room.server.text).toBe('too')
  expect(room.provider.saveStatus).toMatchObject({ state: 'saved', problem: null })
})

test('somebody else\'s lost change is offered more and more rarely, until they have sent it themselves', async () => {
  const room = new Room()
  const other = new Y.Doc()
  other.getText('text').insert(0, 'theirs')
  Y.applyUpdate(room.doc, Y.encodeStateAsUpdate(other), room.provider)
  room.server.saves = false
  await room.join()
  for (let i = 0; i < 20; i++) {
    room.server.send(reject(room.server.edits.at(-1)?.id ?? 0, Code.ForeignAuthor))
    await room.clock.advance(40_000)
  }
  expect(room.server.edits.length).toBeLessThan(25)
  Y.applyUpdate(room.server.doc, Y.encodeStateAsUpdate(other))
  room.server.saves = true
  const last = room.server.edits.at(-1)?.id ?? 0
  room.type('; mine')
  room.server.send(reject(last, Code.ForeignAuthor))
  await room.clock.advance(40_000)
  expect(room.server.text).toBe('theirs; mine')
  expect(room.provider.saveStatus.state).toBe('saved')
})

test('large changes go in pieces that the server takes', async () => {
  const room = new Room()
  const policy = { ...POLICY, maxUpdateBytes: 1_000 }
  room.server.onJoin = (join) => room.server.welcome(join.stateVector, { policy })
  await room.join()
  for (let i = 0; i < 5; i++) room.type('y'.repeat(400))
  await room.clock.advance(5_000)
  expect(room.server.text).toBe('y'.repeat(2_000))
  expect(Math.max(...room.server.edits.map((edit) => edit.update.byteLength))).toBeLessThanOrEqual(1_000)
})

test('one change above the limit goes in several edits, a throttle apart, and is saved with the last of them', async () => {
  const room = new Room()
  const policy = { ...POLICY, maxUpdateBytes: 1_000 }
  room.server.onJoin = (join) => room.server.welcome(join.stateVector, { policy })
  await room.join()
  room.type('z'.repeat(2_500))
  expect(room.server.edits).toHaveLength(1)
  expect(room.provider.saveStatus.state).toBe('device')
  await room.clock.advance(500)
  expect(room.server.edits).toHaveLength(2)
  room.server.send(reject(2, Code.RateLimited, 100))
  await room.clock.advance(1_000)
  expect(room.server.text).toBe('z'.repeat(2_500))
  expect(Math.max(...room.server.edits.map((edit) => edit.update.byteLength))).toBeLessThanOrEqual(1_000)
  expect(room.provider.saveStatus.state).toBe('saved')
})

test('a difference above the limit goes in several edits too', async () => {
  const room = new Room()
  const policy = { ...POLICY, maxUpdateBytes: 1_000 }
  room.server.onJoin = (join) => room.server.welcome(join.stateVector, { policy })
  room.type('w'.repeat(2_500))
  room.provider.discard()
  await room.join()
  await room.clock.advance(2_000)
  expect(room.server.text).toBe('w'.repeat(2_500))
  expect(room.server.edits.length).toBeGreaterThan(2)
})

test('a viewer sends nothing, and everything once made an editor', async () => {
  const room = new Room()
  room.server.onJoin = (join) => room.server.welcome(join.stateVector, { role: 'viewer' })
  await room.join()
  room.type('a')
  await room.clock.advance(5_000)
  expect(room.server.edits).toHaveLength(0)
  room.server.send({ type: 'RoleChanged', role: 'editor' })
  expect(room.server.text).toBe('a')
})

test('leaving waits for the last edit to be saved', async () => {
  const room = await new Room().join()
  room.server.saves = false
  room.type('a')
  room.provider.disconnect()
  expect(room.state).toBe('draining')
  room.server.edits.forEach((edit) => room.server.save(edit))
  expect(room.state).toBe('offline')
  expect(room.server.isOpen).toBe(false)
})

test('leaving does not wait for a server that is gone', async () => {
  const room = await new Room().join()
  room.server.saves = false
  room.type('a')
  room.provider.disconnect()
  await room.clock.advance(3_000)
  expect(room.state).toBe('offline')
})

test('remote changes have the provider as origin and are not sent back', async () => {
  const room = await new Room().join()
  const origins = vi.fn()
  room.doc.on('update', (_, origin) => void origins(origin))
  room.server.write('theirs')
  await room.clock.advance(1_000)
  expect(origins).toHaveBeenCalledExactlyOnceWith(room.provider)
  expect(room.server.edits).toHaveLength(0)
})
