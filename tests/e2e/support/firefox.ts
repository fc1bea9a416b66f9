import puppeteer, { type Browser, type BrowserContext, type ElementHandle, type Page } from 'puppeteer-core'
import { until } from './until'
import { type Person, type Visit, type Visitors, type Writer, textOf } from './writer'

/**
 * Debian's Firefox ESR, over WebDriver BiDi: Playwright would need a Firefox of its own making. Windows instead of tabs, since
 * Firefox slows down what is behind.
 */
export class Firefox implements Visitors {
  private constructor(readonly browser: Browser) {}

  static async launch(): Promise<Firefox> {
    const executablePath = process.env['COLLAB_FIREFOX'] ?? '/usr/bin/firefox-esr'
    return new Firefox(await puppeteer.launch({ browser: 'firefox', executablePath, headless: true }))
  }

  async visit(url: string, how: Visit = {}): Promise<FirefoxPage> {
    return FirefoxPage.open(await this.browser.createBrowserContext(), url, how)
  }

  close(): Promise<void> {
    return this.browser.close()
  }
}

/** The editor page in Firefox. */
export class FirefoxPage implements Writer {
  private constructor(
    readonly page: Page,
    readonly complaints: string[],
  ) {}

  static async open(context: BrowserContext, url: string, { without }: Visit): Promise<FirefoxPage> {
    const page = await context.newPage({ type: 'window' })
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      if (/Content.Security.Policy/.test(message.text())) complaints.push(message.text())
    })
    if (without) await page.evaluateOnNewDocument((name) => void Reflect.deleteProperty(globalThis, name), without)
    await page.goto(url)
    return new FirefoxPage(page, complaints)
  }

  async create(person: Person): Promise<void> {
    await this.#fill(person)
    await this.press('Join')
    await this.press(/^Create/)
    await this.isLive()
  }

  async join(person: Person): Promise<void> {
    await this.#fill(person)
    await this.press('Join')
    await this.isLive()
  }

  async press(name: string | RegExp): Promise<void> {
    const wanted = name instanceof RegExp ? name : exactly(name)
    const button = await this.#first('button:enabled', wanted)
    await button.click()
  }

  async says(text: string | RegExp): Promise<void> {
    const shown = (): Promise<string> => this.page.evaluate(() => document.body.innerText)
    await until(shown, (shown) => (text instanceof RegExp ? text.test(shown) : shown.includes(text)))
  }

  async isLive(timeoutMs = 20_000): Promise<void> {
    await this.page.waitForSelector('.status-bar[data-state=live]', { timeout: timeoutMs })
  }

  async isSaved(): Promise<void> {
    await this.page.waitForSelector('.ladder[data-state=saved]')
  }

  async isKept(): Promise<void> {
    await this.page.waitForSelector('.ladder[data-state=device]')
    await this.says('Kept on this device')
  }

  async type(text: string): Promise<void> {
    await this.page.focus('.cm-content')
    await this.page.keyboard.down('Control')
    await this.page.keyboard.press('End')
    await this.page.keyboard.up('Control')
    await this.page.keyboard.type(text, { delay: 20 })
  }

  text(): Promise<string> {
    return this.page.$eval('.cm-content', textOf)
  }

  async reload(): Promise<void> {
    await this.page.reload()
  }

  another(url: string): Promise<FirefoxPage> {
    return FirefoxPage.open(this.page.browserContext(), url, {})
  }

  closeTab(): Promise<void> {
    return this.page.close()
  }

  close(): Promise<void> {
    return this.page.browserContext().close()
  }

  async #fill({ room, name, password }: Person): Promise<void> {
    for (const [label, value] of [['Room', room], ['Your name', name], ['Password', password]] as const) {
      const field = await this.#first('label', exactly(label))
      // Fields may be filled already: what is typed takes the place of that.
      await field.evaluate((it) => ((it as HTMLLabelElement).control as HTMLInputElement).select())
      await this.page.keyboard.type(value)
    }
  }

  /** The first visible element with such a text or label, once there is one. */
  async #first(selector: string, text: RegExp): Promise<ElementHandle> {
    const find = async (): Promise<ElementHandle | null> => {
      const found = await this.page.evaluateHandle(
        (selector, source) => {
          const nameOf = (it: Element): string => (it.getAttribute('aria-label') ?? it.textContent).trim()
          const visible = [...document.querySelectorAll(selector)].filter((it) => it.checkVisibility())
          return visible.find((it) => new RegExp(source).test(nameOf(it))) ?? null
        },
        selector,
        text.source,
      )
      return found.asElement() as ElementHandle | null
    }
    const found = await until(find, (element) => element !== null)
    if (!found) throw new Error(`there is no ${selector} ${String(text)}`)
    return found
  }
}

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
}
