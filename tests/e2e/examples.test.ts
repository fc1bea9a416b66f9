import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type Server as HttpServer, createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Stage } from './support/stage'
import { cli } from './support/terminal'
import { until } from './support/until'

const password = 'correct horse'
const WEB = resolve(import.meta.dirname, '../../web')
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }

const stage = Stage.set()
/** The examples as a site of their own, as an application would be. */
let site: HttpServer
let built: string

beforeAll(async () => {
  built = mkdtempSync(join(tmpdir(), 'collab-examples-'))
  const build = ['build', '--config', 'provider/examples/vite.config.ts', '--outDir', built, '--emptyOutDir', '--logLevel', 'error']
  execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', ...build], { cwd: WEB, stdio: 'inherit' })
  site = createServer((request, answer) => {
    const path = join(built, new URL(request.url ?? '/', 'http://site').pathname.replace(/\/$/, '/index.html'))
    if (!existsSync(path)) return answer.writeHead(404).end()
    return answer.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream').end(readFileSync(path))
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
})

afterAll(() => {
  site.closeAllConnections()
  site.close()
  rmSync(built, { recursive: true })
})

async function open(example: string, room: string): Promise<Page> {
  const address = site.address()
  if (address === null || typeof address === 'string') throw new Error('the site is closed')
  const page = await (await stage.browser.newContext()).newPage()
  page.setDefaultTimeout(20_000)
  page.on('dialog', (dialog) => void dialog.accept(password))
  await page.goto(`http://127.0.0.1:${address.port}/${example}/?server=${encodeURIComponent(stage.server.url)}&room=${room}`)
  return page
}

test('the page of twenty lines shows a room and writes into it, from another site', async () => {
  await cli(stage.server, password, ['room', 'create', 'plain'])
  await cli(stage.server, password, ['write', 'plain'], 'There: ')
  const page = await open('plain', 'plain')
  await page.getByText('There: ').waitFor()
  await page.getByRole('button', { name: 'Say hello' }).click()
  await page.getByText('saved', { exact: true }).waitFor()
  expect(await cli(stage.server, password, ['cat', 'plain'])).toBe('There: Hello! ')
})

test('two textareas are one text, and a selection stays where it is meant to be', async () => {
  await cli(stage.server, password, ['room', 'create', 'textarea'])
  const [ada, grace] = await Promise.all([open('textarea', 'textarea'), open('textarea', 'textarea')])
  const join = async (page: Page, name: string): Promise<void> => {
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Join' }).click()
    await page.getByLabel('Text').waitFor()
  }
  await join(ada, 'Ada')
  await join(grace, 'Grace')
  await ada.getByRole('listitem').filter({ hasText: 'Grace' }).waitFor()

  await ada.getByLabel('Text').pressSequentially('world 😀')
  await until(() => grace.getByLabel('Text').inputValue(), (text) => text === 'world 😀')
  await grace.getByLabel('Text').press('Control+Home')
  await grace.getByLabel('Text').pressSequentially('Hello ')
  await until(() => ada.getByLabel('Text').inputValue(), (text) => text === 'Hello world 😀')
  await ada.getByLabel('Text').pressSequentially('!')
  await ada.getByText('saved', { exact: true }).waitFor()
  await until(() => grace.getByLabel('Text').inputValue(), (text) => text === 'Hello world 😀!')
  expect(await cli(stage.server, password, ['cat', 'textarea'])).toBe('Hello world 😀!')
})
