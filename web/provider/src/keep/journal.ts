import * as Y from 'yjs'
import { inPairs } from '../core/pieces.ts'

/** How much may come to a base before another one takes its place, in bytes. */
const MAX_SINCE_BYTES = 64 * 1024

/** A document as a base and what came to it since, so that writing it down after a change costs the change and not the whole text. */
export class Journal {
  readonly #doc: Y.Doc
  #base: Uint8Array | null = null
  #since: Uint8Array[] = []
  #bytes = 0

  constructor(doc: Y.Doc) {
    this.#doc = doc
  }

  /** A change of the document, whoever made it. */
  add(update: Uint8Array): void {
    if (!this.#base) return
    this.#since = inPairs([...this.#since, update])
    this.#bytes += update.byteLength
    if (this.#bytes > MAX_SINCE_BYTES) this.forget()
  }

  /** The document as it is now. */
  get state(): { base: Uint8Array; since: Uint8Array[] } {
    this.#base ??= Y.encodeStateAsUpdate(this.#doc)
    return { base: this.#base, since: this.#since }
  }

  /** The next one who asks gets another base. */
  forget(): void {
    this.#base = null
    this.#since = []
    this.#bytes = 0
  }
}
