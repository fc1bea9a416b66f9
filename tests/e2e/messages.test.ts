import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RoomPage } from './support/room-page'
import { Stage } from './support/stage'

const password = 'correct horse'
const stage = Stage.set()
let visitor: RoomPage

beforeAll(async () => {
  const owner = await stage.visit(stage.server.url)
  await owner.create({ room: 'taken', name: 'Ada', password })
  await owner.close()
  visitor = await stage.visit(stage.server.url)
})

afterAll(async () => {
  expect(visitor.complaints).toEqual([])
  await visitor.close()
})

async function fails(person: { room?: string; name?: string; password?: string }): Promise<string> {
  await visitor.fill({ room: 'taken', name: 'Bob', password, ...person })
  await visitor.press('Join')
  const message = visitor.page.getByRole('alert')
  await message.filter({ hasText: /./ }).waitFor()
  return (await message.textContent()) ?? ''
}

test('a wrong password', async () => {
  expect(await fails({ password: 'battery staple' })).toBe('Wrong password for this room.')
})

test('a room that does not exist is offered to be created', async () => {
  expect(await fails({ room: 'nowhere' })).toBe('There is no room of this name yet.')
  await visitor.page.getByRole('button', { name: 'Create “nowhere” with this password' }).waitFor()
})

test('a bad room name, a bad name, a short password', async () => {
  expect(await fails({ room: 'a b' })).toBe('A room’s name is made of a–z, 0–9, - and _.')
  expect(await fails({ room: '' })).toBe('Which room? Give it a name.')
  expect(await fails({ name: 'x'.repeat(41) })).toBe('A name has at most 40 characters.')
  expect(await fails({ name: ' ' })).toBe('What should the others call you?')
  expect(await fails({ password: '12345' })).toBe('A password has at least 6 characters.')
})

test('a name with nothing left after cleaning is the server’s to refuse', async () => {
  expect(await fails({ name: '<script></script>' })).toMatch(/This name is not allowed/)
})

test('upper case in a room’s name is put right', async () => {
  await visitor.join({ room: 'TAKEN', name: 'Bob', password })
  expect(new URL(visitor.page.url()).hash).toBe('#room=taken')
})

test('a paste that is too large is stopped and explained', async () => {
  await visitor.editor.focus()
  await visitor.page.evaluate((size) => {
    const clipboard = new DataTransfer()
    clipboard.setData('text/plain', 'x'.repeat(size))
    const event = new ClipboardEvent('paste', { clipboardData: clipboard, bubbles: true, cancelable: true })
    document.querySelector('.cm-content')?.dispatchEvent(event)
  }, 1_000_001)
  await visitor.says('That is 1,001 kB; one change has at most 1,000 kB. Paste it in smaller parts.')
  expect(await visitor.text()).toBe('')
})

test('a room that is deleted says so, and the text can be kept', async () => {
  await visitor.type('still here')
  await visitor.isSaved()
  const response = await fetch(new URL('/api/rooms/taken', stage.server.url), {
    method: 'DELETE',
    headers: { authorization: `Bearer ${stage.server.adminToken}` },
  })
  expect(response.status).toBe(204)
  await visitor.says('This room was deleted.')
  const download = visitor.page.waitForEvent('download')
  await visitor.press('Download a copy')
  expect((await download).suggestedFilename()).toBe('taken.txt')
  expect(await visitor.text()).toBe('still here')
})

test('a browser without WebTransport goes by WebSocket, and says why', async () => {
  const old = await stage.visit('about:blank')
  await old.page.addInitScript(() => Reflect.deleteProperty(globalThis, 'WebTransport'))
  await old.page.goto(stage.server.url)
  await old.create({ room: 'older', name: 'Old', password })
  await old.says('WebSocket: this browser has no WebTransport')
  await old.close()
})
