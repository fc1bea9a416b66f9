import { expect, test } from 'vitest'
import { Line } from './support/line'
import type { RoomPage } from './support/room-page'
import { Server } from './support/server'
import { Stage } from './support/stage'
import { cli } from './support/terminal'
import { until } from './support/until'

const password = 'correct horse'
const stage = Stage.set()

/** Counts the WebSockets to rooms that a page opens from now on. */
function webSockets({ page }: RoomPage): () => number {
  let count = 0
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).pathname === '/ws') count++
  })
  return () => count
}

/** How long the page takes from the press on “Join” until its text can be written. */
function millisecondsToLive({ page }: RoomPage): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let pressed = 0
        document.addEventListener('submit', () => (pressed = performance.now()), { capture: true })
        new MutationObserver(() => {
          if (document.querySelector('.status-bar[data-state=live]')) resolve(performance.now() - pressed)
        }).observe(document.body, { subtree: true, childList: true, attributes: true })
      }),
  )
}

const textOf = (room: string): Promise<string> => cli(stage.server, password, ['cat', room])

test('where UDP is blocked a page writes within two seconds, and sees the others', async () => {
  const room = 'udp-blocked'
  await cli(stage.server, password, ['room', 'create', room])
  const line = await Line.to(stage.server)
  line.swallowsUdp = true
  const grace = await stage.visit(`${stage.server.url}#room=${room}`)
  await grace.join({ room, name: 'Grace', password })
  const ada = await stage.visit(`${line.url}#room=${room}`)
  const opened = webSockets(ada)
  const joined = millisecondsToLive(ada)
  await ada.join({ room, name: 'Ada', password })
  const live = await joined
  process.stdout.write(`live over WebSocket ${Math.round(live)} ms after joining\n`)
  expect(opened()).toBe(1)
  expect(live).toBeLessThan(2_000)
  await ada.type('by TCP; ')
  await ada.isSaved()
  await grace.type('by UDP; ')
  await until(() => ada.text(), (text) => text.includes('by UDP; ') && text.includes('by TCP; '))
  // Presence and pings go on.
  await ada.page.locator('.cm-ySelectionInfo', { hasText: 'Grace' }).waitFor({ state: 'attached' })
  await grace.page.locator('.cm-ySelectionInfo', { hasText: 'Ada' }).waitFor({ state: 'attached' })
  await ada.page.locator('.latency', { hasText: /\d ms/ }).waitFor()
  expect(await textOf(room)).toBe(await ada.text())
  await Promise.all([ada.close(), grace.close()])
  line.close()
})

test('a browser without WebTransport goes over WebSocket, with large changes both ways, and resumes after a reload', async () => {
  const room = 'unsupported'
  await cli(stage.server, password, ['room', 'create', room])
  const large = 'large both ways '.repeat(9_000)
  await cli(stage.server, password, ['write', room], large)
  const ada = await stage.visit('about:blank')
  await ada.page.addInitScript(() => Reflect.deleteProperty(globalThis, 'WebTransport'))
  const opened = webSockets(ada)
  await ada.page.goto(`${stage.server.url}#room=${room}`)
  await ada.join({ room, name: 'Ada', password })
  await ada.editor.focus()
  await ada.page.keyboard.press('Control+A')
  await ada.page.keyboard.insertText(`${large}and mine`)
  await ada.isSaved()
  expect((await textOf(room)) === `${large}and mine`).toBe(true)
  await ada.page.reload()
  await ada.isLive()
  expect(opened()).toBe(2)
  await ada.close()
})

test('a connection whose UDP dies goes on over WebSocket, and loses nothing', async () => {
  const room = 'udp-dies'
  await cli(stage.server, password, ['room', 'create', room])
  const line = await Line.to(stage.server)
  const ada = await stage.visit(`${line.url}#room=${room}`)
  const opened = webSockets(ada)
  await ada.join({ room, name: 'Ada', password })
  await ada.type('before; ')
  await ada.isSaved()
  expect(opened()).toBe(0)
  line.swallowsUdp = true
  await ada.type('after')
  await ada.isSaved()
  expect(opened()).toBe(1)
  expect(await textOf(room)).toBe('before; after')
  expect(ada.complaints).toEqual([])
  await ada.close()
  line.close()
})

test('a server without WebTransport is spoken to over WebSocket', async () => {
  const deaf = await Server.start(['--webtransport', 'off'])
  const ada = await stage.visit(deaf.url)
  await ada.create({ room: 'deaf', name: 'Ada', password })
  await ada.type('heard')
  await ada.isSaved()
  const grace = await stage.visit(deaf.url)
  await grace.join({ room: 'deaf', name: 'Grace', password })
  await until(() => grace.text(), (text) => text === 'heard')
  await Promise.all([ada.close(), grace.close()])
  await deaf.stop()
})
