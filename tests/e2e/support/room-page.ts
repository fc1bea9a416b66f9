import type { BrowserContext, Locator, Page } from 'playwright-core'
import { type Person, type Visit, type Writer, textOf } from './writer'

/** The editor page in Chromium. */
export class RoomPage implements Writer {
  constructor(
    readonly page: Page,
    readonly complaints: string[],
  ) {}

  static async open(context: BrowserContext, url: string, { without }: Visit = {}): Promise<RoomPage> {
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text())
    })
    if (without) await page.addInitScript((name) => void Reflect.deleteProperty(globalThis, name), without)
    await page.goto(url)
    return new RoomPage(page, complaints)
  }

  async fill({ room, name, password }: Person): Promise<void> {
    await this.page.getByLabel('Room').fill(room)
    await this.page.getByLabel('Your name').fill(name)
    await this.page.getByLabel('Password').fill(password)
  }

  /** Joins by the form, and waits to be let in if that is expected. */
  async join(person: Person, letsIn = true): Promise<void> {
    await this.fill(person)
    await this.press('Join')
    if (letsIn) await this.isLive()
  }

  async create(person: Person): Promise<void> {
    await this.fill(person)
    await this.press('Join')
    await this.press(/^Create/)
    await this.isLive()
  }

  press(name: string | RegExp): Promise<void> {
    return this.page.getByRole('button', { name }).click()
  }

  async says(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor()
  }

  async isLive(timeout = 20_000): Promise<void> {
    await this.page.locator('.status-bar[data-state=live]').waitFor({ timeout })
  }

  async isSaved(): Promise<void> {
    await this.page.locator('.ladder[data-state=saved]').waitFor()
  }

  async isKept(): Promise<void> {
    await this.page.locator('.ladder[data-state=device]').getByText('Kept on this device').waitFor()
  }

  async reload(): Promise<void> {
    await this.page.reload()
  }

  another(url: string): Promise<RoomPage> {
    return RoomPage.open(this.page.context(), url)
  }

  closeTab(): Promise<void> {
    return this.page.close()
  }

  get editor(): Locator {
    return this.page.getByRole('textbox', { name: 'Text of the room' })
  }

  async type(text: string): Promise<void> {
    await this.editor.focus()
    await this.page.keyboard.press('Control+End')
    await this.page.keyboard.type(text, { delay: 20 })
  }

  text(): Promise<string> {
    return this.editor.evaluate(textOf)
  }

  screenshot(path: string): Promise<Buffer> {
    return this.page.screenshot({ path })
  }

  close(): Promise<void> {
    return this.page.context().close()
  }
}
