import { EditorState, type Extension } from '@codemirror/state'
import { ySyncAnnotation } from 'y-codemirror.next'

/** Largest change that one paste may make, in bytes: below what the server takes in one edit. */
export const MAX_PASTE_BYTES = 200_000

/** Stops a change that is too large to be sent, before it is made. Others' changes pass. */
export function pasteGuard(onStopped: (bytes: number) => void): Extension {
  return EditorState.transactionFilter.of((transaction) => {
    if (!transaction.docChanged || transaction.annotation(ySyncAnnotation)) return transaction
    let inserted = ''
    transaction.changes.iterChanges((_fromA, _toA, _fromB, _toB, text) => {
      if (text.length > 0) inserted += text.sliceString(0)
    })
    // A character takes one byte at least and three at most.
    if (inserted.length * 3 <= MAX_PASTE_BYTES) return transaction
    const bytes = new TextEncoder().encode(inserted).length
    if (bytes <= MAX_PASTE_BYTES) return transaction
    onStopped(bytes)
    return []
  })
}
