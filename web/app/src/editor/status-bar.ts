import type { CollabProvider } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { SaveLadder } from './save-ladder'
import { budgetText, latencyDetail, latencyText, stateText } from './words'

/** The line below the text: connection, latency, where the last change is. */
export class StatusBar {
  readonly #provider: CollabProvider
  readonly #state = h('span', { class: 'state', role: 'status' })
  readonly #countdown = h('span', { class: 'countdown' })
  readonly #now = h('button', { type: 'button', class: 'small', click: () => this.#provider.connect() }, 'Try now')
  readonly #latency = h('span', { class: 'latency' })
  readonly #budget = h('span', { class: 'budget' })
  readonly #ladder = new SaveLadder()
  readonly element = h(
    'footer',
    { class: 'status-bar' },
    h('span', { class: 'connection' }, h('span', { class: 'light' }), this.#state, this.#countdown, this.#now),
    this.#latency,
    this.#budget,
    this.#ladder.element,
  )
  /** What changes by the mere passing of time: countdowns. */
  readonly #timer = setInterval(() => this.#refresh(), 200)

  constructor(provider: CollabProvider) {
    this.#provider = provider
    provider.on('status', () => this.#refresh())
    provider.on('saved', () => this.#refresh())
    provider.on('latency', (report) => {
      setText(this.#latency, latencyText(report))
      this.#latency.title = latencyDetail(report)
    })
    this.#refresh()
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #refresh(): void {
    const now = performance.now()
    const { status, saveStatus } = this.#provider
    const [state = '', countdown = ''] = stateText(status, now).split(/(?= in \d)/)
    this.element.dataset['state'] = status.state
    // Only the state is spoken aloud, not every second of the countdown.
    setText(this.#state, state)
    setText(this.#countdown, countdown)
    this.#now.hidden = status.state !== 'backoff'
    this.#latency.hidden = status.state !== 'live'
    setText(this.#budget, budgetText(saveStatus, now))
    this.#ladder.show(saveStatus)
  }
}
