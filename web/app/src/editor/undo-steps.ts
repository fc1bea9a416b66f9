import type { Extension, Transaction } from '@codemirror/state'
import { EditorView, ViewPlugin } from '@codemirror/view'
import type * as Y from 'yjs'

/** What people think of as one thing that they did, however soon something else came before or after it. */
const WHOLE = ['input.paste', 'input.drop', 'input.replace', 'delete.cut', 'move']

/**
 * Makes such a change a step of its own for undo, where what is typed in one go is one step. It must stand before the extension
 * that brings changes into the shared text.
 */
export function undoSteps(undo: Y.UndoManager): Extension {
  const stopAt = (transactions: readonly Transaction[]): void => {
    if (transactions.some(isWhole)) undo.stopCapturing()
  }
  // Plugins hear of a change in their order, listeners after all of them.
  const before = ViewPlugin.define(() => ({ update: ({ transactions }) => stopAt(transactions) }))
  return [before, EditorView.updateListener.of(({ transactions }) => stopAt(transactions))]
}

function isWhole(transaction: Transaction): boolean {
  return transaction.docChanged && WHOLE.some((event) => transaction.isUserEvent(event))
}
