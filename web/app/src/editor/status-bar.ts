import type { CollabProvider, LatencyReport, SaveStatus } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { BudgetMeter } from './budget-meter'
import { LatencyGraph } from './latency-graph'
import { SaveLadder } from './save-ladder'
import { texts } from './texts'
import { latencyDetail, latencyText, routeReason, stateText } from './words'

/** The line below the text: connection, latency, where the last change is. */
export class StatusBar {
  readonly #provider: CollabProvider
  readonly #state = h('span', { class: 'state' })
  readonly #route = h('span', { class: 'route' })
  readonly #latency = h('span', { class: 'latency-number' })
  readonly #graph = new LatencyGraph()
  readonly #latencyBox = h('span', { class: 'latency' }, this.#latency, this.#graph.element)
  readonly #budget = new BudgetMeter()
  readonly #ladder = new SaveLadder()
  readonly element = h(
    'footer',
    { class: 'status-bar', 'aria-label': texts().room.status },
    h('span', { class: 'connection' }, h('span', { class: 'light' }), this.#state),
    this.#route,
    this.#latencyBox,
    this.#budget.element,
    this.#ladder.element,
  )
  /** What changes by the mere passing of time. */
  readonly #timer = setInterval(() => this.#refresh(), 200)
  readonly #onChange = (): void => this.#refresh()
  readonly #onSaved = (status: SaveStatus): void => this.#ladder.show(status)
  readonly #onLatency = (report: LatencyReport): void => this.#showLatency(report)

  constructor(provider: CollabProvider) {
    this.#provider = provider
    provider.on('status', this.#onChange)
    provider.on('saved', this.#onSaved)
    provider.on('transport', this.#onChange)
    provider.on('latency', this.#onLatency)
    this.#refresh()
  }

  end(): void {
    clearInterval(this.#timer)
    this.#provider.off('status', this.#onChange)
    this.#provider.off('saved', this.#onSaved)
    this.#provider.off('transport', this.#onChange)
    this.#provider.off('latency', this.#onLatency)
  }

  #showLatency(report: LatencyReport): void {
    setText(this.#latency, latencyText(report))
    this.#latencyBox.title = latencyDetail(report)
    if (report.last !== null) this.#graph.add(report.last)
  }

  #refresh(): void {
    const now = performance.now()
    const { status, saveStatus, policy } = this.#provider
    this.element.dataset['state'] = status.state
    setText(this.#state, stateText(status))
    this.#latencyBox.hidden = status.state !== 'live'
    this.#showRoute()
    this.#budget.show(saveStatus, policy?.editsPerMinute ?? 0, now)
    this.#ladder.show(saveStatus)
  }

  #showRoute(): void {
    const { route, status } = this.#provider
    this.#route.hidden = route === null || status.state !== 'live'
    if (route === null) return
    const { transport } = texts()
    const reason = routeReason(route)
    setText(this.#route, reason === '' ? transport[route.type] : `${transport[route.type]}: ${reason}`)
    this.#route.title = reason === '' ? transport.best : ''
    this.#route.classList.toggle('second-best', reason !== '')
  }
}
