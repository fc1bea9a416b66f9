import { expect, test, vi } from 'vitest'
import { Code } from '../src'
import { settle } from './support/fake-clock'
import { Room } from './support/room'

test('a join takes over the text, the role and the people', async () => {
  const room = new Room()
  const members = vi.fn()
  room.provider.on('members', members)
  room.server.doc.getText('text').insert(0, 'hello')
  await room.join()
  expect(room.state).toBe('live')
  expect(room.content).toBe('hello')
  expect(room.provider.role).toBe('editor')
  expect(room.provider.synced).toBe(true)
  expect(members).toHaveBeenLastCalledWith(1, [{ id: 1, name: 'Ada', role: 'editor' }])
})

test('a permanent refusal is told once and never tried again', async () => {
  const room = new Room()
  const refused = vi.fn()
  room.provider.on('refused', refused)
  room.server.onJoin = () => ({ type: 'Refused', code: Code.WrongPassword, message: 'Wrong.', retryAfterMs: null })
  await room.join()
  await room.clock.advance(600_000)
  expect(refused).toHaveBeenCalledExactlyOnceWith(Code.WrongPassword, 'Wrong.')
  expect(room.server.sessions).toBe(1)
  expect(room.server.isOpen).toBe(false)
})

test('a refusal for now is tried again, not before the time it names', async () => {
  const room = new Room()
  const welcome = room.server.onJoin
  room.server.onJoin = () => ({ type: 'Refused', code: Code.RoomFull, message: 'Full.', retryAfterMs: 3_000 })
  await room.join()
  expect(room.provider.status).toMatchObject({ state: 'backoff', reason: 'Full.', code: Code.RoomFull })
  room.server.onJoin = welcome
  await room.clock.advance(3_124)
  expect(room.server.sessions).toBe(1)
  await room.clock.advance(1)
  expect(room.state).toBe('live')
})

test('tries wait longer and longer, half a minute at most, and can be made at once', async () => {
  const room = new Room()
  room.server.isReachable = false
  await room.join()
  const waits: number[] = []
  for (let i = 0; i < 10; i++) {
    const { status } = room.provider
    if (status.state !== 'backoff') throw new Error(status.state)
    const wait = status.retryAt - room.clock.now()
    waits.push(wait)
    await room.clock.advance(wait)
  }
  expect(waits).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
  room.server.isReachable = true
  room.provider.connect()
  await room.clock.advance(0)
  expect(room.state).toBe('live')
})

test('a reconnect uses the resume token, and the password when the token has ended', async () => {
  const room = await new Room().join()
  room.server.onJoin = (join) =>
    join.credential.type === 'Resume'
      ? { type: 'Refused', code: Code.BadToken, message: 'Ended.', retryAfterMs: null }
      : room.server.welcome(join.stateVector)
  room.server.cut()
  await room.clock.advance(1_000)
  expect(room.state).toBe('live')
  expect(room.server.joins.map((join) => join.credential.type)).toEqual(['Password', 'Resume', 'Password'])
  expect(room.server.joins.map((join) => join.generation)).toEqual([null, 7, 7])
})

test('a resume token from an earlier page that has ended is a refusal', async () => {
  const room = new Room({ access: { resumeToken: 'old' } })
  room.server.onJoin = () => ({ type: 'Refused', code: Code.BadToken, message: 'Ended.', retryAfterMs: null })
  await room.join()
  expect(room.provider.status).toMatchObject({ state: 'refused', code: Code.BadToken })
  expect(room.server.sessions).toBe(1)
})

test('going away means coming back soon after the server says', async () => {
  const room = await new Room().join()
  room.server.send({ type: 'GoAway', reconnectAfterMs: 1_500, reason: Code.Draining })
  expect(room.server.isOpen).toBe(false)
  await room.clock.advance(1_624)
  expect(room.server.sessions).toBe(1)
  await room.clock.advance(1)
  expect(room.state).toBe('live')
})

test('a silent server is left after five seconds of pings without an answer', async () => {
  const room = await new Room().join()
  await room.clock.advance(60_000)
  expect(room.server.sessions).toBe(1)
  room.server.answersPings = false
  await room.clock.advance(4_999)
  expect(room.state).toBe('live')
  await room.clock.advance(1)
  expect(room.state).toBe('backoff')
})

test('a server that never answers the join is left', async () => {
  const room = new Room()
  room.server.onJoin = () => null
  await room.join()
  await room.clock.advance(59_999)
  expect(room.state).toBe('joining')
  await room.clock.advance(1)
  expect(room.state).toBe('backoff')
})

test.each(['refused by the server', 'noticed here'])('another generation is never merged: %s', async (way) => {
  const room = await new Room().join()
  const generation = vi.fn()
  room.provider.on('generation', generation)
  room.type('mine')
  room.server.doc.getText('text').insert(0, 'restored')
  room.server.onJoin = (join) =>
    way === 'noticed here'
      ? room.server.welcome(join.stateVector, { generation: 8 })
      : { type: 'Refused', code: Code.GenerationChanged, message: 'New.', retryAfterMs: null }
  room.server.cut()
  await room.clock.advance(60_000)
  expect(generation).toHaveBeenCalledOnce()
  expect(room.state).toBe('refused')
  expect(room.content).toBe('mine')
})

test('garbage from the server ends the connection, which comes back', async () => {
  const room = await new Room().join()
  room.server.send({ type: 'Edited', member: 2, update: new Uint8Array([1, 1, 255, 255]) })
  expect(room.state).toBe('backoff')
  await room.clock.advance(1_000)
  expect(room.state).toBe('live')
})

test('a better route is taken with the resume token, and told of', async () => {
  const room = new Room()
  const routes = vi.fn()
  room.provider.on('transport', routes)
  room.server.route = { type: 'websocket', reason: 'udp-blocked' }
  await room.join()
  room.server.saves = false
  room.type('under way')
  room.server.saves = true
  room.server.route = { type: 'webtransport' }
  room.server.offerBetterRoute()
  await settle()
  expect(routes.mock.calls).toEqual([[{ type: 'websocket', reason: 'udp-blocked' }], [{ type: 'webtransport' }]])
  expect(room.server.joins.map((join) => join.credential.type)).toEqual(['Password', 'Resume'])
  await room.clock.advance(500)
  expect([room.state, room.server.text, room.provider.saveStatus.state]).toEqual(['live', 'under way', 'saved'])
})
