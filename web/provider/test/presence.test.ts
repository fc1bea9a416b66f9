import { expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { memberColours } from '../src'
import type { Presence } from '../src/wire/datagrams'
import { Room } from './support/room'

const GRACE = { id: 2, name: 'Grace', role: 'editor' } as const

function select(room: Room, anchor: number, head: number): void {
  const position = (index: number): Y.RelativePosition => Y.createRelativePositionFromTypeIndex(room.text, index)
  room.provider.awareness.setLocalStateField('cursor', { anchor: position(anchor), head: position(head) })
}

function cursorOf(room: Room, member: number): [number | undefined, number | undefined] {
  const cursor = room.provider.awareness.getStates().get(member)?.['cursor'] as { anchor: Y.RelativePosition; head: Y.RelativePosition } | undefined
  const index = (end: Y.RelativePosition | undefined): number | undefined =>
    end && Y.createAbsolutePositionFromRelativePosition(end, room.doc)?.index
  return [index(cursor?.anchor), index(cursor?.head)]
}

const sent = (room: Room): Presence[] => room.server.datagrams.filter((datagram) => datagram.type === 'Presence')

test('a cursor goes out and comes in at the same places, whoever edits meanwhile', async () => {
  const room = await new Room().join()
  room.type('hello')
  await room.clock.advance(200)
  select(room, 1, 5)
  const mine = sent(room).at(-1)
  expect(mine?.cursor).toEqual({
    anchor: { type: 'Before', client: room.doc.clientID, clock: 1 },
    head: { type: 'End' },
  })
  room.server.send({ type: 'Members', count: 2, joined: [GRACE], left: [] })
  room.server.sendDatagram({ type: 'Presence', slot: 3, member: 2, seq: 1, cursor: mine?.cursor ?? null })
  expect(cursorOf(room, 2)).toEqual([1, 5])
  room.text.insert(0, '12')
  expect(cursorOf(room, 2)).toEqual([3, 7])
  expect(room.provider.awareness.getStates().get(2)?.['user']).toEqual({ name: 'Grace', ...memberColours([1, 2]).get(2) })
})

test('many moves become few datagrams, and the last one is among them', async () => {
  const room = await new Room().join()
  room.type('x'.repeat(50))
  await room.clock.advance(200)
  const before = sent(room).length
  for (let i = 0; i < 50; i++) {
    select(room, i, i)
    await room.clock.advance(10)
  }
  await room.clock.advance(100)
  expect(sent(room).length - before).toBeLessThanOrEqual(6)
  expect(sent(room).at(-1)?.cursor?.head).toMatchObject({ clock: 49 })
  const seqs = sent(room).map(({ seq }) => seq)
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
})

test('an older position, another room\'s, and one of somebody unknown are dropped', async () => {
  const room = await new Room().join()
  room.type('hello')
  room.server.send({ type: 'Members', count: 2, joined: [GRACE], left: [] })
  const show = (seq: number, head: 'Start' | 'End', slot = 3, member = 2): void =>
    room.server.sendDatagram({ type: 'Presence', slot, member, seq, cursor: { anchor: { type: 'Start' }, head: { type: head } } })
  show(5, 'End')
  show(4, 'Start')
  show(6, 'Start', 9)
  show(7, 'Start', 3, 77)
  expect(cursorOf(room, 2)).toEqual([0, 5])
  expect(room.provider.awareness.getStates().has(77)).toBe(false)
})

test('who leaves or is cut off takes the cursor along', async () => {
  const room = await new Room().join()
  const members = vi.fn()
  room.provider.on('members', members)
  room.server.send({ type: 'Members', count: 2, joined: [GRACE], left: [] })
  const cursor = { anchor: { type: 'Start' }, head: { type: 'Start' } } as const
  room.server.sendDatagram({ type: 'Presence', slot: 3, member: 2, seq: 1, cursor })
  expect(room.provider.awareness.getStates().has(2)).toBe(true)
  room.server.send({ type: 'Members', count: 1, joined: [], left: [2] })
  expect(room.provider.awareness.getStates().has(2)).toBe(false)
  expect(members).toHaveBeenLastCalledWith(1, [{ id: 1, name: 'Ada', role: 'editor' }])
  room.server.send({ type: 'Members', count: 2, joined: [GRACE], left: [] })
  expect(room.provider.awareness.getStates().has(2)).toBe(true)
  room.server.cut()
  expect(room.provider.awareness.getStates().has(2)).toBe(false)
})
