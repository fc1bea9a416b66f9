import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { difference } from './difference'

/** Keeps a textarea and a shared text equal, and the selection where it is meant to be while others write. */
export class TextareaBinding {
  readonly #textarea: HTMLTextAreaElement
  readonly #text: Y.Text
  readonly #awareness: Awareness
  /** Where the selection is, by its neighbours: counted places move when others write. */
  #selection: [Y.RelativePosition, Y.RelativePosition]

  constructor(textarea: HTMLTextAreaElement, text: Y.Text, awareness: Awareness) {
    this.#textarea = textarea
    this.#text = text
    this.#awareness = awareness
    textarea.value = text.toJSON()
    this.#selection = [this.#place(0), this.#place(0)]
    textarea.addEventListener('input', this.#onInput)
    document.addEventListener('selectionchange', this.#onSelection)
    text.observe(this.#onText)
  }

  destroy(): void {
    this.#textarea.removeEventListener('input', this.#onInput)
    document.removeEventListener('selectionchange', this.#onSelection)
    this.#text.unobserve(this.#onText)
  }

  readonly #onInput = (): void => {
    const { at, removed, inserted } = difference(this.#text.toJSON(), this.#textarea.value)
    this.#text.doc?.transact(() => {
      this.#text.delete(at, removed)
      this.#text.insert(at, inserted)
    }, this)
    this.#onSelection()
  }

  readonly #onSelection = (): void => {
    const { selectionStart, selectionEnd } = this.#textarea
    this.#selection = [this.#place(selectionStart), this.#place(selectionEnd)]
    const [anchor, head] = this.#selection
    this.#awareness.setLocalStateField('cursor', { anchor, head })
  }

  readonly #onText = (_: Y.YTextEvent, transaction: Y.Transaction): void => {
    if (transaction.origin === this) return
    this.#textarea.value = this.#text.toJSON()
    const [start, end] = this.#selection.map((place) => this.#index(place))
    this.#textarea.setSelectionRange(start ?? 0, end ?? 0)
  }

  #place(index: number): Y.RelativePosition {
    return Y.createRelativePositionFromTypeIndex(this.#text, index)
  }

  #index(place: Y.RelativePosition): number {
    const doc = this.#text.doc
    return (doc && Y.createAbsolutePositionFromRelativePosition(place, doc)?.index) ?? 0
  }
}
