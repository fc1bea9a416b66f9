import type { Role } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { ConfirmButton } from './confirm-button'
import type { Member } from './room-api'
import type { OwnerWords } from './words'

/** What an owner can make somebody; whoever owns the room stays its owner. */
const ROLES = ['viewer', 'editor'] as const
const DAY_MS = 86_400_000

interface Actions {
  setRole: (member: Member, role: Role) => void
  /** @param banMs for how long they cannot come back; 0 for not at all */
  kick: (member: Member, banMs: number) => void
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
    const isOwner = member.role === 'owner'
    const options = [...ROLES, ...(isOwner ? (['owner'] as const) : [])].map((role) => h('option', { value: role }, words.roles[role]))
    const setRole = (): void => this.actions.setRole(row.member, role.value as Role)
    const role = h('select', { disabled: isOwner, change: setRole }, ...options)
    const name = h('span', { class: 'name' })
    const isSelf = member.member === this.self
    const way = isSelf ? h('small', {}, words.you) : this.#kickButton(() => row.member)
    const row: Row = { member, name, role, element: h('li', { 'data-member': String(member.member) }, name, role, way) }
    role.value = member.role
    this.#rows.set(member.member, row)
    this.#list.append(row.element)
    return row
  }

  #kickButton(member: () => Member): HTMLElement {
    const { words } = this
    const answers = [
      { label: words.kick, run: () => this.actions.kick(member(), 0) },
      { label: words.ban, run: () => this.actions.kick(member(), DAY_MS) },
    ]
    return new ConfirmButton({ label: words.kick, question: () => words.kickQuestion(member().name), answers, no: words.cancel }).element
  }
}
