import { Code } from '@collab/provider'
import { ApiError } from '../shared/api'
import { h, setText } from '../shared/dom'
import { type Filter, addressOf, queryOf } from './filter'
import { FilterForm } from './filter-form'
import type { LogPage } from './log-entry'
import { LogSource } from './log-source'
import { LogTable } from './log-table'

const RETRY_MS = 3_000

/** The stored log: filtered, page by page, and followed live. */
export class LogView {
  readonly #table = new LogTable()
  readonly #state = h('p', { class: 'log-state', role: 'status' })
  readonly #more = h('button', { type: 'button', hidden: true, click: () => void this.#older() }, 'Load older entries')
  readonly element: HTMLElement
  #source: LogSource
  #oldest: number | null = null
  #following = new AbortController()

  constructor(
    readonly token: string,
    filter: Filter,
    readonly onUnauthorised: (message: string) => void,
  ) {
    this.#source = this.#sourceOf(filter)
    const form = new FilterForm(filter, (filter) => this.#show(filter))
    this.element = h(
      'div',
      { class: 'log' },
      h('header', {}, h('h1', {}, 'The log'), this.#state, h('a', { href: '/' }, 'To the editor')),
      form.element,
      this.#table.element,
      h('div', { class: 'more' }, this.#more),
    )
    void this.#restart()
  }

  #show(filter: Filter): void {
    history.replaceState(null, '', location.pathname + addressOf(filter))
    this.#source = this.#sourceOf(filter)
    void this.#restart()
  }

  #sourceOf(filter: Filter): LogSource {
    return new LogSource(this.token, queryOf(filter, Date.now()))
  }

  async #restart(): Promise<void> {
    this.#following.abort()
    const following = (this.#following = new AbortController())
    setText(this.#state, 'Loading…')
    try {
      const page = await this.#source.page(null)
      if (following.signal.aborted) return
      this.#table.clear()
      this.#oldest = null
      this.#take(page)
      void this.#follow(page.last_seq, following.signal)
    } catch (error) {
      if (!following.signal.aborted) this.#fail(error)
    }
  }

  async #older(): Promise<void> {
    this.#more.disabled = true
    try {
      const page = await this.#source.page(this.#oldest)
      this.#take(page)
    } catch (error) {
      this.#fail(error)
    }
    this.#more.disabled = false
  }

  /** A page may hold nothing that matches, and still not be the last. */
  #take(page: LogPage): void {
    this.#table.append(page.entries)
    this.#oldest = page.first_seq
    this.#more.hidden = !page.more
  }

  /** Waits for newer entries, again and again, until the filter changes. */
  async #follow(after: number, signal: AbortSignal): Promise<void> {
    const isOver = (): boolean => signal.aborted
    while (!isOver()) {
      setText(this.#state, this.#table.isEmpty ? 'Live · nothing matches yet' : 'Live')
      try {
        const page = await this.#source.follow(after, signal)
        if (isOver()) return
        this.#table.prepend(page.entries)
        after = page.last_seq
      } catch (error) {
        if (isOver() || !this.#fail(error)) return
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  /** Says what is wrong. Returns whether it may pass by itself. */
  #fail(error: unknown): boolean {
    if (error instanceof ApiError && error.code === Code.Unauthorized) {
      this.#following.abort()
      this.onUnauthorised('This is not the admin token of this server.')
      return false
    }
    const isRefusal = error instanceof ApiError && error.code !== 0
    setText(this.#state, isRefusal ? error.message : 'The server cannot be reached. Trying again…')
    return !isRefusal
  }
}
