import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, visit } from './support/browser'
import { Server } from './support/server'
import { until } from './support/until'

const password = 'correct horse'
let server: Server
let browser: Browser

beforeAll(async () => {
  server = await Server.start()
  browser = await launch()
})

afterAll(async () => {
  await browser.close()
  await server.stop()
})

test('the state of the server follows what people do, and its restart', async () => {
  const admin = await visit(browser, `${server.url}status`)
  await admin.page.getByLabel('Admin token').fill(server.adminToken)
  await admin.page.getByRole('button', { name: 'Open' }).click()
  const people = admin.page.locator('.tile', { hasText: 'People' }).locator('dd')
  const p50 = admin.page.locator('tr', { hasText: 'It is saved' }).locator('td').first()
  const read = (): Promise<string[]> => Promise.all([people.innerText(), p50.innerText()])
  await until(read, ([people, p50]) => people === '0' && p50 === '0 µs')
  const ada = await visit(browser, server.url)
  await ada.create({ room: 'watched', name: 'Ada', password })
  await ada.type('x')
  await ada.isSaved()
  await until(read, ([people, p50]) => people === '1' && p50 !== '0 µs')

  await server.kill()
  await admin.says('The server cannot be reached. Trying again…')
  await server.restart()
  await admin.page.getByText('Live', { exact: true }).waitFor()
  expect(admin.complaints).toEqual([])
  await Promise.all([ada.close(), admin.close()])
})
