/** What goes in datagrams: small, unreliable, newest wins. */

/** A place in the text that stays where it is meant to be while others edit. */
export type Position =
  | { type: 'Start' }
  | { type: 'End' }
  | { type: 'Before'; client: number; clock: number }
  | { type: 'After'; client: number; clock: number }

export interface Cursor {
  anchor: Position
  head: Position
}

export interface Presence {
  type: 'Presence'
  slot: number
  /** Whose cursor; the server puts the true one. */
  member: number
  /** Rising with every move of this member. */
  seq: number
  cursor: Cursor | null
}

export type Datagram =
  | { type: 'Ping'; seq: number; sentAt: number }
  | { type: 'Pong'; seq: number; sentAt: number }
  | Presence
