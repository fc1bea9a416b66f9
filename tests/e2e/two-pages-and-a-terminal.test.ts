import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Line } from './support/line'
import { Stage } from './support/stage'
import { Terminal, cli } from './support/terminal'
import { until } from './support/until'

const room = 'demo'
const password = 'correct horse'
const stage = Stage.set()
let line: Line

beforeAll(async () => {
  line = await Line.to(stage.server)
})

afterAll(() => {
  line.close()
})

test('two pages and a terminal write at once; one page is cut off, goes on, and returns; all end with one text', async () => {
  const ada = await stage.visit(stage.server.url)
  const grace = await stage.visit(`${line.url}#room=${room}`)
  await ada.create({ room, name: 'Ada', password })
  await grace.join({ room, name: 'Grace', password })
  await cli(stage.server, password, ['write', room], 'From the command line.\r\nSecond line.\n')
  const terminal = new Terminal(stage.server, password, room)
  onTestFinished(() => terminal.kill())
  await terminal.shows('Second')
  await ada.says('3 people')

  terminal.type('terminal at the top; ')
  await Promise.all([ada.type('ada was here; '), grace.type('grace was here; ')])
  const texts = async (): Promise<[string, string]> => [await ada.text(), await grace.text()]
  const words = ['terminal at the top; ', 'Second line.']
  await until(texts, ([a, b]) => a === b && words.every((part) => a.includes(part)))

  line.isCut = true
  await grace.type('typed while away; ')
  terminal.type('meanwhile; ')
  await ada.type('ada goes on; ')
  await grace.says(/Connection lost/)
  expect(await grace.page.locator('.ladder').getAttribute('data-state')).toBe('device')
  await until(() => ada.text(), (text) => text.includes('meanwhile; '))
  expect(await ada.text()).not.toContain('away')

  line.isCut = false
  // It comes back by itself; by then the wait between two tries is a few seconds.
  await grace.isLive(40_000)
  await until(texts, ([a, b]) => a === b && a.includes('away') && a.includes('meanwhile; '))
  await Promise.all([ada.isSaved(), grace.isSaved()])
  await terminal.shows('away')
  await terminal.leave()

  const [a, b] = await texts()
  expect(a).toBe(b)
  expect(await cli(stage.server, password, ['cat', room])).toBe(a)
  expect(lettersOf(a)).toBe(lettersOf(
    'From the command line.\r\nSecond line.\nterminal at the top; meanwhile; ' +
      'ada was here; ada goes on; grace was here; typed while away; ',
  ))
  expect([...ada.complaints, ...grace.complaints]).toEqual([])
  await Promise.all([ada.close(), grace.close()])
})

test('a page sees the cursor of the other, with its name, and gets its own room back after a reload', async () => {
  const ada = await stage.visit(stage.server.url)
  await ada.create({ room: 'cursors', name: 'Ada', password })
  await ada.type('hello there')
  const grace = await stage.visit(`${stage.server.url}#room=cursors`)
  await grace.join({ room: 'cursors', name: 'Grace', password })
  await until(() => grace.text(), (text) => text === 'hello there')
  await ada.page.keyboard.press('Home')
  const caret = grace.page.locator('.cm-ySelectionCaret')
  await caret.waitFor()
  expect(await caret.locator('.cm-ySelectionInfo').textContent()).toBe('Ada')

  await ada.isSaved()
  await ada.page.reload()
  await ada.isLive()
  expect(await ada.text()).toBe('hello there')
  await grace.says('2 people')
  await ada.says(/^\d+(\.\d)? ms$/)
  expect([...ada.complaints, ...grace.complaints]).toEqual([])
  await Promise.all([ada.close(), grace.close()])
})

test('undo takes back one’s own words only', async () => {
  const ada = await stage.visit(stage.server.url)
  const grace = await stage.visit(stage.server.url)
  await ada.create({ room: 'undo', name: 'Ada', password })
  await grace.join({ room: 'undo', name: 'Grace', password })
  await ada.type('mine')
  await until(() => grace.text(), (text) => text === 'mine')
  await grace.type(' theirs')
  await until(() => ada.text(), (text) => text === 'mine theirs')
  await ada.page.keyboard.press('Control+z')
  await until(() => grace.text(), (text) => text === ' theirs')
  await Promise.all([ada.close(), grace.close()])
})

/** Characters may interleave where several type at one place; none may be lost or doubled. */
function lettersOf(text: string): string {
  return Array.from(text).sort().join('')
}
