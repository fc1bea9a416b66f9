import type { Browser } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { launch, visit } from './browser'
import type { RoomPage } from './room-page'
import { Server } from './server'

/** What the tests of a file play on: a server and Chromium, there from before the first test until after the last. */
export class Stage {
  #server: Server | null = null
  #browser: Browser | null = null

  /** @param flags settings of the server */
  static set(flags: string[] = []): Stage {
    const stage = new Stage()
    beforeAll(async () => {
      stage.#server = await Server.start(flags)
      stage.#browser = await launch()
    })
    afterAll(async () => {
      await stage.#browser?.close()
      await stage.#server?.stop()
    })
    return stage
  }

  get server(): Server {
    return there(this.#server)
  }

  get browser(): Browser {
    return there(this.#browser)
  }

  /** Somebody comes; see {@link visit}. */
  visit(...how: Parameters<typeof visit> extends [Browser, ...infer Rest] ? Rest : never): Promise<RoomPage> {
    return visit(this.browser, ...how)
  }
}

function there<T>(part: T | null): T {
  if (part === null) throw new Error('the stage is empty outside of a test')
  return part
}
