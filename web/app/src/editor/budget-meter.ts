import type { SaveStatus } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { texts } from './texts'
import { budgetText } from './words'

/** Shown only while the budget makes an edit wait: when it goes, in words and as a bar that fills. */
export class BudgetMeter {
  readonly #text = h('span', {})
  readonly #fill = h('span', { class: 'fill' })
  readonly element = h('span', { class: 'budget', hidden: true }, h('span', { class: 'track', 'aria-hidden': 'true' }, this.#fill), this.#text)
  /** When the present wait began. */
  #since = 0

  /** @param perMinute how many edits the room takes from each person; 0 when that is not known */
  show(status: SaveStatus, perMinute: number, now: number): void {
    const text = budgetText(status, now)
    if (text === '' || status.nextEditAt === null) {
      this.element.hidden = true
      return
    }
    if (this.element.hidden) this.#since = now
    this.element.hidden = false
    this.element.title = perMinute > 0 ? texts().saving.budgetDetail(perMinute) : ''
    setText(this.#text, text)
    const share = (now - this.#since) / Math.max(1, status.nextEditAt - this.#since)
    this.#fill.style.setProperty('--share', String(share))
  }
}
