import type { Locator, Page } from 'playwright-core'
import type { UdpRelay } from './udp-relay'

interface Person {
  room: string
  name: string
  password: string
}

/** The editor page, in the words of the person in front of it. */
export class RoomPage {
  constructor(
    readonly page: Page,
    /** What the browser complained about. */
    readonly complaints: string[],
  ) {}

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

  /** Waits until closing the tab loses nothing. */
  async isKept(): Promise<void> {
    await this.page.locator('.ladder[data-state=device]').getByText('Kept on this device').waitFor()
  }

  /** Closes the tab, with what the browser asks before that. */
  closeTab(): Promise<void> {
    return this.page.close()
  }

  get editor(): Locator {
    return this.page.getByRole('textbox', { name: 'Text of the room' })
  }

  /** Types at the end of the text, key by key. */
  async type(text: string): Promise<void> {
    await this.editor.focus()
    await this.page.keyboard.press('Control+End')
    await this.page.keyboard.type(text, { delay: 20 })
  }

  /** The text, without the cursors and names of others that stand in it. */
  text(): Promise<string> {
    return this.editor.evaluate((content) => {
      const copy = content.cloneNode(true) as Element
      for (const extra of copy.querySelectorAll('.cm-ySelectionCaret, .cm-placeholder')) extra.remove()
      return [...copy.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n')
    })
  }

  /** Sends what goes to the server through a relay that can be cut, pages and sessions alike. */
  async through(relay: UdpRelay): Promise<void> {
    await this.page.route('**/api/server', async (route) => {
      if (relay.isCut) return route.abort('internetdisconnected')
      const response = await route.fetch()
      const info = (await response.json()) as Record<string, unknown>
      return route.fulfill({ response, json: { ...info, webtransport_port: relay.port } })
    })
  }

  screenshot(path: string): Promise<Buffer> {
    return this.page.screenshot({ path })
  }

  close(): Promise<void> {
    return this.page.context().close()
  }
}
