import type { SaveState, SaveStatus } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { texts } from './texts'
import { saveText } from './words'

const STEPS: SaveState[] = ['device', 'sent', 'saved']

/** Where the last change is: on this device, sent, saved. */
export class SaveLadder {
  readonly #words = texts().saving
  readonly #steps = new Map(STEPS.map((step) => [step, h('li', { class: step }, this.#words[step])]))
  #shown = ''
  readonly element = h('ol', { class: 'ladder', 'aria-label': this.#words.label }, ...this.#steps.values())

  show(status: SaveStatus): void {
    // Asked at every key; most change nothing that is shown.
    const shown = [status.state, status.keeping, status.durability, status.problem?.code].join()
    if (shown === this.#shown) return
    this.#shown = shown
    const reached = STEPS.indexOf(status.state)
    this.element.dataset['state'] = status.problem ? 'problem' : status.state
    for (const [step, element] of this.#steps) {
      element.classList.toggle('reached', STEPS.indexOf(step) <= reached)
      if (step !== status.state) element.removeAttribute('aria-current')
      else element.setAttribute('aria-current', 'step')
      setText(element, step === status.state ? saveText(status) : this.#words[step])
    }
  }
}
