import type { Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { h } from '../shared/dom'
import { readTextFile } from './files'
import { texts } from './texts'

/** Takes text files into the text: dragged over it, or chosen. Each comes as one edit, where it was dropped. */
export class FileInsertion {
  readonly extension: Extension

  constructor(readonly tell: { problem: (message: string) => void; done: (message: string) => void }) {
    this.extension = EditorView.domEventHandlers({
      dragover: (event, view) => this.#onDragOver(event, view),
      dragleave: (event, view) => {
        if (!view.dom.contains(event.relatedTarget as Node | null)) mark(view, false)
      },
      drop: (event, view) => this.#onDrop(event, view),
    })
  }

  /** Asks for a file, and inserts it where the cursor is. */
  choose(view: EditorView): void {
    const input = h('input', { type: 'file', accept: 'text/*,.md,.markdown,.txt,.csv,.json,.log' })
    input.addEventListener('change', () => void this.#insert(view, [...(input.files ?? [])], view.state.selection.main.head))
    input.click()
  }

  #onDragOver(event: DragEvent, view: EditorView): boolean {
    if (!event.dataTransfer?.types.includes('Files')) return false
    event.preventDefault()
    mark(view, true)
    return true
  }

  #onDrop(event: DragEvent, view: EditorView): boolean {
    mark(view, false)
    const files = [...(event.dataTransfer?.files ?? [])]
    if (files.length === 0) return false
    event.preventDefault()
    void this.#insert(view, files, view.posAtCoords({ x: event.clientX, y: event.clientY }) ?? view.state.doc.length)
    return true
  }

  async #insert(view: EditorView, files: File[], at: number): Promise<void> {
    const words = texts().files
    const [file, second] = files
    if (!file) return
    try {
      if (view.state.readOnly) throw new Error(words.readOnly)
      if (second) throw new Error(words.tooMany)
      const insert = await readTextFile(file)
      const from = Math.min(at, view.state.doc.length)
      const selection = { anchor: from, head: from + insert.length }
      const before = view.state.doc
      view.dispatch({ changes: { from, insert }, selection, scrollIntoView: true, userEvent: 'input.drop' })
      // The paste guard has said why it stopped this.
      if (view.state.doc === before) return
      view.focus()
      this.tell.done(words.inserted(file.name))
    } catch (error) {
      this.tell.problem(error instanceof Error ? error.message : String(error))
    }
  }
}

function mark(view: EditorView, isOver: boolean): void {
  view.dom.parentElement?.classList.toggle('drop-here', isOver)
}
