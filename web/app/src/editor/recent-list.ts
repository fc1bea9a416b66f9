import { button, h } from '../shared/dom'
import { icon } from '../shared/icons'
import { forgetRoom, forgetRooms, recentRooms } from './recent-rooms'
import { texts } from './texts'
import { dayText } from './words'

/** The rooms visited before: one click fills in the name, another forgets it. */
export class RecentList {
  readonly element = h('section', { class: 'recent' })

  constructor(readonly choose: (room: string) => void) {
    this.#show()
  }

  #show(): void {
    const { recent } = texts()
    const rooms = recentRooms()
    this.element.hidden = rooms.length === 0
    const items = rooms.map(({ room, visitedAt }) => this.#item(room, dayText(visitedAt)))
    const forgetAll = button('link', () => this.#after(forgetRooms), recent.forgetAll)
    this.element.replaceChildren(h('header', {}, h('h2', {}, recent.title), forgetAll), h('ul', {}, ...items))
  }

  #item(room: string, day: string): HTMLElement {
    const { recent } = texts()
    const open = button('open', () => this.choose(room), h('b', {}, room), ' ', h('small', {}, day))
    const forget = button('icon-button', () => this.#after(() => forgetRoom(room)), icon('close'))
    forget.setAttribute('aria-label', recent.forget(room))
    forget.title = recent.forget(room)
    return h('li', {}, open, forget)
  }

  #after(change: () => void): void {
    change()
    this.#show()
    this.element.querySelector('button')?.focus()
  }
}
