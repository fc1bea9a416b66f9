/** What stands in the files of `tests/scenarios`. The Rust client plays the same ones. */

import { readFileSync, readdirSync } from 'node:fs'
import type { Code } from '../../src'

/** What happens. Times are in milliseconds. */
export type Action =
  /** The user wants to be in the room. */
  | 'connect'
  /** The connection stands. */
  | 'open'
  /** The connection breaks. */
  | 'cut'
  /** Waits until the client connects again. */
  | 'retry'
  /** The server answers the last request for what it has. */
  | 'resync'
  /** The server loses its text. */
  | 'forget'
  /** From now on the server answers no ping. */
  | 'fall_silent'
  /** The server lets the client in. */
  | { welcome: PolicyChange }
  /** The room's owner changes how often people may edit. */
  | { policy: PolicyChange }
  /** The user types at the end of the text. */
  | { type: string }
  | { wait: number }
  /** The server takes an edit that was sent, and has it on disk. */
  | { save: number }
  | { reject: { id: number; code: keyof typeof Code; retry_after_ms: number | null } }
  | { refuse: { code: keyof typeof Code; retry_after_ms: number | null } }
  | { go_away: { reconnect_after_ms: number; reason: keyof typeof Code } }
  /** Somebody else writes at the end of the server's text. */
  | { others_write: string }

/** Where the limits differ from the usual ones. */
export interface PolicyChange {
  edits_per_minute?: number
  throttle_ms?: number
  burst?: number
  tokens?: number
}

/** What must be so after it; what is not named is not looked at. */
export interface Expect {
  /** All that the network was asked to do, but for pings. */
  sent?: unknown[]
  pings?: number
  state?: string
  save?: string
  text?: string
  server?: string
  /** Between how many milliseconds the client waits before it connects again. */
  backoff?: [number, number]
  /** In how many milliseconds the next edit goes; null while time alone does not bring it. */
  next_edit?: number | null
}

export interface Scenario {
  what: string
  steps: { do: Action; expect?: Expect }[]
}

const FOLDER = new URL('../../../../tests/scenarios/', import.meta.url)

export function scenarios(): Scenario[] {
  return readdirSync(FOLDER).map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Scenario)
}
