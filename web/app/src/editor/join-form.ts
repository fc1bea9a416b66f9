import { type Access, Code, type Status } from '@collab/provider'
import { ApiError } from '../shared/api'
import { h, setText } from '../shared/dom'
import { languageChoice } from '../shared/language-choice'
import { createRoom } from './create-room'
import { RecentList } from './recent-list'
import { nameProblem, passwordProblem, roomProblem } from './rules'
import { texts } from './texts'
import { refusalText, retryText, stateText } from './words'

export interface Entrance {
  room: string
  name: string
  access: Access
}

/** What the form begins with. */
export interface Filled {
  room: string
  name: string
}

/** Asks for room, name and password, and tells why a join did not work. */
export class JoinForm {
  readonly element: HTMLElement
  readonly #room: HTMLInputElement
  readonly #name = input({ name: 'name', autocomplete: 'nickname', maxlength: '80' })
  readonly #password = input({ name: 'password', type: 'password', autocomplete: 'current-password', maxlength: '256' })
  readonly #notice = h('p', { class: 'lead', role: 'status' })
  readonly #message = h('p', { class: 'message', role: 'alert' })
  readonly #progress = h('p', { class: 'progress', role: 'status' })
  readonly #join = h('button', { type: 'submit', class: 'primary' }, texts().form.join)
  readonly #create = h('button', { type: 'button', class: 'primary', click: () => void this.#createRoom() })
  readonly #cancel = h('button', { type: 'button', click: () => this.#abandon?.() }, texts().form.cancel)
  #abandon: (() => void) | null = null

  constructor(
    filled: Filled,
    readonly enter: (entrance: Entrance) => void,
    /** The language is another one: the form must be made anew. */
    readonly changeLanguage: (filled: Filled) => void,
  ) {
    this.#room = input({ name: 'room', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', maxlength: '64' })
    this.#room.value = filled.room
    this.#name.value = filled.name
    this.#room.addEventListener('input', () => this.#offerCreation(false))
    this.element = this.#build()
    this.#offerCreation(false)
    this.#busy(false)
  }

  /** Puts the cursor where something is missing. */
  focus(): void {
    const fields = [this.#room, this.#name, this.#password]
    fields.find((field) => field.value === '')?.focus()
  }

  /** Says something that stays while the form does. */
  tell(notice: string): void {
    setText(this.#notice, notice)
  }

  /** A join is under way. */
  wait(status: Status, abandon: () => void): void {
    if (status.state === 'refused' || status.state === 'offline') return
    this.#abandon = () => {
      this.#busy(false)
      abandon()
    }
    this.#busy(true)
    setText(this.#progress, progressText(status))
  }

  /** The server said no. */
  refuse(code: number, message: string): void {
    this.#busy(false)
    this.#offerCreation(code === Code.NoSuchRoom)
    this.#say(refusalText(code, message))
    if (code === Code.WrongPassword) this.#password.select()
    if (code === Code.NoSuchRoom) this.#create.focus()
  }

  #build(): HTMLElement {
    const submit = (event: Event): void => {
      event.preventDefault()
      this.#submit({ password: this.#password.value })
    }
    const { form } = texts()
    const language = languageChoice(form.language, () => this.#speakAnew())
    const recent = new RecentList((room) => this.#choose(room))
    const card = h(
      'section',
      { class: 'card' },
      h('header', {}, h('h1', {}, form.title), language),
      h('p', { class: 'lead' }, form.lead),
      this.#notice,
      h(
        'form',
        { submit, novalidate: true },
        field(form.room, this.#room, form.roomHint),
        field(form.name, this.#name, form.nameHint),
        field(form.password, this.#password, form.passwordHint),
        this.#message,
        h('div', { class: 'actions' }, this.#create, this.#join, this.#cancel, this.#progress),
      ),
    )
    return h('div', { class: 'entrance' }, card, recent.element)
  }

  #speakAnew(): void {
    this.#abandon?.()
    this.changeLanguage({ room: this.#room.value, name: this.#name.value })
  }

  #choose(room: string): void {
    this.#room.value = room
    this.#offerCreation(false)
    this.focus()
  }

  #submit(access: Access): void {
    const room = this.#room.value.trim().toLowerCase()
    this.#room.value = room
    const name = this.#name.value.trim()
    if (this.#isValid()) this.enter({ room, name, access })
  }

  #isValid(): boolean {
    const problems = [
      { field: this.#room, problem: roomProblem(this.#room.value) },
      { field: this.#name, problem: nameProblem(this.#name.value) },
      { field: this.#password, problem: passwordProblem(this.#password.value) },
    ]
    for (const { field, problem } of problems) field.setAttribute('aria-invalid', String(problem !== null))
    const first = problems.find(({ problem }) => problem !== null)
    this.#say(first?.problem ?? '')
    first?.field.focus()
    return !first
  }

  async #createRoom(): Promise<void> {
    if (!this.#isValid()) return
    this.#busy(true)
    setText(this.#progress, texts().form.creating)
    try {
      const token = await createRoom(this.#room.value, this.#password.value)
      this.#offerCreation(false)
      this.#submit({ token })
    } catch (error) {
      this.#busy(false)
      this.#offerCreation(false)
      this.#say(error instanceof ApiError ? refusalText(error.code, error.message) : texts().form.unreachable)
    }
  }

  #offerCreation(offered: boolean): void {
    this.#create.hidden = !offered
    setText(this.#create, texts().form.create(this.#room.value))
    this.#join.hidden = offered
  }

  #busy(busy: boolean): void {
    this.#join.disabled = busy
    this.#create.disabled = busy
    this.#cancel.hidden = !busy
    if (busy) this.#say('')
    else setText(this.#progress, '')
  }

  #say(message: string): void {
    setText(this.#message, message)
  }
}

/** How the join goes, with the reason for waiting where the server named one. */
function progressText(status: Status): string {
  if (status.state !== 'backoff') return stateText(status)
  const reason = status.code === 0 ? texts().form.unreachable : refusalText(status.code, status.reason)
  return `${reason} ${retryText(status, performance.now())}`
}

function input(attributes: Record<string, string>): HTMLInputElement {
  return h('input', { id: `field-${attributes['name'] ?? ''}`, required: true, ...attributes })
}

function field(label: string, control: HTMLInputElement, hint: string): HTMLElement {
  const hintId = `${control.id}-hint`
  control.setAttribute('aria-describedby', hintId)
  return h(
    'div',
    { class: 'field' },
    h('label', { for: control.id }, label),
    control,
    h('small', { id: hintId }, hint),
  )
}
