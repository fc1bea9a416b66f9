import { type AdminView, type Failure, adminLinks } from '../admin/admin-page'
import { saveFile } from '../admin/save-file'
import { h, setText } from '../shared/dom'
import { type Filter, addressOf, queryOf } from './filter'
import { FilterForm } from './filter-form'
import type { LogPage } from './log-entry'
import { exportLog } from './log-export'
import { LogSource } from './log-source'
import { LogTable } from './log-table'
import { logWords } from './words'

const RETRY_MS = 3_000

/** The stored log: filtered, page by page, and followed live. */
export class LogView implements AdminView {
  readonly #words = logWords()
  readonly #table = new LogTable(this.#words)
  readonly #state = h('p', { class: 'state', role: 'status' })
  readonly #more = h('button', { type: 'button', hidden: true, click: () => void this.#older() }, this.#words.older)
  readonly #exported = h('span', { class: 'state', role: 'status' })
  readonly #export = h('button', { type: 'button', class: 'small', click: () => void this.#exportAll() }, this.#words.export)
  readonly element: HTMLElement
  #source: LogSource
  #oldest: number | null = null
  #following = new AbortController()

  constructor(
    readonly token: string,
    filter: Filter,
    readonly failure: Failure,
  ) {
    this.#source = this.#sourceOf(filter)
    const form = new FilterForm(filter, this.#words, (filter) => this.#show(filter))
    this.element = h(
      'div',
      { class: 'admin log' },
      h('header', {}, h('h1', {}, this.#words.title), this.#state, adminLinks('logs')),
      form.element,
      h('div', { class: 'export' }, this.#export, this.#exported),
      this.#table.element,
      h('div', { class: 'more' }, this.#more),
    )
    void this.#restart()
  }

  end(): void {
    this.#following.abort()
  }

  #show(filter: Filter): void {
    history.replaceState(null, '', location.pathname + addressOf(filter))
    this.#source = this.#sourceOf(filter)
    setText(this.#exported, '')
    void this.#restart()
  }

  #sourceOf(filter: Filter): LogSource {
    return new LogSource(this.token, queryOf(filter, Date.now()))
  }

  async #restart(): Promise<void> {
    this.#following.abort()
    const { signal } = (this.#following = new AbortController())
    const isOver = (): boolean => signal.aborted
    setText(this.#state, this.#words.loading)
    try {
      const page = await this.#source.page(null)
      if (isOver()) return
      this.#table.clear()
      this.#oldest = null
      this.#take(page)
      void this.#follow(page.last_seq, signal)
    } catch (error) {
      if (isOver() || !this.#fail(error)) return
      await pause()
      if (!isOver()) void this.#restart()
    }
  }

  async #older(): Promise<void> {
    this.#more.disabled = true
    try {
      this.#take(await this.#source.page(this.#oldest))
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
      setText(this.#state, this.#table.isEmpty ? this.#words.nothing : this.#words.live)
      try {
        const page = await this.#source.follow(after, signal)
        if (isOver()) return
        this.#prepend(page)
        after = page.last_seq
      } catch (error) {
        if (isOver() || !this.#fail(error)) return
        await pause()
      }
    }
  }

  /** What was dropped at the other end can be loaded again. */
  #prepend(page: LogPage): void {
    const oldestShown = this.#table.prepend(page.entries)
    if (oldestShown === null) return
    this.#oldest = oldestShown
    this.#more.hidden = false
  }

  async #exportAll(): Promise<void> {
    const words = this.#words
    this.#export.disabled = true
    try {
      const { file, count, isCut } = await exportLog(this.#source, (count) => setText(this.#exported, words.exporting(count)))
      saveFile('collab-log.jsonl', file)
      setText(this.#exported, isCut ? words.exportedNewest(count) : words.exported(count))
    } catch (error) {
      setText(this.#exported, this.failure(error)?.message ?? '')
    }
    this.#export.disabled = false
  }

  /** Says what is wrong. Returns whether it may pass by itself. */
  #fail(error: unknown): boolean {
    const failure = this.failure(error)
    if (failure) setText(this.#state, failure.message)
    return failure?.mayPass ?? false
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RETRY_MS))
}
