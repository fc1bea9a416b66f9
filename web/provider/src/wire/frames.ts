/** What goes over a room's stream. The names are those of the server; fields are in camelCase. */

export type Role = 'viewer' | 'editor' | 'owner'

/** What `Saved` means on a server: synced to its disk, or by a quorum of a cluster. */
export type Durability = 'disk' | 'quorum'

/** What gives the right to enter a room. */
export type Credential =
  | { type: 'Password'; secret: string }
  | { type: 'Resume'; secret: string }
  | { type: 'Token'; secret: string }

export interface Join {
  type: 'Join'
  protocol: number
  room: string
  credential: Credential
  name: string
  /** The replica id under which this client edits. */
  clientId: number
  /** Which life of the text this client's copy is of; null when it has no copy. */
  generation: number | null
  stateVector: Uint8Array
}

export type ClientFrame =
  | Join
  | { type: 'Edit'; id: number; update: Uint8Array }
  | { type: 'SyncRequest'; stateVector: Uint8Array }
  | { type: 'SetName'; name: string }

export interface MemberInfo {
  id: number
  name: string
  role: Role
}

/** The limits that the server holds this member to. */
export interface Policy {
  /** Shortest time between two edits, in milliseconds. */
  throttleMs: number
  editsPerMinute: number
  /** How many edits the full budget holds. */
  burst: number
  /** How many edits are left in the budget now. */
  tokens: number
  maxUpdateBytes: number
  maxDocumentBytes: number
}

export interface Welcome {
  type: 'Welcome'
  member: number
  name: string
  role: Role
  resumeToken: string
  policy: Policy
  generation: number
  /** Names this membership in datagrams. */
  slot: number
  stateVector: Uint8Array
  missing: Uint8Array
  count: number
  /** Empty in a large room, where only the count is told. */
  members: MemberInfo[]
}

export interface Refused {
  type: 'Refused'
  code: number
  message: string
  retryAfterMs: number | null
}

export interface Rejected {
  type: 'Rejected'
  id: number
  code: number
  message: string
  retryAfterMs: number | null
}

export interface Members {
  type: 'Members'
  count: number
  joined: MemberInfo[]
  left: number[]
}

export type ServerFrame =
  | Welcome
  | Refused
  | { type: 'Edited'; member: number; update: Uint8Array }
  | { type: 'Saved'; id: number; durability: Durability }
  | Rejected
  | { type: 'Resync'; update: Uint8Array; stateVector: Uint8Array }
  | Members
  | { type: 'RoleChanged'; role: Role }
  | { type: 'GoAway'; reconnectAfterMs: number; reason: number }
  | { type: 'PolicyChanged'; policy: Policy }
