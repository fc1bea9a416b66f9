import type { CollabProvider } from '@collab/provider'
import type * as Y from 'yjs'

/** Counts the characters that were written and removed here since the server last had everything. */
export class Unsent {
  written = 0
  removed = 0

  constructor(text: Y.Text, provider: CollabProvider) {
    text.observe((event, transaction) => {
      if (transaction.local) this.#add(event.delta)
    })
    provider.on('saved', ({ state }) => {
      if (state === 'saved') this.written = this.removed = 0
    })
  }

  #add(delta: Y.YTextEvent['delta']): void {
    for (const { insert, delete: removed = 0 } of delta) {
      if (typeof insert === 'string') this.written += insert.length
      this.removed += removed
    }
  }
}
