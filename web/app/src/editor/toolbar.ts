import type * as Y from 'yjs'
import { button, h } from '../shared/dom'
import { type Icon, icon } from '../shared/icons'
import { texts } from './texts'

export interface Tools {
  undo: Y.UndoManager
  find: () => void
  preview: () => void
  share: () => void
}

/** The tools above the text. Undo and redo are there only while there is something of one's own to take back. */
export class Toolbar {
  readonly #undoManager: Y.UndoManager
  readonly #undo: HTMLButtonElement
  readonly #redo: HTMLButtonElement
  readonly #preview: HTMLButtonElement
  readonly element: HTMLElement
  readonly #onStack = (): void => this.#refresh()

  constructor(tools: Tools) {
    const { room } = texts()
    this.#undoManager = tools.undo
    this.#undo = tool('undo', room.undo, () => tools.undo.undo())
    this.#redo = tool('redo', room.redo, () => tools.undo.redo())
    this.#preview = tool('preview', room.preview, tools.preview)
    const rest = [tool('find', room.find, tools.find), this.#preview, tool('share', room.share, tools.share)]
    this.element = h('div', { class: 'toolbar', role: 'group', 'aria-label': room.tools }, this.#undo, this.#redo, ...rest)
    for (const event of ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const) tools.undo.on(event, this.#onStack)
    this.#refresh()
  }

  set isPreviewShown(shown: boolean) {
    this.#preview.setAttribute('aria-pressed', String(shown))
  }

  set isReadOnly(readOnly: boolean) {
    this.#undo.hidden = this.#redo.hidden = readOnly
  }

  end(): void {
    for (const event of ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const) this.#undoManager.off(event, this.#onStack)
  }

  #refresh(): void {
    this.#undo.disabled = this.#undoManager.undoStack.length === 0
    this.#redo.disabled = this.#undoManager.redoStack.length === 0
  }
}

/** A button that is only a picture, with its name for those who hover or listen. */
export function tool(name: Icon, label: string, click: () => void): HTMLButtonElement {
  const element = button('icon-button', click, icon(name))
  element.setAttribute('aria-label', label)
  element.title = label
  return element
}
