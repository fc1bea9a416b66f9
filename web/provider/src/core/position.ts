import * as Y from 'yjs'
import type { Position } from '../wire/datagrams.ts'

/** A relative position as Yjs writes it in JSON; it reads the nulls too. */
export interface RelativePositionJson {
  type: null
  tname: string | null
  item: { client: number; clock: number } | null
  assoc: number
}

/** A Yjs relative position in a root text, as it goes over the wire. */
export function toWire(position: Y.RelativePosition): Position {
  const after = position.assoc < 0
  if (!position.item) return { type: after ? 'Start' : 'End' }
  return { type: after ? 'After' : 'Before', client: position.item.client, clock: position.item.clock }
}

/** A position from the wire as a Yjs relative position in the root text of the given name. */
export function fromWire(position: Position, root: string): RelativePositionJson {
  switch (position.type) {
    case 'Start':
      return { type: null, tname: root, item: null, assoc: -1 }
    case 'End':
      return { type: null, tname: root, item: null, assoc: 0 }
    case 'Before':
    case 'After':
      return { type: null, tname: null, item: idOf(position), assoc: position.type === 'After' ? -1 : 0 }
  }
}

function idOf({ client, clock }: { client: number; clock: number }): { client: number; clock: number } {
  return { client, clock }
}
