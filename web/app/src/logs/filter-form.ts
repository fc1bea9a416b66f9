import { h } from '../shared/dom'
import { type Filter, FIELDS } from './filter'
import { KINDS } from './log-entry'
import type { LogWords } from './words'

/** What to show. A choice acts at once, typed text when it is done. */
export class FilterForm {
  readonly element: HTMLFormElement
  readonly #controls: Record<keyof Filter, HTMLInputElement | HTMLSelectElement>

  constructor(filter: Filter, { filter: labels, since }: LogWords, onChange: (filter: Filter) => void) {
    const spans = { '': since.all, '15m': since.minutes, '1h': since.hour, '24h': since.day, '7d': since.week }
    // A link may name another span.
    const own = filter.since in spans ? {} : { [filter.since]: filter.since }
    this.#controls = {
      room: h('input', { id: 'room', placeholder: labels.any, autocapitalize: 'none', spellcheck: 'false', maxlength: '64' }),
      kind: select('kind', { '': labels.any, ...Object.fromEntries(KINDS.map((kind) => [kind, kind])) }),
      user: h('input', { id: 'user', placeholder: labels.any, maxlength: '80' }),
      since: select('since', { ...spans, ...own }),
    }
    for (const field of FIELDS) this.#controls[field].value = filter[field]
    const changed = (event: Event): void => {
      event.preventDefault()
      onChange(this.#value())
    }
    const fields = FIELDS.map((field) =>
      h('div', { class: 'field' }, h('label', { for: field }, labels[field]), this.#controls[field]),
    )
    this.element = h('form', { class: 'filter', change: changed, submit: changed }, ...fields)
  }

  #value(): Filter {
    const { room, kind, user, since } = this.#controls
    return { room: room.value.trim(), kind: kind.value, user: user.value.trim(), since: since.value }
  }
}

function select(id: string, options: Record<string, string>): HTMLSelectElement {
  const items = Object.entries(options).map(([value, label]) => h('option', { value }, label))
  return h('select', { id }, ...items)
}
