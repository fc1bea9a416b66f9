import { h } from '../shared/dom'
import { language } from '../shared/language'
import { BOUNDS, type Pace, type RoomPolicy, numberText, readNumber } from './pace'
import type { OwnerWords } from './words'

const KEYS = ['edits_per_minute', 'burst', 'throttle_ms'] as const

interface Actions {
  change: (policy: RoomPolicy) => void
  /** What was typed cannot be sent. */
  refuse: (why: string) => void
}

/** How often people may write in the room. An empty field goes by the server, and shows what holds then. */
export class PolicyForm {
  readonly #fields: Record<keyof Pace, HTMLInputElement>
  readonly element: HTMLFormElement

  constructor(
    readonly words: OwnerWords,
    readonly actions: Actions,
  ) {
    this.#fields = { edits_per_minute: input('edits_per_minute'), burst: input('burst'), throttle_ms: input('throttle_ms') }
    const submit = (event: Event): void => {
      event.preventDefault()
      this.#submit()
    }
    this.element = h(
      'form',
      { class: 'policy', submit, novalidate: true },
      h('p', { class: 'hint' }, words.policyHint),
      h('div', { class: 'numbers' }, ...KEYS.map((key) => this.#field(key))),
      h('div', { class: 'choices' }, h('button', { type: 'submit', class: 'small' }, words.change)),
    )
  }

  show({ pace, policy }: { pace: Pace; policy: RoomPolicy }): void {
    for (const key of KEYS) {
      const own = policy[key]
      this.#fields[key].value = own === null ? '' : numberText(key, own, language())
      this.#fields[key].placeholder = own === null ? numberText(key, pace[key], language()) : ''
    }
  }

  #submit(): void {
    const read = KEYS.map((key) => [key, readNumber(key, this.#fields[key].value)] as const)
    for (const [key, value] of read) this.#fields[key].setAttribute('aria-invalid', String(value === undefined))
    const wrong = read.find(([, value]) => value === undefined)
    if (!wrong) return this.actions.change(Object.fromEntries(read) as unknown as RoomPolicy)
    const [key] = wrong
    this.actions.refuse(`${this.words.policyLabels[key]}: ${this.#bounds(key)}`)
    this.#fields[key].focus()
  }

  #field(key: keyof Pace): HTMLElement {
    const { id } = this.#fields[key]
    const hint = h('small', { id: `${id}-hint` }, this.#bounds(key))
    return h('div', { class: 'field' }, h('label', { for: id }, this.words.policyLabels[key]), this.#fields[key], hint)
  }

  #bounds(key: keyof Pace): string {
    const { least, most } = BOUNDS[key]
    return this.words.policyBounds[key](numberText(key, least, language()), numberText(key, most, language()))
  }
}

function input(key: keyof Pace): HTMLInputElement {
  const id = `policy-${key}`
  return h('input', { id, inputmode: 'decimal', autocomplete: 'off', 'aria-describedby': `${id}-hint` })
}
