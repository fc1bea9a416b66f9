import type { ChangeDesc } from '@codemirror/state'
import * as Y from 'yjs'

/** Somebody else's selection, in offsets of the text as it is here. */
export interface Peer {
  name: string
  color: string
  colorLight: string
  anchor: number
  head: number
  /** Rises with every move of theirs. */
  move: number
}

interface State {
  user?: { name: string; color: string; colorLight: string }
  cursor?: { anchor: Y.RelativePosition; head: Y.RelativePosition } | null
}

/** Reads an awareness state. Null when it has no cursor, or one in words that are not here yet. */
export function peerOf(state: unknown, text: Y.Text, move: number): Peer | null {
  const { user, cursor } = state as State
  if (!user || !cursor || !text.doc) return null
  const anchor = Y.createAbsolutePositionFromRelativePosition(cursor.anchor, text.doc)
  const head = Y.createAbsolutePositionFromRelativePosition(cursor.head, text.doc)
  if (anchor?.type !== text || head?.type !== text) return null
  return { ...user, anchor: anchor.index, head: head.index, move }
}

/** Where a peer is after a change of the text, until the next word of theirs. */
export function mapped(peer: Peer, changes: ChangeDesc): Peer {
  return { ...peer, anchor: changes.mapPos(peer.anchor, 1), head: changes.mapPos(peer.head, 1) }
}
