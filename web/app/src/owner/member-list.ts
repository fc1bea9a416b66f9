import type { Role } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { ConfirmButton } from './confirm-button'
import type { Member } from './room-api'
import type { OwnerWords } from './words'

const ROLES: readonly Role[] = ['viewer', 'editor', 'owner']

interface Actions {
  setRole: (member: Member, role: Role) => void
  kick: (member: Member) => void
}

interface Row {
  member: Member
  name: HTMLElement
  role: HTMLSelectElement
  element: HTMLElement
}

/** Who is here, what they may do, and the way out. Rows stay in place while somebody works with them. */
export class MemberList {
  readonly #rows = new Map<number, Row>()
  readonly #list = h('ul', { class: 'members' })
  readonly #nobody: HTMLElement
  readonly element: HTMLElement

  constructor(
    readonly words: OwnerWords,
    /** The member whose page this is; 0 for none. */
    readonly self: number,
    readonly actions: Actions,
  ) {
    this.#nobody = h('p', { class: 'hint' }, words.nobody)
    this.element = h('div', {}, this.#list, this.#nobody)
  }

  show(members: Member[]): void {
    const present = new Set(members.map(({ member }) => member))
    for (const [id, row] of this.#rows) {
      if (!present.has(id)) this.#remove(id, row)
    }
    for (const member of members) this.#update(member)
    this.#nobody.hidden = members.length > 0
  }

  #remove(id: number, row: Row): void {
    row.element.remove()
    this.#rows.delete(id)
  }

  #update(member: Member): void {
    const row = this.#rows.get(member.member) ?? this.#add(member)
    row.member = member
    setText(row.name, member.name)
    row.role.setAttribute('aria-label', this.words.roleOf(member.name))
    if (row.role !== document.activeElement) row.role.value = member.role
  }

  #add(member: Member): Row {
    const { words } = this
    const isSelf = member.member === this.self
    const options = ROLES.map((role) => h('option', { value: role }, words.roles[role]))
    const role = h('select', { disabled: isSelf, change: () => this.actions.setRole(row.member, role.value as Role) }, ...options)
    const name = h('span', { class: 'name' })
    const way = isSelf ? h('small', {}, words.you) : this.#kickButton(() => row.member)
    const row: Row = { member, name, role, element: h('li', { 'data-member': String(member.member) }, name, role, way) }
    role.value = member.role
    this.#rows.set(member.member, row)
    this.#list.append(row.element)
    return row
  }

  #kickButton(member: () => Member): HTMLElement {
    const { words } = this
    const question = { label: words.kick, question: words.kickQuestion(member().name), yes: words.kick, no: words.cancel }
    return new ConfirmButton(question, () => this.actions.kick(member())).element
  }
}
