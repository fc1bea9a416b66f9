import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Line } from './support/line'
import type { RoomPage } from './support/room-page'
import { Stage } from './support/stage'
import { cli } from './support/terminal'
import { until } from './support/until'

const password = 'correct horse'
const stage = Stage.set()
let line: Line

beforeAll(async () => {
  line = await Line.to(stage.server)
})

afterAll(() => {
  line.close()
})

beforeEach(() => {
  line.isCut = false
})

/** A room at the end of the line. */
const address = (room: string): string => `${line.url}#room=${room}`

/** Somebody whose line can be cut, in a room with the text `hello `. */
async function connected(room: string, name: string): Promise<RoomPage> {
  await cli(stage.server, password, ['room', 'create', room])
  await cli(stage.server, password, ['write', room], 'hello ')
  const page = await stage.visit(address(room))
  await page.join({ room, name, password })
  await until(() => page.text(), (text) => text === 'hello ')
  return page
}

/**
 * Cuts the line until the page has given its connection up. What is typed before that is on the road: the browser repeats it as soon as
 * the line is whole, even for some milliseconds after its tab was closed.
 */
async function cutOff(page: RoomPage): Promise<void> {
  line.isCut = true
  await page.says('Connection lost')
}

/** Looks into what this browser keeps: how many records there are, after cutting the texts of all of them short if asked to. */
function kept(page: RoomPage, store: 'unsent' | 'bases' | 'damaged', damage = false): Promise<number> {
  const look = async ({ store, damage }: { store: string; damage: boolean }): Promise<number> => {
    const answer = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error ?? new Error('no answer'))
      })
    const db = await answer(indexedDB.open('collab'))
    const records = db.transaction(store, 'readwrite').objectStore(store)
    const rows = (await answer(records.getAll())) as { state: Uint8Array }[]
    for (const row of damage ? rows : []) await answer(records.put({ ...row, state: row.state.slice(0, -3) }))
    db.close()
    return rows.length
  }
  return page.page.evaluate(look, { store, damage })
}

test('what was typed while cut off outlives its closed tabs: it comes back by itself, once, for all', async () => {
  const room = 'closed'
  const ada = await connected(room, 'Ada')
  const second = await ada.another(address(room))
  await second.join({ room, name: 'Ada', password })
  const grace = await stage.visit(`${stage.server.url}#room=${room}`)
  await grace.join({ room, name: 'Grace', password })

  line.isCut = true
  await ada.type('typed while away; ')
  await second.type('in a second tab; ')
  await grace.type('meanwhile; ')
  await Promise.all([ada.isKept(), second.isKept()])
  await Promise.all([ada.closeTab(), second.closeTab()])
  expect(await grace.text()).toBe('hello meanwhile; ')

  line.isCut = false
  const back = await ada.another(address(room))
  await back.isLive()
  await back.says(/was not sent then/)
  const texts = async (): Promise<[string, string]> => [await back.text(), await grace.text()]
  // The second tab's connection still counts as alive for up to half a minute; its words wait until it does not.
  await until(texts, ([a, b]) => a === b && a.includes('away') && a.includes('second'), 75_000)
  await back.isSaved()
  const text = await cli(stage.server, password, ['cat', room])
  expect(await texts()).toEqual([text, text])
  for (const words of ['hello ', 'typed while away; ', 'in a second tab; ', 'meanwhile; ']) {
    expect(text.split(words)).toHaveLength(2)
  }

  // Nothing waits any more: the next visit is asked for the password, and sends nothing.
  await until(() => kept(back, 'unsent'), (count) => count === 0)
  await back.closeTab()
  const later = await ada.another(address(room))
  await later.join({ room, name: 'Ada', password })
  await until(() => later.text(), (found) => found === text)
  expect(await cli(stage.server, password, ['cat', room])).toBe(text)
  expect([...ada.complaints, ...back.complaints, ...grace.complaints, ...later.complaints]).toEqual([])
  await Promise.all([later.close(), grace.close()])
})

test('a reload while cut off asks for nothing and loses nothing', async () => {
  const ada = await connected('reloaded', 'Ada')
  line.isCut = true
  await ada.type('before the reload')
  await ada.isKept()
  await ada.page.reload()
  await ada.says('Trying again')
  line.isCut = false
  await ada.isLive(40_000)
  await ada.isSaved()
  expect(await cli(stage.server, password, ['cat', 'reloaded'])).toBe('hello before the reload')
  await ada.close()
})

test('leaving with something unsaved keeps it until the same person joins with the password', async () => {
  const room = 'left'
  const ada = await connected(room, 'Ada')
  await cutOff(ada)
  await ada.type('for later')
  await ada.isKept()
  await ada.press('Leave')
  await ada.press('Leave and keep them')
  line.isCut = false
  await ada.page.reload()
  await ada.says(/What Ada wrote here on .* is kept on this device/)
  await ada.join({ room, name: 'Bob', password })
  await until(() => ada.text(), (text) => text === 'hello ')
  await ada.press('Leave')
  await ada.join({ room, name: 'Ada', password })
  await until(() => ada.text(), (text) => text === 'hello for later')
  await ada.isSaved()
  expect(await cli(stage.server, password, ['cat', room])).toBe('hello for later')
  await ada.close()
})

/** The room is another one when the person comes back: the old text is offered, and the new one gets nothing of it. */
async function keepsACopyAndGoesOn(page: RoomPage, room: string, kept: string, now = 'a new life'): Promise<void> {
  await page.says('This room was restored or made anew.')
  expect(await page.text()).toBe(kept)
  const download = page.page.waitForEvent('download')
  await page.press('Download a copy')
  expect(readFileSync(await (await download).path(), 'utf8')).toBe(kept)
  await page.press('Discard it and join')
  await page.join({ room, name: 'Ada', password })
  await until(() => page.text(), (text) => text === now)
  expect(await cli(stage.server, password, ['cat', room])).toBe(now)
}

async function madeAnew(room: string): Promise<void> {
  await stage.server.deleteRoom(room)
  await cli(stage.server, password, ['room', 'create', room])
  await cli(stage.server, password, ['write', room], 'a new life')
}

test('a room made anew while a page is cut off: a copy is offered, nothing is doubled', async () => {
  const room = 'anew'
  const ada = await connected(room, 'Ada')
  line.isCut = true
  await ada.type('unsaved')
  await ada.isKept()
  await madeAnew(room)
  line.isCut = false
  // The one comes on the old connection, the other on a new one: the pass was for the room as it was.
  await ada.says(/This room was deleted\.|Your pass for this room has ended\./)
  await ada.press('Join again')
  await ada.join({ room, name: 'Ada', password }, false)
  await keepsACopyAndGoesOn(ada, room, 'hello unsaved')
  await ada.page.reload()
  await ada.isLive()
  await until(() => ada.text(), (text) => text === 'a new life')
  await ada.close()
})

test('a room made anew while a page is closed: a copy is offered, nothing is doubled', async () => {
  const room = 'anew-closed'
  const ada = await connected(room, 'Ada')
  line.isCut = true
  await ada.type('unsaved')
  await ada.isKept()
  await ada.closeTab()
  await madeAnew(room)
  line.isCut = false
  const back = await ada.another(address(room))
  await back.says('Your pass for this room has ended.')
  await back.join({ room, name: 'Ada', password }, false)
  await keepsACopyAndGoesOn(back, room, 'hello unsaved')
  await back.close()
})

test('a server restored from a backup: whoever has unsaved work, in an open or a closed tab, is offered a copy, nothing is doubled', async () => {
  const room = 'restored'
  const ada = await connected(room, 'Ada')
  const grace = await stage.visit(address(room))
  await grace.join({ room, name: 'Grace', password })
  const backup = join(stage.server.directory, 'everything.backup')
  await cli(stage.server, password, ['backup', backup, '--admin-token-file', stage.server.adminTokenFile])
  await ada.type('after the backup; ')
  await ada.isSaved()
  await until(() => grace.text(), (text) => text === 'hello after the backup; ')
  await stage.server.kill()
  await Promise.all([ada.type("Ada's"), grace.type("Grace's")])
  await Promise.all([ada.isKept(), grace.isKept()])
  await grace.closeTab()
  await stage.server.restore(backup)

  await keepsACopyAndGoesOn(ada, room, "hello after the backup; Ada's", 'hello ')
  const back = await grace.another(address(room))
  await back.says('Your pass for this room has ended.')
  await back.join({ room, name: 'Grace', password }, false)
  await keepsACopyAndGoesOn(back, room, "hello after the backup; Grace's", 'hello ')
  await ada.type('again')
  await ada.isSaved()
  await until(() => back.text(), (text) => text === 'hello again')
  expect(await cli(stage.server, password, ['cat', room])).toBe('hello again')
  expect([...ada.complaints, ...back.complaints]).toEqual([])
  await Promise.all([ada.close(), back.close()])
})

test('a browser that keeps nothing says so, and the page works without', async () => {
  const ada = await connected('forgetful', 'Ada')
  await ada.page.addInitScript(() => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }))
  await ada.page.reload()
  await ada.isLive()
  line.isCut = true
  await ada.type('at risk')
  await ada.says('Only in this tab')
  await ada.says(/keeps nothing for this page/)
  line.isCut = false
  await ada.isLive(40_000)
  await ada.isSaved()
  expect(await cli(stage.server, password, ['cat', 'forgetful'])).toBe('hello at risk')
  await ada.close()
})

test('a record that was damaged on the disk keeps nobody out, and is set aside', async () => {
  const ada = await connected('damaged', 'Ada')
  await cutOff(ada)
  await ada.type('unreadable')
  await ada.isKept()
  expect(await kept(ada, 'bases', true)).toBe(1)
  await ada.closeTab()
  line.isCut = false
  const back = await ada.another(address('damaged'))
  await back.isLive()
  await until(() => back.text(), (text) => text === 'hello ')
  await back.says(/its record is damaged\. It is set aside in this browser\.$/)
  expect([await kept(back, 'unsent'), await kept(back, 'bases'), await kept(back, 'damaged')]).toEqual([0, 0, 1])
  await back.close()
})
