import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BROWSERS } from './support/browser'
import { Line } from './support/line'
import { Server } from './support/server'
import { cli } from './support/terminal'
import { until } from './support/until'
import type { Visitors } from './support/writer'

const password = 'correct horse'
let server: Server

beforeAll(async () => {
  server = await Server.start()
})

afterAll(async () => {
  await server.stop()
})

describe.each(Object.entries(BROWSERS))('%s', (name, launch) => {
  let browser: Visitors

  beforeAll(async () => {
    browser = await launch()
  })

  afterAll(async () => {
    await browser.close()
  })

  test('one goes offline, closes the tab, reopens it and returns, while another writes: all texts are equal', async () => {
    const room = `returns-${name.toLowerCase()}`
    const line = await Line.to(server)
    const ada = await browser.visit(`${line.url}#room=${room}`)
    await ada.create({ room, name: 'Ada', password })
    const grace = await browser.visit(`${server.url}#room=${room}`)
    await grace.join({ room, name: 'Grace', password })

    await Promise.all([ada.type('from Ada; '), grace.type('from Grace; ')])
    await Promise.all([ada.isSaved(), grace.isSaved()])
    line.isCut = true
    await ada.type('typed while away; ')
    await grace.type('meanwhile; ')
    await ada.isKept()
    await ada.closeTab()
    line.isCut = false

    const back = await ada.another(`${line.url}#room=${room}`)
    await back.isLive(40_000)
    const texts = (): Promise<string[]> => Promise.all([back.text(), grace.text()])
    await until(texts, ([a, b]) => a === b && ['typed while away; ', 'meanwhile; '].every((words) => a?.includes(words)))
    await back.isSaved()
    expect(await cli(server, password, ['cat', room])).toBe(await back.text())
    expect([...ada.complaints, ...back.complaints, ...grace.complaints]).toEqual([])
    await Promise.all([back.close(), grace.close()])
    line.close()
  })
})
