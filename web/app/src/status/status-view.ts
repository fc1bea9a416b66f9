import { type AdminView, type Failure, adminLinks } from '../admin/admin-page'
import { request } from '../shared/api'
import { h, setText } from '../shared/dom'
import { language } from '../shared/language'
import { durationText } from './format'
import { LatencyTable } from './latency-table'
import type { StatusReport } from './status-report'
import { Tile } from './tile'
import { statusWords } from './words'

const INTERVAL_MS = 2_000
const NUMBERS = ['rooms', 'members', 'connections', 'edits'] as const

/** How the server does, asked for every two seconds. */
export class StatusView implements AdminView {
  readonly #words = statusWords()
  readonly #state = h('p', { class: 'state', role: 'status' }, this.#words.loading)
  readonly #about = h('p', { class: 'state' })
  readonly #tiles = new Map(NUMBERS.map((name) => [name, new Tile(this.#words[name])]))
  readonly #latency = new LatencyTable(this.#words)
  readonly #asking = new AbortController()
  readonly element: HTMLElement

  constructor(
    readonly token: string,
    readonly failure: Failure,
  ) {
    const words = this.#words
    const tiles = [...this.#tiles.values()].map((tile) => tile.element)
    this.element = h(
      'div',
      { class: 'admin' },
      h('header', {}, h('h1', {}, words.title), this.#state, adminLinks('status')),
      this.#about,
      h('dl', { class: 'tiles' }, ...tiles),
      h('h2', {}, words.latency),
      this.#latency.element,
    )
    void this.#run()
  }

  end(): void {
    this.#asking.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#asking
    const isOver = (): boolean => signal.aborted
    const headers = { authorization: `Bearer ${this.token}` }
    while (!isOver()) {
      try {
        this.#show(await request<StatusReport>('/api/status', { headers, signal }))
      } catch (error) {
        if (isOver() || !this.#fail(error)) return
      }
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
    }
  }

  #show(report: StatusReport): void {
    const here = language()
    const { rooms, members, connections, edits_per_s: edits } = report
    const values = { rooms, members, connections, edits }
    for (const [name, tile] of this.#tiles) tile.show(values[name], here)
    this.#latency.show(report.latency)
    setText(this.#about, this.#words.running(durationText(report.uptime_s, here), report.version))
    setText(this.#state, this.#words.live)
  }

  /** Says what is wrong. Returns whether it may pass by itself. */
  #fail(error: unknown): boolean {
    const failure = this.failure(error)
    if (failure) setText(this.#state, failure.message)
    return failure?.mayPass ?? false
  }
}
