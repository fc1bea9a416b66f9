import { button, h } from '../shared/dom'

export interface Choice {
  label: string
  run: () => void
  isPrimary?: boolean
}

/** Something the person must know, above the text, with what can be done about it. */
export class Banner {
  readonly element = h('div', { class: 'banner', role: 'alert', hidden: true })

  show(message: string, choices: Choice[]): void {
    const buttons = choices.map(({ label, run, isPrimary = false }) => button(isPrimary ? 'small primary' : 'small', run, label))
    this.element.replaceChildren(h('p', {}, message), h('div', { class: 'choices' }, ...buttons))
    this.element.hidden = false
  }

  hide(): void {
    this.element.hidden = true
    this.element.replaceChildren()
  }
}
