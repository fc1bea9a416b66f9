import type { Locator } from 'playwright-core'
import { expect, test } from 'vitest'
import { violations } from './support/axe'
import { Line } from './support/line'
import type { RoomPage } from './support/room-page'
import { Stage } from './support/stage'
import { cli } from './support/terminal'

const password = 'correct horse'
const stage = Stage.set()

async function ownerAndGuest(room: string): Promise<[RoomPage, RoomPage]> {
  const owner = await stage.visit(stage.server.url)
  await owner.create({ room, name: 'Ada', password })
  const guest = await stage.visit(`${stage.server.url}#room=${room}`)
  await guest.join({ room, name: 'Grace', password })
  return [owner, guest]
}

async function panel({ page }: RoomPage): Promise<Locator> {
  await page.locator('summary[aria-label="More"]').click()
  await page.getByRole('button', { name: 'Manage this room' }).click()
  return page.getByRole('dialog')
}

async function changePassword(room: string, token: string, password: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await fetch(`${stage.server.url}api/rooms/${room}/password`, { method: 'PUT', headers, body: JSON.stringify({ password }) })
  expect(answer.status).toBe(204)
}

/** Where a member's row is. */
const rowOf = (panel: Locator, name: string): Locator => panel.locator('.members li', { hasText: name })

test('the owner decides who may write, at once, and sends somebody away', async () => {
  const [owner, guest] = await ownerAndGuest('ruled')
  const dialog = await panel(owner)
  const grace = rowOf(dialog, 'Grace')
  await grace.getByLabel('What Grace may do').selectOption('viewer')
  await guest.says('Read only')
  await grace.getByLabel('What Grace may do').selectOption('editor')
  await dialog.getByText('Grace: writes.').waitFor()
  await guest.type('allowed again')
  await guest.isSaved()

  await grace.getByRole('button', { name: 'Remove' }).click()
  await owner.page.keyboard.press('Escape')
  expect(await dialog.isVisible()).toBe(true)
  await grace.getByRole('button', { name: 'Remove' }).click()
  expect(await violations(owner.page)).toEqual([])
  await grace.getByRole('button', { name: 'Keep out for a day' }).click()
  await guest.says('You may not join this room.')
  await grace.waitFor({ state: 'detached' })
  await owner.page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  expect([...owner.complaints, ...guest.complaints]).toEqual([])
  await Promise.all([owner.close(), guest.close()])
})

test('passwords are changed: one for readers, and a new one for everybody', async () => {
  const room = 'passwords'
  const [owner, guest] = await ownerAndGuest(room)
  const dialog = await panel(owner)
  await dialog.getByLabel('Password for readers').fill('for readers')
  await dialog.getByLabel('Password for readers').press('Enter')
  await dialog.getByText('Readers can join with this password now.').waitFor()
  const reader = await stage.visit(`${stage.server.url}#room=${room}`)
  await reader.join({ room, name: 'Reader', password: 'for readers' })
  await reader.says('Read only')

  await dialog.getByLabel('New password').fill('battery staple')
  await dialog.getByLabel('New password').press('Enter')
  await dialog.getByText('The password was changed.').waitFor()
  await guest.says('The password of this room was changed.')
  await dialog.getByRole('button', { name: 'Turn off' }).click()
  await dialog.getByRole('group').getByRole('button', { name: 'Turn off' }).click()
  await dialog.getByText('There is no password for readers any more.').waitFor()
  await Promise.all([owner.close(), guest.close(), reader.close()])
})

test('whoever was away while the password was changed is told so, and comes back with the new one', async () => {
  const room = 'away'
  const token = await stage.server.createRoom(room, password)
  const line = await Line.to(stage.server)
  const guest = await stage.visit(`${line.url}#room=${room}`)
  await guest.join({ room, name: 'Grace', password })
  line.isCut = true
  await guest.page.locator('.status-bar[data-state=backoff]').waitFor()
  await changePassword(room, token, 'battery staple')
  line.isCut = false
  await guest.says('The password of this room was changed.')
  expect(await stage.server.logged(room, 'refused')).toBe(1)
  await guest.press('Join again')
  await guest.join({ room, name: 'Grace', password: 'battery staple' })
  await guest.close()
  line.close()
})

test('a room is deleted after a question; elsewhere its owner token must be pasted', async () => {
  const [owner, guest] = await ownerAndGuest('deleted')
  const asked = await panel(guest)
  await asked.getByLabel('Owner token').fill('not a token')
  await asked.getByLabel('Owner token').press('Enter')
  await asked.getByText('This is no owner token of this room, or not any more.').waitFor()
  const dialog = await panel(owner)
  await dialog.getByRole('button', { name: 'Delete the room' }).click()
  expect((await fetch(`${stage.server.url}api/rooms/deleted`, { headers: { authorization: `Bearer ${stage.server.adminToken}` } })).status).toBe(200)
  await dialog.getByRole('group').getByRole('button', { name: 'Delete the room' }).click()
  await guest.says('This room was deleted.')
  await owner.says('This room was deleted.')
  await dialog.waitFor({ state: 'detached' })
  await Promise.all([owner.close(), guest.close()])
})

test('the owner decides how often people may write, within what a room may decide', async () => {
  const [owner, guest] = await ownerAndGuest('paced')
  const dialog = await panel(owner)
  const perMinute = dialog.getByLabel('Changes a minute')
  await perMinute.fill('601')
  await perMinute.press('Enter')
  await dialog.getByText('Changes a minute: whole, 1 to 600').waitFor()
  expect(await perMinute.evaluate((field) => field === document.activeElement && field.getAttribute('aria-invalid'))).toBe('true')
  expect(await violations(owner.page)).toEqual([])

  await perMinute.fill('2')
  await dialog.getByLabel('Seconds between two').fill('0,25')
  await dialog.getByLabel('Seconds between two').press('Enter')
  await dialog.getByText('Each person may make 2 changes a minute now, 2 at once, 0.25 s between two.').waitFor()
  expect(await perMinute.getAttribute('aria-invalid')).toBe('false')
  expect(await dialog.getByLabel('As many at once').getAttribute('placeholder')).toBe('2')
  await guest.type('x')
  const waits = guest.says(/^Next edit goes out in/)
  let isSlowed = false
  const typing = async (): Promise<void> => {
    while (!isSlowed) await guest.page.keyboard.type('y', { delay: 50 })
  }
  await Promise.all([typing(), waits.finally(() => (isSlowed = true))])

  await perMinute.fill('')
  await perMinute.press('Enter')
  await dialog.getByText(/^Each person may make 30 changes a minute now/).waitFor()
  expect(await perMinute.getAttribute('placeholder')).toBe('30')
  await guest.isSaved()
  await Promise.all([owner.close(), guest.close()])
})

test('a token that the operator made rules the room from any browser, until it is revoked', async () => {
  const room = 'handed-over'
  const [owner, guest] = await ownerAndGuest(room)
  const asOperator = (...more: string[]): Promise<string> =>
    cli(stage.server, password, ['room', 'owner-token', room, '--admin-token-file', stage.server.adminTokenFile, ...more])
  const token = await asOperator()
  const dialog = await panel(guest)
  await dialog.getByText(`collab-cli room owner-token ${room}`).waitFor()
  expect(await violations(guest.page)).toEqual([])
  // As a terminal gives it whose lines are short.
  await dialog.getByLabel('Owner token').fill(token.replaceAll('.', '. '))
  await dialog.getByLabel('Owner token').press('Enter')
  await rowOf(dialog, 'Grace').getByText('you').waitFor()
  await asOperator('--revoke')
  await dialog.getByText('The owner token in this browser is not good any more. Another one is needed.').waitFor()
  expect(await dialog.getByLabel('Owner token').evaluate((field) => field === document.activeElement)).toBe(true)
  await Promise.all([owner.close(), guest.close()])
})
