import { Code, type Role, type SaveStatus } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { Banner, type Choice } from './banner'
import { copyLink } from './copy-link'
import { download } from './download'
import { Editor } from './editor'
import { MAX_PASTE_BYTES } from './paste-guard'
import { People } from './people'
import type { Session } from './session'
import { StatusBar } from './status-bar'
import { problemText, refusalText, timeText } from './words'

export interface RoomActions {
  leave: () => void
  joinAgain: () => void
}

/** A room as a member sees it: the text, the people, how it goes. */
export class RoomView {
  readonly #session: Session
  readonly #actions: RoomActions
  readonly #editor: Editor
  readonly #people = new People()
  readonly #banner = new Banner()
  readonly #statusBar: StatusBar
  readonly #role = h('span', { class: 'role' })
  readonly element: HTMLElement
  /** Which trouble the banner tells of, so that only its end hides it. */
  #problemCode = 0
  /** Whether the person knows that this browser keeps nothing. */
  #isWarned = false

  constructor(session: Session, actions: RoomActions) {
    this.#session = session
    this.#actions = actions
    this.#editor = new Editor(session, (bytes) => this.#pasteStopped(bytes))
    this.#statusBar = new StatusBar(session.provider)
    this.element = this.#build()
    this.#listen()
    addEventListener('beforeunload', this.#onBeforeUnload)
    addEventListener('online', this.#onOnline)
  }

  focus(): void {
    this.#editor.view.focus()
  }

  end(): void {
    removeEventListener('beforeunload', this.#onBeforeUnload)
    removeEventListener('online', this.#onOnline)
    this.#statusBar.end()
    this.#people.end()
    this.#editor.end()
    this.#session.end()
  }

  #build(): HTMLElement {
    const leave = h('button', { type: 'button', class: 'small', click: () => this.#leave() }, 'Leave')
    return h(
      'div',
      { class: 'room' },
      h(
        'header',
        { class: 'room-bar' },
        h('h1', {}, this.#session.room),
        this.#role,
        h('div', { class: 'tools' }, this.#people.element, copyLink(this.#session.room), leave),
      ),
      this.#banner.element,
      h('div', { class: 'text' }, this.#editor.view.dom),
      this.#statusBar.element,
    )
  }

  #listen(): void {
    const { provider } = this.#session
    if (provider.self) this.#people.setSelf(provider.self.member)
    provider.on('self', ({ member }) => this.#people.setSelf(member))
    provider.on('members', (count, members) => this.#people.show(count, members))
    provider.on('role', (role) => this.#setRole(role))
    provider.on('saved', (status) => this.#onSaved(status))
    provider.on('refused', (code, message) =>
      this.#stop(refusalText(code, message), { label: 'Join again', run: this.#actions.joinAgain }),
    )
    provider.on('generation', () => this.#showOldText())
    if (provider.status.state === 'refused' && provider.status.code === Code.GenerationChanged) this.#showOldText()
    else if (provider.restoredFrom !== null) this.#tellRestored(provider.restoredFrom)
  }

  /** The room is another one by now. Merging this text into it would double what both have. */
  #showOldText(): void {
    const discard = (): void => {
      this.#session.provider.discard()
      this.#actions.joinAgain()
    }
    const message = 'This room was restored or made anew. What you see here is the old text.'
    this.#stop(message, { label: 'Discard it and join', run: discard })
  }

  #tellRestored(keptAt: number): void {
    const message = `What you wrote on ${timeText(keptAt)} was not sent then. It is in the text now.`
    this.#banner.show(message, [{ label: 'Close', run: () => this.#banner.hide() }])
  }

  #setRole(role: Role): void {
    setText(this.#role, role === 'viewer' ? 'Read only' : '')
    this.#editor.setReadOnly(role === 'viewer')
  }

  #onSaved({ problem, state, keeping }: SaveStatus): void {
    const isAtRisk = state === 'device' && keeping === 'failed' && this.#session.provider.status.state === 'backoff'
    if (isAtRisk && !this.#isWarned) {
      this.#isWarned = true
      const message = 'This browser keeps nothing for this page: a private window, or a full disk. Closing it loses what is not saved.'
      this.#banner.show(message, [this.#keepCopy, { label: 'Close', run: () => this.#banner.hide() }])
    } else if (problem) {
      this.#problemCode = problem.code
      this.#banner.show(problemText(problem), [this.#keepCopy])
    } else if (this.#problemCode !== 0) {
      this.#problemCode = 0
      this.#banner.hide()
    }
  }

  /** The room is over for this copy; it can still be read and kept. */
  #stop(message: string, way: Choice): void {
    this.#editor.setReadOnly(true)
    this.#banner.show(message, [this.#keepCopy, { ...way, isPrimary: true }])
  }

  #pasteStopped(bytes: number): void {
    const kB = (value: number): string => `${Math.round(value / 1000)} kB`
    const message = `That is ${kB(bytes)}; one change has at most ${kB(MAX_PASTE_BYTES)}. Paste it in smaller parts.`
    this.#banner.show(message, [{ label: 'Close', run: () => this.#banner.hide() }])
  }

  #leave(): void {
    const { provider } = this.#session
    const { state, keeping } = provider.saveStatus
    if (state === 'saved') return this.#actions.leave()
    const leaveAndKeep = (): void => {
      provider.signOut()
      this.#actions.leave()
    }
    const leaveWithout = (): void => {
      provider.discard()
      this.#actions.leave()
    }
    const isKept = keeping === 'kept'
    const message = 'Some of your changes are not saved yet.'
    this.#banner.show(isKept ? `${message} They are kept on this device until you join again.` : message, [
      { label: 'Stay', run: () => this.#banner.hide() },
      this.#keepCopy,
      { label: 'Leave without them', run: leaveWithout },
      ...(isKept ? [{ label: 'Leave and keep them', run: leaveAndKeep, isPrimary: true }] : []),
    ])
  }

  get #keepCopy() {
    return { label: 'Download a copy', run: () => download(this.#session.content, `${this.#session.room}.txt`) }
  }

  readonly #onBeforeUnload = (event: Event): void => {
    const { state, keeping } = this.#session.provider.saveStatus
    if (state !== 'saved' && keeping !== 'kept') event.preventDefault()
  }

  readonly #onOnline = (): void => {
    this.#session.provider.connect()
  }
}
