import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import type { RoomPage } from './support/room-page'
import { Stage } from './support/stage'
import { cli } from './support/terminal'
import { until } from './support/until'

const password = 'correct horse'
const stage = Stage.set(['--burst', '6', '--edits-per-minute', '20'])

async function writer(room: string): Promise<RoomPage> {
  const ada = await stage.visit(stage.server.url)
  await ada.create({ room, name: 'Ada', password })
  return ada
}

/** Lets go of a file over the text. */
function drop(page: Page, name: string, content: number[] | string): Promise<void> {
  return page.evaluate(
    ({ name, content }) => {
      const bytes = typeof content === 'string' ? content : new Uint8Array(content)
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File([bytes], name))
      const target = document.querySelector('.cm-content')
      target?.dispatchEvent(new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true }))
      target?.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }))
    },
    { name, content },
  )
}

/** Types, pastes and types again, faster than anybody could. */
async function typeAroundPaste({ page }: RoomPage, pasted: string): Promise<void> {
  await page.keyboard.insertText('a')
  await page.evaluate((pasted) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', pasted)
    document.activeElement?.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, pasted)
  await page.keyboard.insertText('b')
}

test('a dropped text file becomes part of the text in one edit; one that is too large or no text is explained', async () => {
  const ada = await writer('files')
  await drop(ada.page, 'big.txt', 'x'.repeat(1_000_001))
  await ada.says('“big.txt” has 1,001 kB; a file may have at most 1,000 kB.')
  await drop(ada.page, 'picture.png', [0x89, 0x50, 0x4e, 0x47, 0])
  await ada.says('“picture.png” is not a text file.')
  expect(await ada.text()).toBe('')
  await drop(ada.page, 'notes.md', '# Notes\r\nfrom a file\n')
  await until(() => ada.text(), (text) => text === '# Notes\nfrom a file\n')
  await ada.isSaved()
  expect(await cli(stage.server, password, ['cat', 'files'])).toBe('# Notes\nfrom a file\n')
  expect(await edits('files')).toBe(1)
  await ada.press('Undo')
  await until(() => ada.text(), (text) => text === '')
  expect(ada.complaints).toEqual([])
  await ada.close()
})

test('as much as may be dropped at once goes in several edits, and is one step for undo', async () => {
  const ada = await writer('large')
  await ada.type('before ')
  const text = 'not quite a hundred letters, '.repeat(3).padEnd(99, '.') + '\n'
  await drop(ada.page, 'large.txt', text.repeat(10_000))
  await ada.says('“large.txt” was inserted.')
  await ada.isSaved()
  expect(await cli(stage.server, password, ['cat', 'large'])).toBe(`${text.repeat(10_000)}before `)
  // The update limit is 256 KiB.
  expect(await edits('large')).toBe(2 + 4)
  await ada.press('Undo')
  await until(() => ada.text(), (text) => text === 'before ')
  expect(ada.complaints).toEqual([])
  await ada.close()
})

test('undo takes back what was pasted, and all that was replaced, each by itself', async () => {
  const ada = await writer('steps')
  const undone = async (...texts: string[]): Promise<void> => {
    for (const text of texts) {
      await ada.press('Undo')
      expect(await ada.text()).toBe(text)
    }
  }
  await typeAroundPaste(ada, 'pasted')
  expect(await ada.text()).toBe('apastedb')
  await undone('apasted', 'a', '')
  await ada.type('ab')

  await ada.page.keyboard.press('Control+f')
  await ada.page.getByRole('textbox', { name: 'Find' }).fill('a')
  await ada.page.getByRole('textbox', { name: 'Replace' }).fill('c')
  await ada.editor.focus()
  await ada.page.keyboard.insertText('a')
  await ada.press('replace all')
  const replaced = await ada.text()
  expect(replaced).toMatch(/^[cb]{3}$/)
  await undone(replaced.replaceAll('c', 'a'))
  await ada.close()
})

async function edits(room: string): Promise<number> {
  const headers = { authorization: `Bearer ${stage.server.adminToken}` }
  const answer = await fetch(`${stage.server.url}api/logs?room=${room}&kind=edited`, { headers })
  const { entries } = (await answer.json()) as { entries: unknown[] }
  return entries.length
}

test('the text is downloaded as it is, under the name of its kind', async () => {
  const ada = await writer('out')
  await ada.type('# Title')
  for (const kind of ['md', 'txt']) {
    await ada.page.getByLabel('More').click()
    const download = ada.page.waitForEvent('download')
    await ada.press(`Download As .${kind}`)
    const file = await download
    expect(file.suggestedFilename()).toBe(`out.${kind}`)
    expect(readFileSync(await file.path(), 'utf8')).toBe('# Title')
  }
  await ada.close()
})

test('Markdown is seen while it is written, and Enter goes on with a list', async () => {
  const ada = await writer('markdown')
  await ada.type('# Title\n\n- one\ntwo *three*')
  expect(await ada.text()).toBe('# Title\n\n- one\n- two *three*')
  const styleOf = (text: string, property: string): Promise<string> =>
    ada.editor.getByText(text).evaluate((element, property) => getComputedStyle(element).getPropertyValue(property), property)
  expect([await styleOf('Title', 'font-weight'), await styleOf('three', 'font-style')]).toEqual(['700', 'italic'])
  await ada.isSaved()
  expect(await cli(stage.server, password, ['cat', 'markdown'])).toBe('# Title\n\n- one\n- two *three*')
  await ada.close()
})

test('find and replace, by keys alone', async () => {
  const ada = await writer('find')
  await ada.type('one two one')
  await ada.page.keyboard.press('Control+f')
  const field = ada.page.getByRole('textbox', { name: 'Find' })
  await field.fill('one')
  await ada.page.getByRole('textbox', { name: 'Replace' }).fill('three')
  await ada.press('replace all')
  await until(() => ada.text(), (text) => text === 'three two three')
  await field.press('Escape')
  expect(await ada.editor.evaluate((editor) => editor === document.activeElement)).toBe(true)
  expect(ada.complaints).toEqual([])
  await ada.close()
})

test('the link to share can be copied, and its QR code is fetched only then', async () => {
  const ada = await writer('shared')
  const scripts = (): Promise<number> => ada.page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js')).length)
  const before = await scripts()
  await ada.press('Share')
  expect(await ada.page.getByLabel('Link').inputValue()).toBe(`${stage.server.url}#room=shared`)
  await ada.page.getByRole('img', { name: `QR code of ${stage.server.url}#room=shared` }).waitFor()
  expect(await scripts()).toBeGreaterThan(before)
  await ada.page.keyboard.press('Escape')
  expect(await ada.page.getByRole('dialog').count()).toBe(0)
  await ada.close()
})

test('the preview stands beside the text, follows it, and runs nothing', async () => {
  const ada = await writer('preview')
  await ada.type('# Title')
  await ada.press('Preview')
  const preview = ada.page.frameLocator('.preview iframe')
  await preview.getByRole('heading', { name: 'Title' }).waitFor()
  await ada.type('\n\n<img src=x onerror="parent.document.title=1"> [link](https://example.org)')
  const link = preview.getByRole('link', { name: 'link' })
  await link.waitFor()
  expect(await link.getAttribute('target')).toBe('_blank')
  expect(await ada.page.title()).toBe('preview · collab')
  await ada.page.getByLabel('More').click()
  const download = ada.page.waitForEvent('download')
  await ada.press('Download As .html')
  expect(readFileSync(await (await download).path(), 'utf8')).toContain('<h1>Title</h1>')
  await ada.press('Preview')
  expect(await ada.page.locator('.preview').count()).toBe(0)
  await ada.close()
})

test('the language changes in the middle of the work, and the work stays', async () => {
  const ada = await writer('langue')
  await ada.type('bonjour')
  await ada.page.getByLabel('More').click()
  await ada.page.getByLabel('Language').selectOption('fr')
  await ada.says('En direct')
  expect(await ada.page.locator('html').getAttribute('lang')).toBe('fr')
  const editor = ada.page.getByRole('textbox', { name: 'Texte du salon' })
  await editor.focus()
  await ada.page.keyboard.type(' tous')
  await until(() => cli(stage.server, password, ['cat', 'langue']), (text) => text === 'bonjour tous')
  await ada.isSaved()
  await ada.press('Quitter')
  await ada.press('Rejoindre')
  await ada.says('Un mot de passe a au moins 6 caractères.')
  await ada.page.reload()
  await ada.says('Écrire ensemble')
  expect(ada.complaints).toEqual([])
  await ada.close()
})

test('a browser that prefers French gets French', async () => {
  const page = await stage.visit(stage.server.url, { locale: 'fr-CA' })
  await page.says('Écrire ensemble')
  await page.page.getByRole('combobox', { name: 'Langue' }).selectOption('en')
  await page.says('Write together')
  await page.close()
})

test('rooms that were visited are offered again, until they are forgotten', async () => {
  const ada = await writer('visited')
  await ada.press('Leave')
  await ada.page.goto(stage.server.url)
  await ada.page.locator('.recent').getByRole('button', { name: /^visited/ }).click()
  expect(await ada.page.getByLabel('Room').inputValue()).toBe('visited')
  await ada.press('Forget visited')
  await until(() => ada.page.locator('.recent li').count(), (count) => count === 0)
  await ada.page.reload()
  expect(await ada.page.locator('.recent').isVisible()).toBe(false)
  await ada.close()
})

test('a role that changes acts at once: the text is read only, and can be written in again', async () => {
  const ada = await writer('roles')
  const grace = await stage.visit(`${stage.server.url}#room=roles`)
  await grace.join({ room: 'roles', name: 'Grace', password })
  const headers = { authorization: `Bearer ${stage.server.adminToken}`, 'content-type': 'application/json' }
  const members = await fetch(`${stage.server.url}api/rooms/roles/members`, { headers })
  expect(members.status).toBe(200)
  const list = (await members.json()) as { member: number; name: string }[]
  const member = list.find(({ name }) => name === 'Grace')?.member ?? 0
  const setRole = async (role: string): Promise<void> => {
    const answer = await fetch(`${stage.server.url}api/rooms/roles/members/${member}/role`, { method: 'PUT', headers, body: JSON.stringify({ role }) })
    expect(answer.status).toBe(204)
  }
  await grace.type('mine. ')
  await grace.isSaved()
  await setRole('viewer')
  await grace.says('Read only')
  await grace.says('You can read this room now, but not write in it.')
  expect(await grace.editor.getAttribute('aria-readonly')).toBe('true')
  await ada.type('only Ada writes')
  await until(() => grace.text(), (text) => text === 'mine. only Ada writes')
  await grace.type('!')
  await grace.page.keyboard.press('Control+z')
  expect(await grace.text()).toBe('mine. only Ada writes')
  await setRole('editor')
  await grace.says('You can write in this room now.')
  await grace.type(', and Grace')
  expect(await grace.text()).toBe('mine. only Ada writes, and Grace')
  await until(() => ada.text(), (text) => text === 'mine. only Ada writes, and Grace')
  await Promise.all([ada.close(), grace.close()])
})

test('the budget is shown only when it makes an edit wait, with the time', async () => {
  const ada = await writer('budget')
  await ada.type('a')
  await ada.isSaved()
  expect(await ada.page.locator('.budget').isVisible()).toBe(false)
  const says = ada.says(/^Next edit goes out in \d\.\d s$/)
  let waits = false
  const typing = async (): Promise<void> => {
    while (!waits) await ada.page.keyboard.type('b', { delay: 50 })
  }
  await Promise.all([typing(), says.finally(() => (waits = true))])
  await ada.isSaved()
  await until(() => ada.page.locator('.budget').isVisible(), (visible) => !visible)
  await ada.close()
})

test('the keyboard reaches everything: out of the text, around the parts, and back', async () => {
  const ada = await writer('keys')
  const isIn = (selector: string): Promise<boolean> => ada.page.evaluate((selector) => document.activeElement?.closest(selector) !== null, selector)
  await ada.page.keyboard.press('F6')
  expect(await isIn('.room-bar')).toBe(true)
  await ada.page.keyboard.press('F6')
  expect(await isIn('.text')).toBe(true)
  await ada.page.keyboard.press('Shift+Tab')
  expect(await isIn('.room-bar')).toBe(true)
  await ada.page.getByLabel('More').press('Enter')
  await ada.press('Keyboard shortcuts…')
  await ada.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await ada.page.keyboard.press('Escape')
  await ada.page.getByLabel('More').press('Enter')
  await ada.page.keyboard.press('Escape')
  expect(await isIn('.more')).toBe(true)
  expect(await ada.page.getByRole('button', { name: 'Insert a file…' }).isVisible()).toBe(false)
  await ada.close()
})
