import { h } from '../shared/dom'

interface Labels {
  id: string
  label: string
  hint: string
  button: string
}

/** A new password and the button that sets it. */
export class PasswordField {
  readonly #input: HTMLInputElement
  readonly element: HTMLFormElement

  constructor({ id, label, hint, button }: Labels, set: (password: string) => void, ...more: HTMLElement[]) {
    const hintId = `${id}-hint`
    this.#input = h('input', { id, type: 'password', autocomplete: 'new-password', required: true, minlength: '6', maxlength: '256' })
    this.#input.setAttribute('aria-describedby', hintId)
    const submit = (event: Event): void => {
      event.preventDefault()
      set(this.#input.value)
    }
    this.element = h(
      'form',
      { class: 'password', submit },
      h('div', { class: 'field' }, h('label', { for: id }, label), this.#input, h('small', { id: hintId }, hint)),
      h('div', { class: 'choices' }, h('button', { type: 'submit', class: 'small' }, button), ...more),
    )
  }

  clear(): void {
    this.#input.value = ''
  }
}
