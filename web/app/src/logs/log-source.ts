import { request } from '../shared/api'
import type { LogPage } from './log-entry'

const PAGE = 100
const WAIT_MS = 25_000

/** Asks the server for pages of its log. */
export class LogSource {
  constructor(
    readonly token: string,
    readonly query: URLSearchParams,
  ) {}

  /** The newest entries, or those before a number; newest first. */
  page(before: number | null, limit = PAGE): Promise<LogPage> {
    return this.#ask({ limit, ...(before === null ? {} : { before }) })
  }

  /** What came after a number, oldest first; waits a while for a first one. */
  follow(after: number, signal: AbortSignal): Promise<LogPage> {
    return this.#ask({ after, wait_ms: WAIT_MS }, signal)
  }

  #ask(more: Record<string, number>, signal?: AbortSignal): Promise<LogPage> {
    const query = new URLSearchParams(this.query)
    for (const [key, value] of Object.entries(more)) query.set(key, String(value))
    const headers = { authorization: `Bearer ${this.token}` }
    return request<LogPage>(`/api/logs?${query.toString()}`, signal ? { headers, signal } : { headers })
  }
}
