import { h } from '../shared/dom'
import type { OwnerWords } from './words'

/** Asks for the token that rules a room. */
export class TokenForm {
  readonly #token = h('input', { id: 'owner-token', type: 'password', autocomplete: 'off', required: true, 'aria-describedby': 'owner-token-hint' })
  readonly element: HTMLFormElement

  constructor(words: OwnerWords, room: string, onToken: (token: string) => void) {
    const submit = (event: Event): void => {
      event.preventDefault()
      // A terminal may have wrapped it.
      onToken(this.#token.value.replace(/\s+/g, ''))
    }
    const hint = h('small', { id: 'owner-token-hint' }, words.tokenHint, ' ', h('code', {}, `collab-cli room owner-token ${room}`))
    const field = h('div', { class: 'field' }, h('label', { for: 'owner-token' }, words.token), this.#token, hint)
    this.element = h('form', { class: 'password', submit }, field, h('button', { type: 'submit', class: 'small' }, words.open))
  }

  /** What was given opens nothing. */
  refuse(): void {
    this.#token.setAttribute('aria-invalid', 'true')
    this.#token.select()
  }

  focus(): void {
    this.#token.focus()
  }
}
