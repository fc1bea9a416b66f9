import { expect, test } from 'vitest'
import { Stage } from './support/stage'
import { until } from './support/until'

const password = 'correct horse'
const stage = Stage.set()

test('the state of the server follows what people do, and its restart', async () => {
  const admin = await stage.visit(`${stage.server.url}status`)
  await admin.page.getByLabel('Admin token').fill(stage.server.adminToken)
  await admin.page.getByRole('button', { name: 'Open' }).click()
  const people = admin.page.locator('.tile', { hasText: 'People' }).locator('dd')
  const p50 = admin.page.locator('tr', { hasText: 'It is saved' }).locator('td').first()
  const read = (): Promise<string[]> => Promise.all([people.innerText(), p50.innerText()])
  await until(read, ([people, p50]) => people === '0' && p50 === '0 µs')
  const ada = await stage.visit(stage.server.url)
  await ada.create({ room: 'watched', name: 'Ada', password })
  await ada.type('x')
  await ada.isSaved()
  await until(read, ([people, p50]) => people === '1' && p50 !== '0 µs')

  await stage.server.kill()
  await admin.says('The server cannot be reached. Trying again…')
  await stage.server.restart()
  await admin.page.getByText('Live', { exact: true }).waitFor()
  expect(admin.complaints).toEqual([])
  await Promise.all([ada.close(), admin.close()])
})
