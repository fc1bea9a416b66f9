import { h } from '../shared/dom'
import type { LogEntry } from './log-entry'

const COLUMNS = ['Time', 'What', 'Room', 'Who', 'Address', 'Bytes', 'Detail']
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' })

/** The entries, newest first. */
export class LogTable {
  readonly #body = h('tbody')
  readonly element = h(
    'div',
    { class: 'table-frame', role: 'region', tabindex: '0', 'aria-label': 'Log entries, newest first' },
    h('table', {}, h('thead', {}, h('tr', {}, ...COLUMNS.map((name) => h('th', { scope: 'col' }, name)))), this.#body),
  )

  clear(): void {
    this.#body.replaceChildren()
  }

  get isEmpty(): boolean {
    return this.#body.childElementCount === 0
  }

  /** Older ones, newest first. */
  append(entries: LogEntry[]): void {
    this.#body.append(...entries.map(row))
  }

  /** Newer ones, oldest first. */
  prepend(entries: LogEntry[]): void {
    const rows = entries.map(row).reverse()
    for (const fresh of rows) fresh.classList.add('fresh')
    this.#body.prepend(...rows)
  }
}

function row(entry: LogEntry): HTMLTableRowElement {
  const time = new Date(entry.time_ms)
  return h(
    'tr',
    { 'data-seq': String(entry.seq) },
    h('td', { 'data-label': 'Time' }, h('time', { datetime: time.toISOString(), title: time.toISOString() }, TIME.format(time))),
    h('td', { 'data-label': 'What' }, h('span', { class: `kind ${entry.kind}` }, entry.kind)),
    ...[entry.room, who(entry), entry.address, entry.bytes?.toLocaleString(), entry.detail].map(cell),
  )
}

function cell(content: Node | string | null | undefined, i: number): HTMLTableCellElement {
  return h('td', { 'data-label': COLUMNS[i + 2] ?? '', class: content ? '' : 'empty' }, content ?? '')
}

/** The name, and the number that tells people of one name apart. */
function who({ name, member }: LogEntry): Node | null {
  if (name === null && member === null) return null
  return h('span', {}, `${name ?? ''} `, h('span', { class: 'member' }, member === null ? '' : `#${member}`))
}
