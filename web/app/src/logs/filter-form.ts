import { h } from '../shared/dom'
import { type Filter, FIELDS } from './filter'
import { KINDS } from './log-entry'

const SINCE = { '': 'everything', '15m': 'the last 15 minutes', '1h': 'the last hour', '24h': 'the last day', '7d': 'the last week' }

/** What to show. A choice acts at once, typed text when it is done. */
export class FilterForm {
  readonly element: HTMLFormElement
  readonly #controls: Record<keyof Filter, HTMLInputElement | HTMLSelectElement>

  constructor(filter: Filter, onChange: (filter: Filter) => void) {
    this.#controls = {
      room: h('input', { id: 'room', placeholder: 'any', autocapitalize: 'none', spellcheck: 'false', maxlength: '64' }),
      kind: select('kind', { '': 'any', ...Object.fromEntries(KINDS.map((kind) => [kind, kind])) }),
      user: h('input', { id: 'user', placeholder: 'any', maxlength: '80' }),
      since: select('since', { ...SINCE, ...(filter.since ? { [filter.since]: filter.since } : {}), ...SINCE }),
    }
    for (const field of FIELDS) this.#controls[field].value = filter[field]
    const changed = (event: Event): void => {
      event.preventDefault()
      onChange(this.#value())
    }
    const labels = { room: 'Room', kind: 'What', user: 'Who', since: 'Since' }
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
