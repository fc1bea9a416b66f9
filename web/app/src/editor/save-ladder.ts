import type { SaveState, SaveStatus } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { saveText } from './words'

const STEPS: SaveState[] = ['device', 'sent', 'saved']
const LABELS: Record<SaveState, string> = { device: 'On this device', sent: 'Sent', saved: 'Saved' }

/** Where the last change is: on this device, sent, saved. */
export class SaveLadder {
  readonly #steps = new Map(STEPS.map((step) => [step, h('li', { class: step }, LABELS[step])]))
  readonly element = h('ol', { class: 'ladder', 'aria-label': 'Where your last change is' }, ...this.#steps.values())

  show(status: SaveStatus): void {
    const reached = STEPS.indexOf(status.state)
    this.element.dataset['state'] = status.problem ? 'problem' : status.state
    for (const [step, element] of this.#steps) {
      element.classList.toggle('reached', STEPS.indexOf(step) <= reached)
      if (step !== status.state) element.removeAttribute('aria-current')
      else element.setAttribute('aria-current', 'step')
      setText(element, step === status.state ? saveText(status) : LABELS[step])
    }
  }
}
