import { h, setText } from '../shared/dom'
import { adminWords } from './words'

/** Asks for the admin token. */
export class TokenForm {
  readonly #token = h('input', { id: 'token', type: 'password', autocomplete: 'off', required: true, spellcheck: 'false' })
  readonly #keep = h('input', { id: 'keep', type: 'checkbox' })
  readonly #message = h('p', { class: 'message', role: 'alert' })
  readonly element: HTMLElement

  /** @param title what opens with it */
  constructor(title: string, message: string, onToken: (token: string, keep: boolean) => void) {
    const words = adminWords()
    const submit = (event: Event): void => {
      event.preventDefault()
      const token = this.#token.value.trim()
      if (token) onToken(token, this.#keep.checked)
      else setText(this.#message, words.missing)
    }
    setText(this.#message, message)
    this.element = h(
      'section',
      { class: 'card' },
      h('h1', {}, title),
      h('p', { class: 'lead' }, words.lead),
      h(
        'form',
        { submit, novalidate: true },
        h('div', { class: 'field' }, h('label', { for: 'token' }, words.token), this.#token),
        h('div', { class: 'keep' }, this.#keep, h('label', { for: 'keep' }, words.keep)),
        this.#message,
        h('button', { type: 'submit', class: 'primary' }, words.open),
      ),
    )
  }

  focus(): void {
    this.#token.focus()
  }
}
