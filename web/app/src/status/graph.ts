import { History } from './history'

const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 120
const HEIGHT = 32
/** Two minutes of one value every two seconds. */
const POINTS = 61

/** A small line of how a number went; for eyes alone, the number itself stands beside it. */
export class Graph {
  readonly element = document.createElementNS(SVG, 'svg')
  readonly #line = document.createElementNS(SVG, 'polyline')
  readonly #history = new History(POINTS)

  constructor() {
    this.element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
    this.element.setAttribute('preserveAspectRatio', 'none')
    this.element.setAttribute('aria-hidden', 'true')
    this.element.classList.add('graph')
    this.element.append(this.#line)
  }

  add(value: number): void {
    this.#history.add(value)
    this.#line.setAttribute('points', pointsOf(this.#history.values))
  }
}

/** Newest at the right edge; zero at the bottom, the largest value at the top. */
export function pointsOf(values: readonly number[]): string {
  const top = Math.max(...values, 1)
  const left = WIDTH - ((values.length - 1) / (POINTS - 1)) * WIDTH
  const point = (value: number, i: number): string => {
    const x = left + (i / (POINTS - 1)) * WIDTH
    const y = HEIGHT - 1 - (value / top) * (HEIGHT - 2)
    return `${x.toFixed(1)},${y.toFixed(1)}`
  }
  return values.map(point).join(' ')
}
