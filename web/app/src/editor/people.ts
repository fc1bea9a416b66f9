import { type MemberInfo, memberColour } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { peopleText } from './words'

const DOTS = 5

/** How many are here, and who. */
export class People {
  readonly #dots = h('span', { class: 'dots', 'aria-hidden': 'true' })
  readonly #count = h('span', {})
  readonly #list = h('ul', { class: 'people-list' })
  readonly element = h(
    'details',
    { class: 'people' },
    h('summary', { title: 'Who is here' }, this.#dots, this.#count),
    this.#list,
  )
  #self = 0

  constructor() {
    // A click elsewhere, or Escape, closes the list as it would a menu.
    document.addEventListener('click', this.#onClick)
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.element.open = false
    })
  }

  setSelf(member: number): void {
    this.#self = member
  }

  show(count: number, members: MemberInfo[]): void {
    this.element.hidden = count === 0
    setText(this.#count, peopleText(count))
    const ordered = [...members].sort((a, b) => Number(b.id === this.#self) - Number(a.id === this.#self))
    this.#dots.replaceChildren(...ordered.slice(0, DOTS).map((member) => dot(member.id)))
    const rest = count - members.length
    const items = ordered.map((member) => this.#item(member))
    this.#list.replaceChildren(...items, ...(rest > 0 ? [h('li', {}, `${rest} without a name here`)] : []))
  }

  end(): void {
    document.removeEventListener('click', this.#onClick)
  }

  readonly #onClick = (event: Event): void => {
    if (event.target instanceof Node && !this.element.contains(event.target)) this.element.open = false
  }

  #item({ id, name, role }: MemberInfo): HTMLElement {
    const notes = [id === this.#self ? 'you' : '', role === 'editor' ? '' : role].filter((note) => note !== '')
    return h('li', {}, dot(id), h('span', { class: 'name' }, name), h('small', {}, notes.join(', ')))
  }
}

function dot(member: number): HTMLElement {
  const element = h('span', { class: 'dot' })
  element.style.setProperty('--colour', memberColour(member).color)
  return element
}
