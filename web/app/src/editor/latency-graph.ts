const SVG = 'http://www.w3.org/2000/svg'
/** One minute and a half: a ping every two seconds. */
const KEPT = 45
const WIDTH = 72
const HEIGHT = 18
/** Below this many milliseconds, differences are not worth seeing: the graph's height is this at least. */
const LEAST_TOP_MS = 5

/** The last round trips as a line that grows to the right, and then wanders to the left. The number beside it says the same to those who cannot see it. */
export class LatencyGraph {
  readonly element = svg('svg', { class: 'latency-graph', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true' })
  readonly #line = svg('polyline', { class: 'line' })
  readonly #area = svg('polygon', { class: 'area' })
  #values: number[] = []

  constructor() {
    this.element.append(this.#area, this.#line)
  }

  /** @param ms the newest round trip */
  add(ms: number): void {
    this.#values = [...this.#values, ms].slice(-KEPT)
    const points = pointsOf(this.#values)
    this.#line.setAttribute('points', points.join(' '))
    const last = points.at(-1)?.split(',')[0] ?? '0'
    this.#area.setAttribute('points', `0,${HEIGHT} ${points.join(' ')} ${last},${HEIGHT}`)
  }
}

/** Where each value stands in the picture. */
export function pointsOf(values: number[]): string[] {
  const top = Math.max(LEAST_TOP_MS, ...values) * 1.1
  const step = WIDTH / (KEPT - 1)
  return values.map((value, i) => `${(i * step).toFixed(1)},${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`)
}

function svg<K extends 'svg' | 'polyline' | 'polygon'>(tag: K, attributes: Record<string, string>): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}
