import { h } from '../shared/dom'

interface Question {
  /** On the button that asks. */
  label: string
  /** What is lost. */
  question: string
  /** On the button that does it. */
  yes: string
  no: string
}

/** A button for what cannot be undone: it asks first, in its own place. */
export class ConfirmButton {
  readonly #ask: HTMLButtonElement
  readonly #choice: HTMLElement
  readonly #no: HTMLButtonElement
  readonly element: HTMLElement

  constructor({ label, question, yes, no }: Question, run: () => void) {
    const confirmed = (): void => {
      this.#close()
      run()
    }
    this.#ask = h('button', { type: 'button', class: 'small danger', click: () => this.#open() }, label)
    this.#no = h('button', { type: 'button', class: 'small', click: () => this.#close() }, no)
    const sure = h('button', { type: 'button', class: 'small danger', click: confirmed }, yes)
    this.#choice = h('span', { class: 'choice', role: 'group', 'aria-label': question, hidden: true }, question, sure, this.#no)
    this.element = h('span', { class: 'confirm' }, this.#ask, this.#choice)
    this.#choice.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return
      // Only the question goes, not the dialog around it.
      event.preventDefault()
      event.stopPropagation()
      this.#close()
    })
  }

  #open(): void {
    this.#ask.hidden = true
    this.#choice.hidden = false
    // The harmless answer has the focus.
    this.#no.focus()
  }

  #close(): void {
    this.#choice.hidden = true
    this.#ask.hidden = false
    this.#ask.focus()
  }
}
