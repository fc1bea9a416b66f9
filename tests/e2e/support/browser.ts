import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import { RoomPage } from './room-page'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function launch(): Promise<Browser> {
  const executablePath = process.env['COLLAB_CHROMIUM'] ?? '/usr/bin/chromium'
  return chromium.launch({ executablePath, headless: true, args: FLAGS })
}

/** A page of a person of its own: nothing is shared with others. Anything the browser complains about fails the test. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<RoomPage> {
  const context: BrowserContext = await browser.newContext({ locale: 'en-GB', ...options })
  context.setDefaultTimeout(20_000)
  return open(context, url)
}

/** Another tab of the same person. */
export function another(tab: RoomPage, url: string): Promise<RoomPage> {
  return open(tab.page.context(), url)
}

async function open(context: BrowserContext, url: string): Promise<RoomPage> {
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text())
  })
  await page.goto(url)
  return new RoomPage(page, complaints)
}
