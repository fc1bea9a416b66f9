import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Stage } from './support/stage'
import { until } from './support/until'

const password = 'correct horse'
const stage = Stage.set()

test('the log opens with the admin token, filters, follows, and keeps the filter in the address', async () => {
  const ada = await stage.visit(stage.server.url)
  await ada.create({ room: 'logged', name: 'Ada', password })
  const { page, complaints, close } = await openLog()

  await page.getByLabel('Admin token').fill('wrong')
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByText('This is not the admin token of this server.').waitFor()
  await page.getByLabel('Admin token').fill(stage.server.adminToken)
  await page.getByRole('button', { name: 'Open' }).click()
  const kinds = (): Promise<string[]> => page.locator('tbody .kind').allTextContents()
  await until(kinds, (kinds) => ['server-started', 'room-created', 'joined'].every((kind) => kinds.includes(kind)))

  await page.getByLabel('What').selectOption('edited')
  await page.getByLabel('Room').fill('logged')
  await page.getByLabel('Room').press('Enter')
  await page.getByText('Live · nothing matches yet').waitFor()
  expect(new URL(page.url()).search).toBe('?room=logged&kind=edited')

  await ada.type('x')
  expect(await until(kinds, (kinds) => kinds.length > 0)).toEqual(['edited'])
  const row = page.locator('tbody tr').first()
  expect(await row.locator('td').nth(2).textContent()).toBe('logged')
  expect(await row.locator('td').nth(3).textContent()).toMatch(/^Ada #\d+$/)

  await page.reload()
  await until(kinds, (kinds) => kinds.length === 1)
  expect(complaints).toEqual([])
  await Promise.all([ada.close(), close()])
})

test('older entries come page by page', async () => {
  const refused = Array.from({ length: 120 }, () =>
    fetch(new URL('/api/logs', stage.server.url), { headers: { authorization: `Bearer ${stage.server.adminToken}` } }),
  )
  await Promise.all(refused)
  const { page, close } = await openLog('?kind=admin-query')
  await page.getByLabel('Admin token').fill(stage.server.adminToken)
  await page.getByRole('button', { name: 'Open' }).click()
  const rows = (): Promise<number> => page.locator('tbody tr').count()
  const first = await until(rows, (rows) => rows >= 100)
  await page.getByRole('button', { name: 'Load older entries' }).click()
  await until(rows, (rows) => rows > first)
  const numbers = await page.locator('tbody tr').evaluateAll((rows) => rows.map((row) => Number(row.dataset['seq'])))
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => b - a))
  await close()
})

test('the log is exported as lines of JSON, oldest first, as it is filtered', async () => {
  const ada = await stage.visit(stage.server.url)
  await ada.create({ room: 'exported', name: 'Ada', password })
  const { page, close } = await openLog('?room=exported')
  await page.getByLabel('Admin token').fill(stage.server.adminToken)
  await page.getByRole('button', { name: 'Open' }).click()
  await page.locator('tbody tr').first().waitFor()
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export as JSON lines' }).click()
  const file = await download
  expect(file.suggestedFilename()).toBe('collab-log.jsonl')
  const lines = readFileSync(await file.path(), 'utf8').trimEnd().split('\n')
  const entries = lines.map((line) => JSON.parse(line) as { seq: number; kind: string; room: string })
  expect(entries.slice(0, 3).map(({ kind }) => kind)).toEqual(['refused', 'room-created', 'joined'])
  expect(new Set(entries.map(({ room }) => room))).toEqual(new Set(['exported']))
  const numbers = entries.map(({ seq }) => seq)
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  await Promise.all([ada.close(), close()])
})

test('the admin token is asked for once, and again when it was forgotten', async () => {
  const { page, close } = await openLog()
  await page.getByLabel('Admin token').fill(stage.server.adminToken)
  await page.getByLabel('Keep it in this browser').check()
  await page.getByRole('button', { name: 'Open' }).click()
  await page.locator('tbody tr').first().waitFor()
  const tab = await page.context().newPage()
  await tab.goto(`${stage.server.url}logs`)
  await tab.locator('tbody tr').first().waitFor()
  await tab.getByRole('button', { name: 'Forget the token' }).click()
  await tab.reload()
  await tab.getByLabel('Admin token').waitFor()
  await close()
})

async function openLog(search = '') {
  const visitor = await stage.visit(`${stage.server.url}logs${search}`)
  return { page: visitor.page, complaints: visitor.complaints, close: () => visitor.close() }
}
