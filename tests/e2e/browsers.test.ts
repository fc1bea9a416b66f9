import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { BROWSERS } from './support/browser'
import { Line } from './support/line'
import { Stock } from './support/provider'
import { Server } from './support/server'
import { cli } from './support/terminal'
import { until } from './support/until'
import type { Visitors } from './support/writer'

const password = 'correct horse'
const NAMES = Object.keys(BROWSERS)
const browsers = new Map<string, Visitors>()
let server: Server

beforeAll(async () => {
  server = await Server.start()
  for (const [name, launch] of Object.entries(BROWSERS)) browsers.set(name, await launch())
})

afterAll(async () => {
  for (const browser of browsers.values()) await browser.close()
  await server.stop()
})

function browserOf(name: string): Visitors {
  const browser = browsers.get(name)
  if (!browser) throw new Error(`there is no ${name}`)
  return browser
}

async function line(): Promise<Line> {
  const line = await Line.to(server)
  onTestFinished(() => line.close())
  return line
}

test.each(NAMES)('%s: three write at once, over WebSocket, the stock y-websocket provider, and WebTransport with a tab that was closed', async (name) => {
  const demo = `three-${name.toLowerCase()}`
  const stock = new Stock(server, demo, await server.createRoom(demo, password), 'Stock')
  onTestFinished(() => stock.close())
  const way = await line()
  const [ada, grace] = await Promise.all([
    browserOf(name).visit(`${way.url}#room=${demo}`),
    browserOf(name).visit(`${server.url}#room=${demo}`, { without: 'WebTransport' }),
  ])
  await Promise.all([ada.join({ room: demo, name: 'Ada', password }), grace.join({ room: demo, name: 'Grace', password })])
  await grace.says('WebSocket: this browser has no WebTransport')
  stock.type('from stock; ')
  await Promise.all([ada.type('from Ada; '), grace.type('from Grace; ')])

  await ada.isSaved()
  way.isCut = true
  stock.type('as well; ')
  await Promise.all([ada.type('typed while away; '), grace.type('meanwhile; ')])
  await ada.isKept()
  await ada.closeTab()
  way.isCut = false

  const back = await ada.another(`${way.url}#room=${demo}`)
  await back.isLive(40_000)
  const texts = async (): Promise<string[]> => [
    stock.read,
    ...(await Promise.all([back.text(), grace.text(), cli(server, password, ['cat', demo])])),
  ]
  const written = 'from Ada; from Grace; from stock; typed while away; meanwhile; as well; '
  await until(texts, (texts) => texts.every((text) => text === texts[0] && lettersOf(text) === lettersOf(written)))
  await Promise.all([back.isSaved(), grace.isSaved()])
  expect([...ada.complaints, ...back.complaints, ...grace.complaints]).toEqual([])
  await Promise.all([back.close(), grace.close()])
})

test.each(NAMES)('%s: where UDP is blocked, a page that is opened can be written in within two seconds, and says why', async (name) => {
  const demo = `blocked-${name.toLowerCase()}`
  const way = await line()
  const ada = await browserOf(name).visit(way.url)
  await ada.create({ room: demo, name: 'Ada', password })
  way.swallowsUdp = true
  const began = performance.now()
  await ada.reload()
  await ada.isLive()
  const live = performance.now() - began
  process.stdout.write(`${name}: live ${Math.round(live)} ms after opening the page, UDP blocked\n`)
  expect(live).toBeLessThan(2_000)
  await ada.says('WebSocket: UDP is blocked here')
  await ada.type('by TCP')
  await ada.isSaved()
  expect(await cli(server, password, ['cat', demo])).toBe('by TCP')
  expect(ada.complaints).toEqual([])
  await ada.close()
})

test.each(NAMES)('%s: a server that dies and comes back is survived without a reload, and so is a new certificate', async (name) => {
  const demo = `restarted-${name.toLowerCase()}`
  const ada = await browserOf(name).visit(server.url)
  await ada.create({ room: demo, name: 'Ada', password })
  await ada.type('before; ')
  await ada.isSaved()
  await server.kill()
  await ada.type('meanwhile; ')
  await ada.isKept()
  server.forgetCertificate()
  await server.restart()
  await ada.isLive(40_000)
  await ada.type('after')
  await ada.isSaved()
  expect(await cli(server, password, ['cat', demo])).toBe('before; meanwhile; after')
  expect(ada.complaints).toEqual([])
  await ada.close()
})

test.each(NAMES)('%s: a certificate that is renewed while the server runs disturbs nobody, and the next session meets the new one', async (name) => {
  const demo = `renewed-${name.toLowerCase()}`
  const way = await line()
  const ada = await browserOf(name).visit(way.url)
  await ada.create({ room: demo, name: 'Ada', password })
  await ada.says('WebTransport')
  await ada.type('before; ')
  await ada.isSaved()
  await server.renewCertificate()
  await ada.type('meanwhile; ')
  await ada.isSaved()
  expect(await server.logged(demo, 'resumed')).toBe(0)

  way.isCut = true
  await ada.type('away; ')
  await ada.says('Trying again')
  way.isCut = false
  await ada.isLive(40_000)
  await ada.says('WebTransport')
  await ada.type('after')
  await ada.isSaved()
  expect(await server.logged(demo, 'resumed')).toBe(1)
  expect(await cli(server, password, ['cat', demo])).toBe('before; meanwhile; away; after')
  expect(ada.complaints).toEqual([])
  await ada.close()
})

/** Characters may interleave where several type at one place; none may be lost or doubled. */
function lettersOf(text: string): string {
  return Array.from(text).sort().join('')
}
