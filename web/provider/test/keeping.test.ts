import { expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { Code, type Persistence, type Taken, type UnsentWork } from '../src'
import { settle } from './support/fake-clock'
import { Room } from './support/room'

/** A browser's storage, as visits to one room see it. */
class FakeStorage {
  works: UnsentWork[] = []
  damaged: UnsentWork[] = []
  isFull = false
  /** How often the base was forgotten. */
  clears = 0
  /** Has as long as it takes. */
  writing = (): Promise<void> => Promise.resolve()

  visit(): Persistence {
    const check = (): Promise<void> => (this.isFull ? Promise.reject(new Error('quota')) : Promise.resolve())
    return {
      take: (isReadable) => check().then(() => this.#take(isReadable)),
      keep: (work) => check().then(this.writing).then(() => void (this.works = [work])),
      drop: () => check().then(() => void (this.works = [])),
      clear: () => check().then(() => { this.clears++ }),
      close: () => undefined,
    }
  }

  #take(isReadable: (work: UnsentWork) => boolean): Taken {
    this.damaged = this.works.filter((work) => !isReadable(work))
    this.works = this.works.filter(isReadable)
    return { works: this.works, damaged: this.damaged.length }
  }
}

/** Somebody who writes while cut off, and closes the page. */
async function closedOffline(storage: FakeStorage): Promise<Room> {
  const room = await new Room({ persistence: storage.visit() }).join()
  room.type('shared ')
  await room.clock.advance(1_000)
  room.server.isReachable = false
  room.server.cut()
  room.type('kept')
  await settle()
  expect(room.provider.saveStatus).toMatchObject({ state: 'device', keeping: 'kept' })
  room.provider.destroy()
  return room
}

/** The next visit, to the same server. */
function visit(storage: FakeStorage, before: Room): Room {
  const room = new Room({ persistence: storage.visit(), transport: before.server })
  before.server.isReachable = true
  return room
}

test('what was written while cut off is there after the page was closed, and arrives once', async () => {
  const storage = new FakeStorage()
  const before = await closedOffline(storage)
  const room = visit(storage, before)
  room.provider.connect()
  await settle()
  expect(before.server.joins.at(-1)).toMatchObject({ generation: 7, credential: { type: 'Resume', secret: 'resume-me' } })
  expect(room.content).toBe('shared kept')
  expect(before.server.text).toBe('shared kept')
  expect(room.provider.saveStatus).toMatchObject({ state: 'saved', keeping: 'none' })
  expect(room.provider.restoredFrom).not.toBe(null)
  expect(storage.works).toEqual([])
})

test('if the password was changed meanwhile, the new one brings it', async () => {
  const storage = new FakeStorage()
  const before = await closedOffline(storage)
  before.server.onJoin = (join) =>
    join.credential.type === 'Resume'
      ? { type: 'Refused', code: Code.PasswordChanged, message: 'Changed.', retryAfterMs: null }
      : before.server.welcome(join.stateVector)
  const room = await visit(storage, before).join()
  expect([room.state, before.server.text]).toEqual(['live', 'shared kept'])
})

test('it arrives once too if the server had it already', async () => {
  const storage = new FakeStorage()
  const before = await closedOffline(storage)
  const kept = storage.works
  await visit(storage, before).join()
  storage.works = kept
  const again = await visit(storage, before).join()
  expect([before.server.text, again.content]).toEqual(['shared kept', 'shared kept'])
  expect(storage.works).toEqual([])
})

test('two pages that were closed with work of their own', async () => {
  const storage = new FakeStorage()
  const one = await closedOffline(storage)
  const doc = new Y.Doc()
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(one.server.doc))
  const updates: Uint8Array[] = []
  doc.on('update', (update) => updates.push(update))
  doc.getText('text').insert(0, 'other ')
  const [first] = storage.works
  if (!first) throw new Error('nothing is kept')
  storage.works.push({ ...first, base: Y.encodeStateAsUpdate(doc), since: [], changes: updates })
  const room = await visit(storage, one).join()
  await room.clock.advance(1_000)
  expect(one.server.text).toBe('other shared kept')
  expect(storage.works).toEqual([])
})

test('a room that is another one by now gets nothing of it, until the person gives it up', async () => {
  const storage = new FakeStorage()
  const before = await closedOffline(storage)
  before.server.onJoin = () => ({ type: 'Refused', code: Code.GenerationChanged, message: '', retryAfterMs: null })
  const room = visit(storage, before)
  const told = vi.fn()
  room.provider.on('generation', told)
  await room.join()
  expect(told).toHaveBeenCalledOnce()
  expect(room.content).toBe('shared kept')
  expect(storage.works).toHaveLength(1)
  room.provider.discard()
  await settle()
  expect(storage.works).toEqual([])
})

test('kept is said only of what is written: a change during a write waits for the next one', async () => {
  const storage = new FakeStorage()
  const writes: (() => void)[] = []
  const slow = { ...storage.visit(), keep: () => new Promise<void>((resolve) => writes.push(resolve)) }
  const room = await new Room({ persistence: slow }).join()
  room.server.isReachable = false
  room.server.cut()
  room.type('first')
  await settle()
  room.type(' and more')
  writes.shift()?.()
  await room.clock.advance(250)
  expect(room.provider.saveStatus.keeping).toBe('pending')
  writes.shift()?.()
  await settle()
  expect(room.provider.saveStatus.keeping).toBe('kept')
})

test('the text is written once and then what comes to it, whoever wrote that', async () => {
  const storage = new FakeStorage()
  const room = await new Room({ persistence: storage.visit() }).join()
  room.server.saves = false
  room.type('a')
  await settle()
  const base = storage.works[0]?.base
  room.server.write('theirs ')
  room.type('b')
  await room.clock.advance(250)
  expect(storage.works[0]?.base).toBe(base)
  const made = new Y.Doc()
  for (const update of [storage.works[0]?.base, ...(storage.works[0]?.since ?? [])]) Y.applyUpdate(made, update ?? new Uint8Array())
  expect(made.getText('text').toJSON()).toBe(room.content)
})

test('when much has come to it, the text is written anew', async () => {
  const storage = new FakeStorage()
  const room = await new Room({ persistence: storage.visit() }).join()
  room.server.isReachable = false
  room.server.cut()
  for (let i = 0; i < 5; i++) room.type('x'.repeat(20_000))
  await room.clock.advance(250)
  expect(storage.works[0]?.base.byteLength).toBeGreaterThan(64 * 1024)
  for (let i = 0; i < 3_000; i++) room.type('y')
  await room.clock.advance(250)
  expect(storage.works[0]?.since.length).toBeLessThanOrEqual(64)
  expect(storage.works[0]?.changes.length).toBeLessThanOrEqual(64)
})

test('the text is forgotten when nothing was unsent for ten seconds, or when the visit ends', async () => {
  const storage = new FakeStorage()
  const room = await new Room({ persistence: storage.visit() }).join()
  room.server.saves = false
  const write = async (text: string): Promise<void> => {
    room.type(text)
    await room.clock.advance(1_000)
    expect(storage.works).toHaveLength(1)
    room.server.save(room.server.edits.at(-1) ?? { type: 'Edit', id: 0, update: new Uint8Array([0, 0]) })
    await settle()
  }
  await write('a')
  await room.clock.advance(9_000)
  await write('b')
  await room.clock.advance(9_900)
  expect([storage.works, storage.clears]).toEqual([[], 0])
  await room.clock.advance(200)
  expect(storage.clears).toBe(1)
  await write('c')
  room.provider.destroy()
  await settle()
  expect([storage.works, storage.clears]).toEqual([[], 2])
})

test('what is saved is forgotten at once, however slow the storage is', async () => {
  const storage = new FakeStorage()
  const room = await new Room({ persistence: storage.visit() }).join()
  room.server.saves = false
  storage.writing = () => new Promise((resolve) => void room.clock.schedule(250, resolve))
  room.type('a')
  await room.clock.advance(250)
  expect(room.provider.saveStatus.keeping).toBe('kept')
  room.server.edits.forEach((edit) => room.server.save(edit))
  await settle()
  expect(storage.works).toEqual([])
})

test.each<[string, (work: UnsentWork) => UnsentWork]>([
  ['a text cut off', (work) => ({ ...work, base: work.base.slice(0, -2) })],
  ['no text', (work) => ({ ...work, base: new Uint8Array() })],
  ['what came to the text is of other bytes', (work) => ({ ...work, since: [new Uint8Array([255, 255])] })],
  ['a change of other bytes', (work) => ({ ...work, changes: [new Uint8Array([255, 255])] })],
  ['no generation', (work) => ({ ...work, generation: NaN })],
])('a damaged record is told of and set aside, and the others are taken: %s', async (_, damage) => {
  const storage = new FakeStorage()
  const before = await closedOffline(storage)
  storage.works = storage.works.flatMap((work) => [damage(work), work])
  const room = visit(storage, before)
  const told = vi.fn()
  room.provider.on('damaged', told)
  await room.join()
  expect(told).toHaveBeenCalledExactlyOnceWith(1)
  expect([room.content, before.server.text, storage.damaged.length]).toEqual(['shared kept', 'shared kept', 1])
})

test('a storage that refuses costs the keeping and nothing else', async () => {
  const storage = new FakeStorage()
  storage.isFull = true
  const room = await new Room({ persistence: storage.visit() }).join()
  expect(room.state).toBe('live')
  room.server.saves = false
  room.type('a')
  await settle()
  expect(room.provider.saveStatus.keeping).toBe('failed')
  room.server.saves = true
  room.server.edits.forEach((edit) => room.server.save(edit))
  expect(room.server.text).toBe('a')
})

test('a storage that hangs does not keep anybody out', async () => {
  const never = (): Promise<never> => new Promise(() => undefined)
  const persistence = { take: never, keep: never, drop: never, clear: never, close: () => undefined }
  const room = await new Room({ persistence }).join()
  await room.clock.advance(3_000)
  expect(room.state).toBe('live')
})

test('who signs out and leaves right after a change leaves no token behind, and does not wait to write that', async () => {
  const storage = new FakeStorage()
  const room = await new Room({ persistence: storage.visit() }).join()
  room.server.isReachable = false
  room.server.cut()
  room.type('kept')
  await settle()
  expect(storage.works.at(-1)?.resumeToken).toBe('resume-me')
  room.provider.signOut()
  room.provider.destroy()
  await settle()
  expect(storage.works).toMatchObject([{ resumeToken: '' }])
})

test('somebody who signs out leaves no pass behind', async () => {
  const storage = new FakeStorage()
  const room = await new Room({ persistence: storage.visit() }).join()
  room.server.saves = false
  room.type('a')
  room.provider.signOut()
  await room.clock.advance(1_000)
  expect(storage.works[0]?.resumeToken).toBe('')
})

test('a long history of deletions is no part of what is sent again', async () => {
  const room = await new Room().join()
  const theirs = new Y.Doc()
  theirs.getText('text').insert(0, 'ab'.repeat(2_000))
  for (let i = 1_999; i >= 0; i--) theirs.getText('text').delete(2 * i + 1, 1)
  Y.applyUpdate(room.server.doc, Y.encodeStateAsUpdate(theirs))
  room.server.send({
    type: 'Resync',
    update: Y.encodeStateAsUpdate(room.server.doc),
    stateVector: Y.encodeStateVector(room.server.doc),
  })
  room.server.saves = false
  room.text.delete(0, 2)
  const [edit] = room.server.edits
  room.server.send({ type: 'Rejected', id: edit?.id ?? 0, code: Code.ResyncNeeded, message: '', retryAfterMs: null })
  room.server.saves = true
  await room.clock.advance(2_000)
  expect(room.server.edits.at(-1)?.update.byteLength).toBeLessThan(60)
  expect(room.server.text).toBe('a'.repeat(1_998))
  expect(room.provider.saveStatus.state).toBe('saved')
})
