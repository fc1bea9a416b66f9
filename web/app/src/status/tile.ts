import { h, setText } from '../shared/dom'
import { Graph } from './graph'

/** One number, large, with how it went. */
export class Tile {
  readonly #value = h('dd', {}, '–')
  readonly #graph = new Graph()
  readonly element: HTMLElement

  constructor(label: string) {
    this.element = h('div', { class: 'tile' }, h('dt', {}, label), this.#value)
    this.element.append(this.#graph.element)
  }

  show(value: number, language: string): void {
    setText(this.#value, new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value))
    this.#graph.add(value)
  }
}
