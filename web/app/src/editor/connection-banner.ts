import type { SaveStatus, Status } from '@collab/provider'
import { button, h, setText } from '../shared/dom'
import type { Session } from './session'
import { texts } from './texts'
import { number, retryText } from './words'

/** A shorter interruption is not worth a word: it is over before one has read it. */
const GRACE_MS = 700

/** While the connection is lost: what waits, where it is kept, when the next try comes, and a button to try now. */
export class ConnectionBanner {
  readonly #session: Session
  readonly #message = h('p', {})
  readonly #countdown = h('span', { class: 'countdown' })
  readonly #now: HTMLButtonElement
  readonly element: HTMLElement
  #lostAt: number | null = null
  readonly #timer = setInterval(() => this.#refresh(), 200)

  constructor(session: Session) {
    this.#session = session
    this.#now = button('small primary', () => session.provider.connect(), texts().states.tryNow)
    const choices = h('div', { class: 'choices' }, this.#countdown, this.#now)
    this.element = h('div', { class: 'banner lost', hidden: true }, this.#message, choices)
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #refresh(): void {
    const { status, saveStatus } = this.#session.provider
    const isLost = status.state === 'backoff' || ((status.state === 'connecting' || status.state === 'joining') && this.#lostAt !== null)
    if (!isLost) {
      this.#lostAt = null
      this.element.hidden = true
      return
    }
    const now = performance.now()
    this.#lostAt ??= now
    this.element.hidden = now - this.#lostAt < GRACE_MS
    if (!this.element.hidden) this.#show(status, saveStatus, now)
  }

  #show(status: Status, saveStatus: SaveStatus, now: number): void {
    const { lost, states } = texts()
    const why = navigator.onLine ? lost.server : lost.offline
    setText(this.#message, `${why} ${this.#waiting(saveStatus)}`)
    setText(this.#countdown, status.state === 'backoff' ? retryText(status, now) : states.connecting)
    this.#now.disabled = status.state !== 'backoff'
  }

  #waiting({ state, keeping }: SaveStatus): string {
    const { lost } = texts()
    const { written, removed } = this.#session.unsent
    if (state === 'saved') return lost.nothing
    const characters = lost.characters(written, number(written, 0))
    const what = written + removed > 0 ? lost.waiting(characters, number(removed, 0)) : lost.waitingOld
    return `${what} ${keeping === 'kept' || keeping === 'pending' ? lost.kept : lost.onlyHere}`
  }
}
