/** Microseconds in the unit that suits them. */
export function latencyText(us: number): string {
  if (us < 1_000) return `${us} µs`
  if (us < 10_000) return `${(us / 1_000).toFixed(1)} ms`
  if (us < 1_000_000) return `${Math.round(us / 1_000)} ms`
  return `${(us / 1_000_000).toFixed(1)} s`
}

const STEPS = [
  { unit: 'day', seconds: 86_400 },
  { unit: 'hour', seconds: 3_600 },
  { unit: 'minute', seconds: 60 },
  { unit: 'second', seconds: 1 },
] as const

/** The two largest units of a time: `2 days 3 hours`. */
export function durationText(seconds: number, language: string): string {
  const first = STEPS.findIndex((step) => seconds >= step.seconds)
  const shown = STEPS.slice(first < 0 ? -1 : first).slice(0, 2)
  let rest = Math.floor(seconds)
  const parts = shown.map(({ unit, seconds }) => {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(count)
  })
  return parts.join(' ')
}
