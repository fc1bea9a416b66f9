/** How often each person may change a room's text, as the server's API has it. */
export interface Pace {
  edits_per_minute: number
  burst: number
  throttle_ms: number
}

/** What a room decides of that for itself; null goes by the server. */
export type RoomPolicy = { [Key in keyof Pace]: Pace[Key] | null }

/** What a room may decide, as the server has it. */
export const BOUNDS = {
  edits_per_minute: { least: 1, most: 600 },
  burst: { least: 1, most: 600 },
  throttle_ms: { least: 0, most: 60_000 },
} as const

/** People read and write times in seconds. */
const SHOWN_PER_UNIT = { edits_per_minute: 1, burst: 1, throttle_ms: 1 / 1000 } as const

/** What was typed for a number, with a point or a comma; null when nothing was, undefined when it is not a number that a room may decide. */
export function readNumber(key: keyof Pace, typed: string): number | null | undefined {
  const text = typed.trim().replace(',', '.')
  if (text === '') return null
  if (!/^\d+(\.\d+)?$/.test(text)) return undefined
  const exact = Number(text) / SHOWN_PER_UNIT[key]
  const value = Math.round(exact)
  const isWhole = Math.abs(exact - value) < 1e-6
  return isWhole && value >= BOUNDS[key].least && value <= BOUNDS[key].most ? value : undefined
}

/** A number as people read and type it. */
export function numberText(key: keyof Pace, value: number, language: string): string {
  const shown = value * SHOWN_PER_UNIT[key]
  return shown.toLocaleString(language, { maximumFractionDigits: 3, useGrouping: false })
}
