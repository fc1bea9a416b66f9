import { defaultKeymap } from '@codemirror/commands'
import { Compartment, EditorState, type Extension, type StateEffect } from '@codemirror/state'
import { EditorView, type KeyBinding, highlightSpecialChars, keymap, placeholder } from '@codemirror/view'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import { remoteCursors } from './cursors/remote-cursors'
import { editorTheme } from './editor-theme'
import { markdown } from './markdown'
import { type Excess, pasteGuard } from './paste-guard'
import type { Session } from './session'
import { texts } from './texts'
import { undoSteps } from './undo-steps'

/** Shown as signs, for they are invisible or turn the text around. Not \r: a text from Windows has one in each line. */
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const SPECIAL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffc]/g

/** Undo reaches the shared text past the editor, which must not be while that is read only. */
const undoKeys = yUndoManagerKeymap.map((binding: KeyBinding): KeyBinding => ({
  ...binding,
  run: (view) => view.state.readOnly || (binding.run?.(view) ?? false),
}))

/** Where somebody is in the text, to be there again in an editor made anew. */
export interface Place {
  anchor: number
  head: number
  scroll: StateEffect<unknown>
}

/** The text on the page: edits by all, undo only of one's own, cursors of the others. */
export class Editor {
  readonly view: EditorView
  readonly #readOnly = new Compartment()

  constructor(session: Session, onStopped: (excess: Excess) => void, more: Extension) {
    const { provider, undo } = session
    const { room, search } = texts()
    const extensions = [
      this.#readOnly.of(readOnly(false)),
      // Offsets must be those of the shared text, where \r is a character like any other.
      EditorState.lineSeparator.of('\n'),
      EditorState.phrases.of(search),
      EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, '\n')),
      more,
      markdown,
      keymap.of([...undoKeys, ...defaultKeymap]),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': room.text, tabindex: '0' }),
      highlightSpecialChars({ specialChars: SPECIAL }),
      placeholder(room.placeholder),
      pasteGuard(() => provider.policy?.maxDocumentBytes ?? null, onStopped),
      undoSteps(undo),
      yCollab(session.text, null, { undoManager: undo }),
      remoteCursors(session.text, provider.awareness),
      editorTheme,
    ]
    this.view = new EditorView({ state: EditorState.create({ doc: session.content, extensions }) })
  }

  setReadOnly(isReadOnly: boolean): void {
    if (isReadOnly !== this.view.state.readOnly) this.view.dispatch({ effects: this.#readOnly.reconfigure(readOnly(isReadOnly)) })
  }

  get place(): Place {
    const { anchor, head } = this.view.state.selection.main
    return { anchor, head, scroll: this.view.scrollSnapshot() }
  }

  goTo({ anchor, head, scroll }: Place): void {
    this.view.dispatch({ selection: { anchor, head }, effects: scroll })
  }

  end(): void {
    this.view.destroy()
  }
}

function readOnly(isReadOnly: boolean): Extension {
  const attributes: Record<string, string> = isReadOnly ? { 'aria-readonly': 'true' } : {}
  return [EditorState.readOnly.of(isReadOnly), EditorView.editable.of(!isReadOnly), EditorView.contentAttributes.of(attributes)]
}
