import { type MemberColour, type MemberInfo, memberColours } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { Popup } from '../shared/popup'
import type { Present } from './roll'
import { texts } from './texts'

const DOTS = 5

/** How many are here, and who. */
export class People {
  readonly #dots = h('span', { class: 'dots', 'aria-hidden': 'true' })
  readonly #count = h('span', { class: 'count' })
  readonly #list = h('ul', { class: 'popup-body people-list' })
  readonly #popup = new Popup('people', texts().people.title, [this.#dots, this.#count], this.#list)
  readonly element = this.#popup.element

  /** @param self the member whose page this is */
  show({ count, members }: Present, self: number): void {
    const { people } = texts()
    this.element.hidden = count === 0
    setText(this.#count, people.count(count))
    this.#popup.label = `${people.count(count)}: ${people.title}`
    const colours = memberColours(members.map(({ id }) => id))
    const ordered = [...members].sort((a, b) => Number(b.id === self) - Number(a.id === self))
    this.#dots.replaceChildren(...ordered.slice(0, DOTS).map(({ id }) => dot(colours.get(id))))
    const rest = count - members.length
    const items = ordered.map((member) => item(member, colours.get(member.id), member.id === self))
    this.#list.replaceChildren(...items, ...(rest > 0 ? [h('li', {}, people.unnamed(rest))] : []))
  }

  end(): void {
    this.#popup.end()
  }
}

function item({ name, role }: MemberInfo, colour: MemberColour | undefined, isSelf: boolean): HTMLElement {
  const { people } = texts()
  const roles = { viewer: people.viewer, editor: '', owner: people.owner }
  const notes = [isSelf ? people.you : '', roles[role]].filter((note) => note !== '')
  return h('li', {}, dot(colour), h('span', { class: 'name' }, name), h('small', {}, notes.join(', ')))
}

function dot(colour: MemberColour | undefined): HTMLElement {
  const element = h('span', { class: 'dot' })
  if (colour) element.style.setProperty('--colour', colour.color)
  return element
}
