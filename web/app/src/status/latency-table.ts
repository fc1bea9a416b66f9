import { h, setText } from '../shared/dom'
import { latencyText } from './format'
import { Graph } from './graph'
import type { Percentiles } from './status-report'
import type { StatusWords } from './words'

const COLUMNS = ['p50_us', 'p90_us', 'p99_us', 'max_us'] as const

interface Row {
  element: HTMLElement
  cells: HTMLElement[]
  graph: Graph
}

/** Percentiles of each step, with a line of how p99 went. */
export class LatencyTable {
  readonly #words: StatusWords
  readonly #body = h('tbody')
  readonly #rows = new Map<string, Row>()
  readonly element: HTMLElement

  constructor(words: StatusWords) {
    this.#words = words
    const head = [words.what, 'p50', 'p90', 'p99', words.max, words.course].map((name) => h('th', { scope: 'col' }, name))
    this.element = h(
      'div',
      { class: 'table-frame', role: 'region', tabindex: '0', 'aria-label': words.latency },
      h('table', { class: 'latencies' }, h('thead', {}, h('tr', {}, ...head)), this.#body),
    )
  }

  show(latency: Record<string, Percentiles>): void {
    for (const [step, percentiles] of Object.entries(latency)) this.#update(this.#rows.get(step) ?? this.#add(step), percentiles)
  }

  #update({ cells, graph }: Row, percentiles: Percentiles): void {
    for (const [i, column] of COLUMNS.entries()) {
      const cell = cells[i]
      if (cell) setText(cell, latencyText(percentiles[column]))
    }
    graph.add(percentiles.p99_us)
  }

  #add(step: string): Row {
    const cells = COLUMNS.map(() => h('td'))
    const graph = new Graph()
    const graphCell = h('td')
    graphCell.append(graph.element)
    const element = h('tr', {}, h('th', { scope: 'row' }, this.#words.steps[step] ?? step), ...cells, graphCell)
    const row = { element, cells, graph }
    this.#rows.set(step, row)
    this.#body.append(element)
    return row
  }
}
