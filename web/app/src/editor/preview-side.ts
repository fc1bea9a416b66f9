import { h } from '../shared/dom'
import type { Editor } from './editor'
import type { PreviewPane } from './preview/preview-pane'
import type { Session } from './session'
import { texts } from './texts'

/** The text, and beside it (on a phone: in its place) the preview when it is wanted. The preview's code is fetched then. */
export class PreviewSide {
  readonly #session: Session
  readonly #editor: Editor
  readonly element: HTMLElement
  #pane: PreviewPane | null = null
  #isWanted = false

  constructor(session: Session, editor: Editor) {
    this.#session = session
    this.#editor = editor
    this.element = h('div', { class: 'sides' }, h('div', { class: 'text', id: 'text', 'data-drop': texts().files.drop }, editor.view.dom))
    editor.view.scrollDOM.addEventListener('scroll', () => this.#pane?.scrollTo(this.#share), { passive: true })
  }

  /** @throws when the preview's code cannot be fetched */
  async toggle(): Promise<void> {
    this.#isWanted = !this.#isWanted
    if (this.#isWanted) await this.#show()
    else this.#hide()
  }

  async #show(): Promise<void> {
    const { PreviewPane } = await import('./preview/preview-pane').catch((error: unknown) => {
      this.#isWanted = false
      throw error
    })
    if (!this.isShown || this.#pane) return
    this.#pane = new PreviewPane(this.#session)
    this.element.append(this.#pane.element)
    this.element.classList.add('with-preview')
    this.#pane.scrollTo(this.#share)
  }

  end(): void {
    this.#hide()
  }

  /** Whether the preview is shown, or will be as soon as it is fetched. */
  get isShown(): boolean {
    return this.#isWanted
  }

  #hide(): void {
    this.#pane?.end()
    this.#pane = null
    this.element.classList.remove('with-preview')
  }

  /** How far down the text is scrolled, from 0 to 1. */
  get #share(): number {
    const { scrollTop, scrollHeight, clientHeight } = this.#editor.view.scrollDOM
    return scrollHeight > clientHeight ? scrollTop / (scrollHeight - clientHeight) : 0
  }
}
