import { join } from 'node:path'
import { expect, test } from 'vitest'
import { violations } from './support/axe'
import type { RoomPage } from './support/room-page'
import { Stage } from './support/stage'
import { until } from './support/until'

/** The README's pictures are taken anew when a folder is named for them; what must hold of the looks is checked in any case. */
const folder = process.env['COLLAB_SCREENSHOTS']
const PICTURES: Record<string, string> = {
  'editor-wide-light': 'page.png',
  'editor-wide-dark': 'page-dark.png',
  'editor-phone-light': 'page-phone.png',
  'logs-wide-light': 'logs.png',
  'status-wide-light': 'status.png',
}
const password = 'correct horse'
const TEXT = `# Release notes, draft

- The terminal and the page edit *one text*; either may be offline for a while.
- **Saved** means that it is on the disk of the server, not in its memory.
- \`make bench\` measures it, as [the manual](https://example.org) says.

> Whoever writes tests sleeps better.

## To do before Friday
  1. numbers from the load generator
  2. a screenshot for the README
`
const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }
const views = Object.entries(SIZES).flatMap(([size, viewport]) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ name: `${size}-${colorScheme}`, viewport, colorScheme })),
)
const stage = Stage.set(['--burst', '10'])

/** Checks a page as it is shown now: nothing overflows, and axe has nothing to say. */
async function look(person: RoomPage, shot: string): Promise<void> {
  const overflow = await person.page.evaluate(() => {
    const frames = [document.documentElement, ...document.querySelectorAll('.table-frame')]
    return Math.max(...frames.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth))
  })
  expect.soft(overflow, shot).toBeLessThanOrEqual(0)
  expect.soft(await violations(person.page), shot).toEqual([])
  const picture = PICTURES[shot]
  if (folder && picture) await person.screenshot(join(folder, picture))
}

async function openLog({ page }: RoomPage): Promise<void> {
  await page.goto(`${stage.server.url}logs`)
  await page.locator('#token').fill(stage.server.adminToken)
  await page.locator('#token').press('Enter')
  await page.locator('tbody tr').first().waitFor()
}

test.each(views)('nothing overflows, everything can be read and has a name: $name', async ({ name, viewport, colorScheme }) => {
  const ada = await stage.visit(stage.server.url, { viewport, colorScheme, reducedMotion: 'reduce' })
  const room = `notes-${name}`
  await ada.fill({ room, name: 'Ada', password })
  await look(ada, `join-${name}`)
  await ada.press('Join')
  await ada.says('There is no room of this name yet.')
  await look(ada, `create-${name}`)
  await ada.press(/^Create/)
  await ada.isLive()

  const grace = await stage.visit(`${stage.server.url}#room=${room}`)
  await grace.join({ room, name: 'Grace', password })
  await grace.editor.fill(TEXT)
  await until(() => ada.text(), (text) => text === TEXT)
  await grace.page.keyboard.press('ArrowUp')
  await grace.page.keyboard.press('ArrowUp')
  await grace.page.keyboard.press('End')
  await ada.page.locator('.cm-ySelectionCaret').waitFor()
  await ada.type('  3. ')
  await ada.isSaved()
  await ada.says(/^\d+(\.\d)? ms$/)
  await look(ada, `editor-${name}`)
  await ada.page.locator('.people summary').click()
  await look(ada, `people-${name}`)
  await ada.page.keyboard.press('Escape')
  await ada.press('Preview')
  await ada.page.frameLocator('.preview iframe').getByRole('heading', { name: 'Release notes' }).waitFor()
  await look(ada, `preview-${name}`)
  await ada.press('Preview')
  await ada.page.getByLabel('More').click()
  await look(ada, `menu-${name}`)
  await ada.press('Manage this room…')
  await ada.page.getByRole('dialog').getByText('Grace').waitFor()
  await look(ada, `owner-${name}`)
  await ada.page.keyboard.press('Escape')
  await grace.close()

  await openLog(ada)
  await look(ada, `logs-${name}`)
  await ada.page.goto(`${stage.server.url}status`)
  await ada.page.locator('tbody td', { hasText: 'ms' }).first().waitFor()
  // A picture shows how it goes on, which takes some seconds to be seen.
  if (folder && PICTURES[`status-${name}`]) await ada.page.locator('.tile polyline[points*="112.0,"]').first().waitFor({ state: 'attached' })
  await look(ada, `status-${name}`)
  await ada.close()
})

test('on a phone, the flag of a caret at the right edge is seen whole, and what waits moves no line', async () => {
  const ada = await stage.visit(stage.server.url, { viewport: SIZES.phone, reducedMotion: 'reduce' })
  await ada.create({ room: 'edge', name: 'Ada', password })
  const grace = await stage.visit(`${stage.server.url}#room=edge`)
  await grace.join({ room: 'edge', name: 'Grace Brewster Murray Hopper', password })
  await grace.type('as long as a line')
  const flag = ada.page.locator('.cm-ySelectionInfo')
  const right = (): Promise<number> => flag.evaluate((flag) => flag.getBoundingClientRect().right)
  await until(() => ada.page.locator('.cm-ySelectionCaret').evaluate((caret) => caret.getBoundingClientRect().left), (left) => left > 150)
  expect(await until(right, (edge) => edge <= SIZES.phone.width)).toBeGreaterThan(300)

  const height = (): Promise<number> => ada.page.locator('.status-bar').evaluate((bar) => bar.clientHeight)
  const before = await height()
  const waits = ada.page.locator('.budget').waitFor()
  let isSlowed = false
  const typing = async (): Promise<void> => {
    while (!isSlowed) await ada.page.keyboard.type('b', { delay: 50 })
  }
  await Promise.all([typing(), waits.finally(() => (isSlowed = true))])
  expect(await height()).toBe(before)
  await Promise.all([ada.close(), grace.close()])
})

test.each(['light', 'dark'] as const)('the same in French: %s', async (colorScheme) => {
  const ada = await stage.visit(stage.server.url, { colorScheme, locale: 'fr-FR' })
  await look(ada, `join-french-${colorScheme}`)
  await openLog(ada)
  await look(ada, `logs-french-${colorScheme}`)
  await ada.page.goto(`${stage.server.url}status`)
  await ada.says('Un mot de passe est vérifié')
  await look(ada, `status-french-${colorScheme}`)
  await ada.close()
})
