import { Code, type Role } from '@collab/provider'
import { ApiError } from '../shared/api'
import { h, setText } from '../shared/dom'
import { language } from '../shared/language'
import { ConfirmButton } from './confirm-button'
import { MemberList } from './member-list'
import { forgetOwnerToken, keepOwnerToken } from './owner-token'
import { type Pace, type RoomPolicy, numberText } from './pace'
import { PasswordField } from './password-field'
import { PolicyForm } from './policy-form'
import { type Member, RoomApi } from './room-api'
import { TokenForm } from './token-form'
import { ownerWords } from './words'
import './owner.css'

const REFRESH_MS = 2_000

export interface Ownership {
  room: string
  /** The owner token; empty when it must be asked for. */
  token: string
  /** The member whose page this is; 0 for none. */
  self: number
}

/** The owner's panel: who is here and what they may do, the passwords, how often one may write, and the end of the room. */
export class OwnerPanel {
  readonly #words = ownerWords()
  readonly #room: string
  readonly #self: number
  readonly #body = h('div', { class: 'owner-body' })
  readonly #said = h('p', { class: 'said', role: 'status' })
  readonly #problem = h('p', { class: 'message', role: 'alert' })
  readonly element: HTMLDialogElement
  /** Whether a token opened the panel. */
  #rules = false
  #timer: ReturnType<typeof setInterval> | undefined

  constructor({ room, token, self }: Ownership) {
    this.#room = room
    this.#self = self
    this.element = this.#build()
    if (token) this.#rule(token)
    else this.#askForToken()
  }

  /** Shows it above the page, until it is closed. */
  open(): void {
    document.body.append(this.element)
    this.element.showModal()
  }

  #build(): HTMLDialogElement {
    const words = this.#words
    const close = h('button', { type: 'button', class: 'small', click: () => this.element.close() }, words.close)
    return h(
      'dialog',
      { class: 'owner', 'aria-labelledby': 'owner-title', close: () => this.#end() },
      h('header', {}, h('h2', { id: 'owner-title' }, words.title(this.#room)), close),
      this.#body,
      this.#said,
      this.#problem,
    )
  }

  #end(): void {
    clearInterval(this.#timer)
    this.element.remove()
  }

  #askForToken(): void {
    const form: TokenForm = new TokenForm(this.#words, this.#room, (token) => void this.#tryToken(token, form))
    this.#body.replaceChildren(form.element)
    form.focus()
  }

  async #tryToken(token: string, form: TokenForm): Promise<void> {
    try {
      await new RoomApi(this.#room, token).members()
      setText(this.#problem, '')
      keepOwnerToken(this.#room, token)
      this.#rule(token)
    } catch (error) {
      form.refuse()
      this.#complain(isUnauthorized(error) ? this.#words.wrongToken : this.#reason(error))
    }
  }

  #rule(token: string): void {
    const api = new RoomApi(this.#room, token)
    this.#rules = true
    this.#body.replaceChildren(this.#people(api), this.#passwords(api), this.#policy(api), this.#ending(api))
  }

  #people(api: RoomApi): HTMLElement {
    const words = this.#words
    const list: MemberList = new MemberList(words, this.#self, {
      setRole: (member, role) => void this.#setRole(api, member, role).then(refresh),
      kick: (member, banMs) => void this.#does(() => api.kick(member.member, banMs), words.kicked(member.name)).then(refresh),
    })
    const refresh = (): Promise<void> =>
      api.members().then(
        (members) => list.show(members),
        (error: unknown) => this.#fail(error),
      )
    void refresh()
    this.#timer = setInterval(() => void refresh(), REFRESH_MS)
    return h('section', {}, h('h3', {}, words.people), list.element)
  }

  #setRole(api: RoomApi, { member, name }: Member, role: Role): Promise<boolean> {
    return this.#does(() => api.setRole(member, role), this.#words.roleChanged(name, this.#words.roles[role]))
  }

  #passwords(api: RoomApi): HTMLElement {
    const words = this.#words
    const labels = { id: 'owner-password', label: words.password, hint: words.passwordHint, button: words.change }
    const editors: PasswordField = new PasswordField(labels, (password) => {
      void this.#does(() => api.changePassword(password), words.passwordChanged).then((done) => done && editors.clear())
    })
    return h('section', {}, h('h3', {}, words.passwords), editors.element, this.#viewerPassword(api))
  }

  #viewerPassword(api: RoomApi): HTMLElement {
    const words = this.#words
    const turnOff = (): void => void this.#does(() => api.changeViewerPassword(null), words.viewerPasswordOff)
    const answers = [{ label: words.turnOff, run: turnOff }]
    const off = new ConfirmButton({ label: words.turnOff, question: () => words.turnOffQuestion, answers, no: words.cancel })
    const labels = { id: 'viewer-password', label: words.viewerPassword, hint: words.viewerPasswordHint, button: words.change }
    const set = (password: string): void => {
      void this.#does(() => api.changeViewerPassword(password), words.viewerPasswordChanged).then((done) => done && readers.clear())
    }
    const readers: PasswordField = new PasswordField(labels, set, off.element)
    return readers.element
  }

  #policy(api: RoomApi): HTMLElement {
    const words = this.#words
    const form: PolicyForm = new PolicyForm(words, {
      change: (policy) => void this.#changePolicy(api, policy, form),
      refuse: (why) => this.#complain(why),
    })
    void this.#does(async () => form.show(await api.room()))
    return h('section', {}, h('h3', {}, words.policy), form.element)
  }

  async #changePolicy(api: RoomApi, policy: RoomPolicy, form: PolicyForm): Promise<void> {
    const change = async (): Promise<void> => {
      const info = await api.changePolicy(policy)
      form.show(info)
      setText(this.#said, this.#words.policyChanged(...paceText(info.pace)))
    }
    await this.#does(change)
  }

  #ending(api: RoomApi): HTMLElement {
    const words = this.#words
    const remove = async (): Promise<void> => {
      if (!(await this.#does(() => api.deleteRoom(), words.deleted))) return
      forgetOwnerToken(this.#room)
      this.element.close()
    }
    const answers = [{ label: words.delete, run: () => void remove() }]
    const question = (): string => words.deleteQuestion(this.#room)
    return h(
      'section',
      {},
      h('h3', {}, words.delete),
      h('p', { class: 'hint' }, words.deleteHint),
      new ConfirmButton({ label: words.delete, question, answers, no: words.cancel }).element,
    )
  }

  /** Does something and tells how it went. Returns whether the server did it. */
  async #does(act: () => Promise<unknown>, done = ''): Promise<boolean> {
    try {
      await act()
      setText(this.#problem, '')
      if (done) setText(this.#said, done)
      return true
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  #fail(error: unknown): void {
    if (!isUnauthorized(error)) return this.#complain(this.#reason(error))
    this.#complain(this.#words.tokenEnded)
    if (this.#rules) this.#lose()
  }

  #reason(error: unknown): string {
    return error instanceof ApiError ? error.message : this.#words.unreachable
  }

  /** The token that opened the panel rules the room no more. */
  #lose(): void {
    this.#rules = false
    clearInterval(this.#timer)
    forgetOwnerToken(this.#room)
    this.#askForToken()
  }

  #complain(why: string): void {
    setText(this.#said, '')
    setText(this.#problem, why)
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiError && error.code === Code.Unauthorized
}

/** How often one may write, in numbers as they are read. */
function paceText({ edits_per_minute, burst, throttle_ms }: Pace): [string, string, string] {
  const text = (key: keyof Pace, value: number): string => numberText(key, value, language())
  return [text('edits_per_minute', edits_per_minute), text('burst', burst), text('throttle_ms', throttle_ms)]
}
