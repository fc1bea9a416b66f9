/** What the last pings say. Times are in milliseconds; null while there is nothing to tell. */
export interface LatencyReport {
  /** The newest round trip. */
  last: number | null
  /** Median round trip. */
  p50: number | null
  /** Mean difference between neighbouring round trips. */
  jitter: number | null
  /** Share of pings without an answer, from 0 to 1. */
  loss: number
}

/** @param rtts round trips in the order of their pings; null for one without an answer */
export function summarise(rtts: (number | null)[]): LatencyReport {
  const answered = rtts.filter((rtt) => rtt !== null)
  return {
    last: answered.at(-1) ?? null,
    p50: median(answered),
    jitter: meanDifference(answered),
    loss: rtts.length === 0 ? 0 : 1 - answered.length / rtts.length,
  }
}

function median(values: number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}

function meanDifference(values: number[]): number | null {
  if (values.length < 2) return null
  const differences = values.slice(1).map((value, i) => Math.abs(value - (values[i] ?? value)))
  return differences.reduce((sum, difference) => sum + difference, 0) / differences.length
}
