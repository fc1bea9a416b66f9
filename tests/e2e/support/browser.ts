import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core'
import { Firefox } from './firefox'
import { RoomPage } from './room-page'
import type { Visit, Visitors } from './writer'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The browsers that a test runs in which is about all of them. */
export const BROWSERS: Record<string, () => Promise<Visitors>> = {
  Chromium: async () => new Chromium(await launch()),
  Firefox: () => Firefox.launch(),
}

export function launch(): Promise<Browser> {
  const executablePath = process.env['COLLAB_CHROMIUM'] ?? '/usr/bin/chromium'
  return chromium.launch({ executablePath, headless: true, args: FLAGS })
}

/** A page of a person of its own: nothing is shared with others. Anything the browser complains about fails the test. */
export async function visit(browser: Browser, url: string, how: Visit & BrowserContextOptions = {}): Promise<RoomPage> {
  const context = await browser.newContext({ locale: 'en-GB', ...how })
  context.setDefaultTimeout(20_000)
  return RoomPage.open(context, url, how)
}

class Chromium implements Visitors {
  constructor(readonly browser: Browser) {}

  visit(url: string, how: Visit = {}): Promise<RoomPage> {
    return visit(this.browser, url, how)
  }

  close(): Promise<void> {
    return this.browser.close()
  }
}
