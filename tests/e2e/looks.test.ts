import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, visit } from './support/browser'
import { Server } from './support/server'
import { until } from './support/until'

/** Screenshots are kept when a folder is named; what must hold of the looks is checked in any case. */
const folder = process.env['COLLAB_SCREENSHOTS']
const password = 'correct horse'
const TEXT = `Release notes, draft

- The terminal and the page edit one text; either may be offline for a while.
- "Saved" means that it is on the disk of the server, not in its memory.

To do before Friday
  1. numbers from the load generator
  2. a screenshot for the README
`
const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }
const views = Object.entries(SIZES).flatMap(([size, viewport]) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ name: `${size}-${colorScheme}`, viewport, colorScheme })),
)
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

test.each(views)('nothing overflows, and everything has its place: $name', async ({ name, viewport, colorScheme }) => {
  const ada = await visit(browser, server.url, { viewport, colorScheme })
  const take = async (page: string): Promise<void> => {
    const overflow = await ada.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(overflow).toBeLessThanOrEqual(0)
    if (folder) await ada.screenshot(join(folder, `${page}-${name}.png`))
  }
  const room = `notes-${name}`
  await ada.fill({ room, name: 'Ada', password })
  await take('join')
  await ada.press('Join')
  await ada.says('There is no room of this name yet.')
  await take('create')
  await ada.press(/^Create/)
  await ada.isLive()

  const grace = await visit(browser, `${server.url}#room=${room}`)
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
  await take('editor')
  await ada.page.locator('.people summary').click()
  await take('people')
  await grace.close()

  await ada.page.goto(`${server.url}logs`)
  await ada.page.getByLabel('Admin token').fill(server.adminToken)
  await ada.page.getByRole('button', { name: 'Open' }).click()
  await ada.page.locator('tbody tr').first().waitFor()
  await take('logs')
  await ada.close()
})
