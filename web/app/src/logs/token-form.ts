import { h, setText } from '../shared/dom'

/** Asks for the admin token. */
export class TokenForm {
  readonly #token = h('input', { id: 'token', type: 'password', autocomplete: 'off', required: true, spellcheck: 'false' })
  readonly #message = h('p', { class: 'message', role: 'alert' })
  readonly element: HTMLElement

  constructor(message: string, onToken: (token: string) => void) {
    const submit = (event: Event): void => {
      event.preventDefault()
      const token = this.#token.value.trim()
      if (token) onToken(token)
      else setText(this.#message, 'Without the token the log stays closed.')
    }
    setText(this.#message, message)
    this.element = h(
      'section',
      { class: 'card' },
      h('h1', {}, 'The log'),
      h('p', { class: 'lead' }, 'What happened on this server, as it was stored. The server says at its start where its admin token lies.'),
      h(
        'form',
        { submit, novalidate: true },
        h('div', { class: 'field' }, h('label', { for: 'token' }, 'Admin token'), this.#token),
        this.#message,
        h('button', { type: 'submit', class: 'primary' }, 'Open'),
      ),
    )
  }

  focus(): void {
    this.#token.focus()
  }
}
