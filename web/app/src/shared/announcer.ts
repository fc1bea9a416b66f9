import { h, setText } from './dom'

/** What happens at nearly the same time is said in one. */
const GATHER_MS = 1_000

/** Tells screen readers what eyes see elsewhere on the page, politely and never the same twice in a row. */
export class Announcer {
  readonly element = h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' })
  #waiting: string[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  say(text: string): void {
    if (this.#waiting.includes(text)) return
    this.#waiting.push(text)
    this.#timer ??= setTimeout(() => this.#speak(), GATHER_MS)
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #speak(): void {
    this.#timer = undefined
    setText(this.element, this.#waiting.join(' '))
    this.#waiting = []
  }
}
