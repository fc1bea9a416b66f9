import { h, setText } from '../../shared/dom'
import type { Session } from '../session'
import { texts } from '../texts'
import { Frame } from './frame'
import { isTooLarge, isTooSoon, render } from './render'

/** So long after a change the preview follows; many changes in between cost one. */
const REST_MS = 500

/** The text as the server renders it, beside the editor. It asks only while it is shown. */
export class PreviewPane {
  readonly #session: Session
  readonly #words = texts().preview
  readonly #frame = new Frame(this.#words.title)
  readonly #note = h('p', { class: 'preview-note' }, this.#words.loading)
  readonly element = h('section', { class: 'preview', 'aria-label': this.#words.title }, this.#note, this.#frame.element)
  readonly #abort = new AbortController()
  #shown: string | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #isAsking = false
  #share = 0

  constructor(session: Session) {
    this.#session = session
    session.text.observe(this.#onChange)
    session.provider.on('synced', this.#onChange)
    this.#frame.element.addEventListener('load', () => void this.#refresh())
  }

  /** Goes where the editor is. @param share how far down, from 0 to 1 */
  scrollTo(share: number): void {
    this.#share = share
    this.#frame.scrollTo(share)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#abort.abort()
    this.#session.text.unobserve(this.#onChange)
    this.#session.provider.off('synced', this.#onChange)
    this.element.remove()
  }

  readonly #onChange = (): void => {
    this.#timer ??= setTimeout(() => void this.#refresh(), REST_MS)
  }

  /** One request at a time; what changed meanwhile is asked for after it. */
  async #refresh(): Promise<void> {
    this.#timer = undefined
    const text = this.#session.content
    if (this.#isAsking) this.#onChange()
    if (this.#isAsking || text === this.#shown) return
    this.#isAsking = true
    try {
      const html = await render(text, this.#session.provider.self?.resumeToken ?? '', this.#abort.signal)
      this.#shown = text
      this.#frame.show(html)
      this.#frame.scrollTo(this.#share)
      this.#say(text.trim() === '' ? this.#words.empty : '')
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#failed(error)
    } finally {
      this.#isAsking = false
    }
  }

  #failed(error: unknown): void {
    if (isTooSoon(error)) this.#onChange()
    else this.#say(this.#problem(error))
  }

  #problem(error: unknown): string {
    if (isTooLarge(error)) return this.#words.tooLarge
    return this.#session.provider.status.state === 'live' ? this.#words.failed : this.#words.offline
  }

  #say(note: string): void {
    setText(this.#note, note)
    this.#note.hidden = note === ''
  }
}
