import type { Access } from './access.ts'
import type { Clock } from './core/clock.ts'
import type { LatencyReport } from './core/latency.ts'
import type { Route } from './core/route.ts'
import type { SaveStatus } from './core/save-status.ts'
import type { Status } from './core/status.ts'
import type { Persistence } from './keep/persistence.ts'
import type { Transport } from './transport/transport.ts'
import type { MemberInfo, Policy, Role } from './wire/frames.ts'

/**
 * How to enter, under which name, and with what. A reconnect uses the resume token that the server gave, and the access
 * named here again if that is not valid any more.
 */
export type ProviderOptions = Access & Settings

export interface Settings {
  /** The name that others see; the server cleans it. */
  name: string
  /** Whether to connect at once; true by default. */
  connect?: boolean
  /** What moves the bytes: WebTransport where it works and WebSocket elsewhere, unless another one is given. */
  transport?: Transport
  /** Where unsent work outlives the page; without it, closing the page loses what is not saved. */
  persistence?: Persistence
  clock?: Clock
  /** A number from 0 up to 1, for the jitter of the backoff. */
  random?: () => number
}

export interface Self {
  member: number
  /** The name after the server cleaned it. */
  name: string
  /** Joins as the same member after the page was loaded anew. */
  resumeToken: string
}

// A type and not an interface: the observable wants an index signature.
export type ProviderEvents = {
  status: (status: Status) => void
  /** Whether the text is that of the server, as far as the connection knows. */
  synced: (synced: boolean) => void
  saved: (status: SaveStatus) => void
  latency: (report: LatencyReport) => void
  /** How many are in the room, and who; the list is empty in a large room. */
  members: (count: number, members: MemberInfo[]) => void
  /** Who we are here; told at every join. */
  self: (self: Self) => void
  role: (role: Role) => void
  /** How often this member may edit, and how much: told at every join, and when the room's owner changes it. */
  policy: (policy: Policy) => void
  /** Which way the bytes go; told whenever a connection stands. */
  transport: (route: Route) => void
  /** So many records of unsent work on this device could not be read. They are kept aside. */
  damaged: (records: number) => void
  /** The server refused for good. */
  refused: (code: number, message: string) => void
  /** The room's text began a new life: this copy must not be merged into it. Keep it apart, or discard it. */
  generation: () => void
}
