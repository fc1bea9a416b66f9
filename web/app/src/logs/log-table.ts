import { h } from '../shared/dom'
import { language } from '../shared/language'
import type { LogEntry } from './log-entry'
import type { LogWords } from './words'

/** Most rows that following the log may gather; older ones make room. */
const MAX_ROWS = 2_000

/** The entries, newest first. */
export class LogTable {
  readonly #body = h('tbody')
  readonly #time = new Intl.DateTimeFormat(locale(), { dateStyle: 'short', timeStyle: 'medium' })
  readonly #columns: LogWords['columns']
  readonly element: HTMLElement

  constructor({ columns, table }: LogWords) {
    this.#columns = columns
    const head = Object.values(columns).map((name) => h('th', { scope: 'col' }, name))
    this.element = h(
      'div',
      { class: 'table-frame', role: 'region', tabindex: '0', 'aria-label': table },
      h('table', {}, h('thead', {}, h('tr', {}, ...head)), this.#body),
    )
  }

  clear(): void {
    this.#body.replaceChildren()
  }

  get isEmpty(): boolean {
    return this.#body.childElementCount === 0
  }

  /** Older ones, newest first. */
  append(entries: LogEntry[]): void {
    this.#body.append(...entries.map((entry) => this.#row(entry)))
  }

  /** Newer ones, oldest first. Returns the number of the last row if older ones had to make room, otherwise null. */
  prepend(entries: LogEntry[]): number | null {
    const rows = entries.map((entry) => this.#row(entry)).reverse()
    for (const fresh of rows) fresh.classList.add('fresh')
    this.#body.prepend(...rows)
    const surplus = [...this.#body.rows].slice(MAX_ROWS)
    for (const old of surplus) old.remove()
    return surplus.length > 0 ? Number(this.#body.rows[MAX_ROWS - 1]?.dataset['seq']) : null
  }

  #row(entry: LogEntry): HTMLTableRowElement {
    const { time, kind, room, who, address, bytes, detail } = this.#columns
    const at = new Date(entry.time_ms)
    return h(
      'tr',
      { 'data-seq': String(entry.seq) },
      cell(time, h('time', { datetime: at.toISOString(), title: at.toISOString() }, this.#time.format(at))),
      cell(kind, h('span', { class: `kind ${entry.kind}` }, entry.kind)),
      cell(room, entry.room),
      cell(who, whoDid(entry)),
      cell(address, entry.address),
      cell(bytes, entry.bytes?.toLocaleString(language())),
      cell(detail, entry.detail),
    )
  }
}

/** Times as the person writes them, where the browser says how, in the language of the page. */
function locale(): string {
  return navigator.languages.find((tag) => tag.startsWith(language())) ?? language()
}

function cell(label: string, content: Node | string | null | undefined): HTMLTableCellElement {
  return h('td', { 'data-label': label, class: content ? '' : 'empty' }, content ?? '')
}

/** The name, and the number that tells people of one name apart. */
function whoDid({ name, member }: LogEntry): Node | null {
  if (name === null && member === null) return null
  return h('span', {}, `${name ?? ''} `, h('span', { class: 'member' }, member === null ? '' : `#${member}`))
}
