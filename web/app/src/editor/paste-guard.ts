import { EditorState, type Extension } from '@codemirror/state'
import { ySyncAnnotation } from 'y-codemirror.next'

/** Largest change at once, in bytes: it goes to the server in four or five edits, half a second apart. */
export const MAX_CHANGE_BYTES = 1_000_000

/** Why a change was not made. */
export type Excess =
  /** It has so many bytes. */
  | { type: 'change'; bytes: number }
  /** With it the text would have so many bytes at least, and may have so many. */
  | { type: 'text'; bytes: number; most: number }

/**
 * Stops a change that is too large for the room, before it is made. Others' changes pass.
 * @param mostBytes how large a text may be, when that is known
 */
export function pasteGuard(mostBytes: () => number | null, onStopped: (excess: Excess) => void): Extension {
  return EditorState.transactionFilter.of((transaction) => {
    if (!transaction.docChanged || transaction.annotation(ySyncAnnotation)) return transaction
    let inserted = ''
    transaction.changes.iterChanges((_fromA, _toA, _fromB, _toB, text) => {
      if (text.length > 0) inserted += text.sliceString(0)
    })
    const excess = excessOf(inserted, transaction.changes.newLength, mostBytes() ?? Infinity)
    if (!excess) return transaction
    onStopped(excess)
    return []
  })
}

function excessOf(inserted: string, length: number, most: number): Excess | null {
  // A unit of UTF-16 takes one byte at least and three at most; what removes only is never stopped.
  if (inserted !== '' && length > most) return { type: 'text', bytes: length, most }
  if (inserted.length * 3 <= MAX_CHANGE_BYTES) return null
  const bytes = new TextEncoder().encode(inserted).length
  return bytes > MAX_CHANGE_BYTES ? { type: 'change', bytes } : null
}
