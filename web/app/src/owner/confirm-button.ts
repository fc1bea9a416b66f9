import { h, setText } from '../shared/dom'

interface Question {
  /** On the button that asks. */
  label: string
  /** What is lost. */
  question: () => string
  /** The ways to do it. */
  answers: { label: string; run: () => void }[]
  no: string
}

/** A button for what cannot be undone: it asks first, in its own place. */
export class ConfirmButton {
  readonly #question: () => string
  readonly #ask: HTMLButtonElement
  readonly #text = h('span', {})
  readonly #no: HTMLButtonElement
  readonly #choice: HTMLElement
  readonly element: HTMLElement

  constructor({ label, question, answers, no }: Question) {
    this.#question = question
    this.#ask = h('button', { type: 'button', class: 'small danger', click: () => this.#open() }, label)
    this.#no = h('button', { type: 'button', class: 'small', click: () => this.#close() }, no)
    const ways = answers.map(({ label, run }) => {
      const confirmed = (): void => {
        this.#close()
        run()
      }
      return h('button', { type: 'button', class: 'small danger', click: confirmed }, label)
    })
    this.#choice = h('span', { class: 'choice', role: 'group', hidden: true }, this.#text, ...ways, this.#no)
    this.element = h('span', { class: 'confirm' }, this.#ask, this.#choice)
    this.#choice.addEventListener('keydown', (event) => this.#onKey(event))
  }

  /** Escape takes the question away, and not the dialog around it. */
  #onKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return
    event.preventDefault()
    event.stopPropagation()
    this.#close()
  }

  #open(): void {
    const question = this.#question()
    setText(this.#text, question)
    this.#choice.setAttribute('aria-label', question)
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
