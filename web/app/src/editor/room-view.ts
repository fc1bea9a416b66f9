import type { Role, SaveStatus } from '@collab/provider'
import { h, setText } from '../shared/dom'
import { Banner } from './banner'
import { copyLink } from './copy-link'
import { download } from './download'
import { Editor } from './editor'
import { MAX_PASTE_BYTES } from './paste-guard'
import { People } from './people'
import type { Session } from './session'
import { StatusBar } from './status-bar'
import { problemText, refusalText } from './words'

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
    provider.on('refused', (code, message) => this.#stop(refusalText(code, message), 'Join again'))
    provider.on('generation', () =>
      this.#stop('This room was restored or made anew. What you see here is the old text.', 'Discard it and join'),
    )
  }

  #setRole(role: Role): void {
    setText(this.#role, role === 'viewer' ? 'Read only' : '')
    this.#editor.setReadOnly(role === 'viewer')
  }

  #onSaved({ problem }: SaveStatus): void {
    if (problem) {
      this.#problemCode = problem.code
      this.#banner.show(problemText(problem), [this.#keepCopy])
    } else if (this.#problemCode !== 0) {
      this.#problemCode = 0
      this.#banner.hide()
    }
  }

  /** The room is over for this copy; it can still be read and kept. */
  #stop(message: string, joinLabel: string): void {
    this.#editor.setReadOnly(true)
    this.#banner.show(message, [this.#keepCopy, { label: joinLabel, run: this.#actions.joinAgain, isPrimary: true }])
  }

  #pasteStopped(bytes: number): void {
    const kB = (value: number): string => `${Math.round(value / 1000)} kB`
    const message = `That is ${kB(bytes)}; one change has at most ${kB(MAX_PASTE_BYTES)}. Paste it in smaller parts.`
    this.#banner.show(message, [{ label: 'Close', run: () => this.#banner.hide() }])
  }

  #leave(): void {
    const unsaved = this.#session.provider.saveStatus.state !== 'saved'
    if (!unsaved) return this.#actions.leave()
    this.#banner.show('Some of your changes are not saved yet.', [
      { label: 'Stay', run: () => this.#banner.hide() },
      this.#keepCopy,
      { label: 'Leave without them', run: this.#actions.leave },
    ])
  }

  get #keepCopy() {
    return { label: 'Download a copy', run: () => download(this.#session.content, `${this.#session.room}.txt`) }
  }

  readonly #onBeforeUnload = (event: Event): void => {
    if (this.#session.provider.saveStatus.state !== 'saved') event.preventDefault()
  }

  readonly #onOnline = (): void => {
    this.#session.provider.connect()
  }
}
