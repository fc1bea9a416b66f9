import { defaultKeymap } from '@codemirror/commands'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { EditorView, drawSelection, highlightSpecialChars, keymap, placeholder } from '@codemirror/view'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import * as Y from 'yjs'
import { editorTheme } from './editor-theme'
import { pasteGuard } from './paste-guard'
import type { Session } from './session'

/** Shown as signs, for they are invisible or turn the text around. Not \r: a text from Windows has one in each line. */
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const SPECIAL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffc]/g

/** The text on the page: edits by all, undo only of one's own, cursors of the others. */
export class Editor {
  readonly view: EditorView
  readonly #readOnly = new Compartment()
  readonly #undo: Y.UndoManager

  constructor(session: Session, onPasteStopped: (bytes: number) => void) {
    this.#undo = new Y.UndoManager(session.text)
    const extensions = [
      this.#readOnly.of(readOnly(false)),
      // Offsets must be those of the shared text, where \r is a character like any other.
      EditorState.lineSeparator.of('\n'),
      EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, '\n')),
      keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': 'Text of the room' }),
      highlightSpecialChars({ specialChars: SPECIAL }),
      drawSelection(),
      placeholder('Write something. Everybody here sees it at once.'),
      pasteGuard(onPasteStopped),
      yCollab(session.text, session.provider.awareness, { undoManager: this.#undo }),
      editorTheme,
    ]
    this.view = new EditorView({ state: EditorState.create({ doc: session.content, extensions }) })
  }

  setReadOnly(isReadOnly: boolean): void {
    this.view.dispatch({ effects: this.#readOnly.reconfigure(readOnly(isReadOnly)) })
  }

  end(): void {
    this.view.destroy()
    this.#undo.destroy()
  }
}

function readOnly(isReadOnly: boolean): Extension {
  return [EditorState.readOnly.of(isReadOnly), EditorView.editable.of(!isReadOnly)]
}
