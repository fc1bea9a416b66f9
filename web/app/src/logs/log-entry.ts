/** One entry of the stored log, as the server tells it. */
export interface LogEntry {
  seq: number
  /** Milliseconds since 1970. */
  time_ms: number
  kind: string
  room: string | null
  member: number | null
  name: string | null
  address: string | null
  bytes: number | null
  detail: string | null
}

export interface LogPage {
  entries: LogEntry[]
  /** The oldest entry that was looked at: the next page ends before it. */
  first_seq: number
  /** The newest entry that was looked at. */
  last_seq: number
  more: boolean
}

/** Every kind of entry, for the filter. */
export const KINDS = [
  'server-started',
  'server-stopped',
  'room-created',
  'room-deleted',
  'password-changed',
  'role-changed',
  'joined',
  'resumed',
  'left',
  'edited',
  'rejected',
  'rate-limited',
  'refused',
  'kicked',
  'sanitised',
  'admin-query',
  'backed-up',
  'restored',
  'viewer-password-changed',
  'policy-changed',
  'owner-token-made',
]
