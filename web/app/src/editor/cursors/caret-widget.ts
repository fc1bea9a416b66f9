import { WidgetType } from '@codemirror/view'
import type { Peer } from './peer'

/** Somebody's caret with a flag that bears their name and fades; a move makes it anew, and the flag is seen again. */
export class CaretWidget extends WidgetType {
  readonly #name: string
  readonly #color: string
  readonly #move: number

  constructor({ name, color, move }: Peer) {
    super()
    this.#name = name
    this.#color = color
    this.#move = move
  }

  override eq(other: CaretWidget): boolean {
    return other.#move === this.#move && other.#name === this.#name && other.#color === this.#color
  }

  toDOM(): HTMLElement {
    const flag = document.createElement('span')
    flag.className = 'cm-ySelectionInfo'
    flag.textContent = this.#name
    const caret = document.createElement('span')
    caret.className = 'cm-ySelectionCaret'
    caret.style.setProperty('--colour', this.#color)
    // Signs without width keep the line's height and let the text wrap as if nothing were here.
    caret.append('\u2060', flag, '\u2060')
    caret.setAttribute('aria-hidden', 'true')
    return caret
  }

  override ignoreEvent(): boolean {
    return true
  }
}
