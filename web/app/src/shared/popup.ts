import { h } from './dom'

/** Something that opens below its button, and closes by Escape, by a choice in it, or by a click elsewhere. */
export class Popup {
  readonly element: HTMLDetailsElement
  readonly #summary: HTMLElement

  constructor(className: string, label: string, summary: (Node | string)[], body: HTMLElement) {
    this.#summary = h('summary', { title: label, 'aria-label': label }, ...summary)
    this.element = h('details', { class: `popup ${className}` }, this.#summary, body)
    document.addEventListener('click', this.#onClick)
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.element.open) this.#closeByKey()
    })
  }

  /** What a screen reader calls the button. */
  set label(label: string) {
    this.#summary.setAttribute('aria-label', label)
  }

  close(): void {
    this.element.open = false
  }

  end(): void {
    document.removeEventListener('click', this.#onClick)
  }

  #closeByKey(): void {
    this.close()
    this.#summary.focus()
  }

  readonly #onClick = (event: Event): void => {
    if (event.target instanceof Node && !this.element.contains(event.target)) this.close()
  }
}
