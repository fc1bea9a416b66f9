/** `GET /api/status`: how the server does now. */
export interface StatusReport {
  version: string
  uptime_s: number
  rooms: number
  members: number
  connections: number
  /** Over the last seconds. */
  edits_per_s: number
  /** How long steps of the server took within the last half minute to minute. */
  latency: Record<string, Percentiles>
}

/** In microseconds. */
export interface Percentiles {
  p50_us: number
  p90_us: number
  p99_us: number
  max_us: number
}
