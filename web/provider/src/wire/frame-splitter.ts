import { MAX_SERVER_FRAME_BYTES } from './limits.ts'
import { WireError } from './wire-error.ts'

/** Cuts a stream, which arrives in any pieces, into the bodies of its frames. */
export class FrameSplitter {
  #chunks: Uint8Array[] = []
  #length = 0

  constructor(readonly limit: number = MAX_SERVER_FRAME_BYTES) {}

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#length += chunk.byteLength
  }

  /**
   * The next whole frame's body, or null while bytes are missing.
   * @throws {WireError} as soon as a length above the limit is seen.
   */
  next(): Uint8Array | null {
    const header = this.#header()
    if (header === null) return null
    if (header.length > this.limit) throw new WireError('a frame that is too large')
    const end = header.size + header.length
    if (this.#length < end) return null
    const buffer = this.#joined()
    this.#chunks = [buffer.subarray(end)]
    this.#length = buffer.byteLength - end
    return buffer.slice(header.size, end)
  }

  #header(): { length: number; size: number } | null {
    let length = 0
    let size = 0
    for (const chunk of this.#chunks) {
      for (const byte of chunk) {
        length += (byte & 0x7f) * 2 ** (7 * size++)
        if (byte < 0x80) return { length, size }
        if (size === 5) throw new WireError('a length that does not end')
      }
    }
    return null
  }

  /** All that waits, in one piece; pieces are put together once per frame, not once per piece. */
  #joined(): Uint8Array {
    if (this.#chunks.length === 1 && this.#chunks[0]) return this.#chunks[0]
    const joined = new Uint8Array(this.#length)
    let at = 0
    for (const chunk of this.#chunks) {
      joined.set(chunk, at)
      at += chunk.byteLength
    }
    return joined
  }
}
