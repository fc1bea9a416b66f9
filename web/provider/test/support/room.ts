import * as Y from 'yjs'
import { CollabProvider } from '../../src/provider'
import type { Access, Settings } from '../../src'
import { FakeClock, settle } from './fake-clock'
import { FakeServer } from './fake-server'

/** A provider, the server it talks to, and the clock of both. */
export class Room {
  readonly clock = new FakeClock()
  readonly server = new FakeServer()
  readonly doc = new Y.Doc()
  readonly text = this.doc.getText('text')
  readonly provider: CollabProvider

  constructor(options: Partial<Settings> & { access?: Access } = {}) {
    const { access = { password: 'correct horse' }, ...settings } = options
    this.provider = new CollabProvider('http://localhost/', 'demo', this.doc, {
      ...access,
      name: 'Ada',
      transport: this.server,
      clock: this.clock,
      random: () => 0.5,
      connect: false,
      ...settings,
    })
  }

  get state(): string {
    return this.provider.status.state
  }

  /** Connects and lets it come live, or wherever the server leads. */
  async join(): Promise<this> {
    this.provider.connect()
    await settle()
    return this
  }

  get content(): string {
    return this.text.toJSON()
  }

  type(text: string): void {
    this.text.insert(this.text.length, text)
  }
}
