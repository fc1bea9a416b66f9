/** What the page shows; it stands in the address, so that a view can be linked. */
export interface Filter {
  room: string
  kind: string
  user: string
  /** How far back, such as `1h`; empty for everything. */
  since: string
}

export const FIELDS = ['room', 'kind', 'user', 'since'] as const

const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

export function filterFromAddress(search: string): Filter {
  const parameters = new URLSearchParams(search)
  const [room = '', kind = '', user = '', since = ''] = FIELDS.map((field) => parameters.get(field) ?? '')
  return { room, kind, user, since }
}

/** The address's query for a filter; empty when it filters nothing. */
export function addressOf(filter: Filter): string {
  const parameters = new URLSearchParams(FIELDS.filter((field) => filter[field]).map((field) => [field, filter[field]]))
  const query = parameters.toString()
  return query && `?${query}`
}

/** The API's query for a filter. */
export function queryOf(filter: Filter, now: number): URLSearchParams {
  const query = new URLSearchParams()
  if (filter.room) query.set('room', filter.room.toLowerCase())
  if (filter.kind) query.set('kind', filter.kind)
  if (filter.user) query.set('user', filter.user)
  const since = durationMs(filter.since)
  if (since !== null) query.set('since_ms', String(now - since))
  return query
}

/** `30m`, `1h`, `7d` in milliseconds; null for anything else. */
export function durationMs(text: string): number | null {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
  return count && unit ? Number(count) * (UNITS[unit] ?? 0) : null
}
