import { Code, type Role, type SaveStatus, type Status } from '@collab/provider'
import { keymap } from '@codemirror/view'
import { Announcer } from '../shared/announcer'
import { h, setText } from '../shared/dom'
import { ConnectionBanner } from './connection-banner'
import { Editor } from './editor'
import { type Kind, exportText } from './export'
import { FileInsertion } from './file-insertion'
import { openFind } from './find'
import { People } from './people'
import { PreviewSide } from './preview-side'
import { nextRegion } from './regions'
import { RoomMenu } from './room-menu'
import { RoomNews } from './room-news'
import { RoomNotices } from './room-notices'
import type { Session } from './session'
import { openShare } from './share-dialog'
import { openShortcuts } from './shortcuts'
import { StatusBar } from './status-bar'
import { texts } from './texts'
import { Toolbar, tool } from './toolbar'
import { excessText, saveText } from './words'

export interface RoomActions {
  leave: () => void
  joinAgain: () => void
  changeLanguage: () => void
}

/** A room as a member sees it: the text, the people, how it goes. A session may be seen by one view after another. */
export class RoomView {
  readonly #session: Session
  readonly #actions: RoomActions
  readonly #announcer = new Announcer()
  readonly #notices: RoomNotices
  readonly #news: RoomNews
  readonly #files: FileInsertion
  readonly #editor: Editor
  readonly #sides: PreviewSide
  readonly #people = new People()
  readonly #toolbar: Toolbar
  readonly #menu: RoomMenu
  readonly #connection: ConnectionBanner
  readonly #statusBar: StatusBar
  readonly #role = h('span', { class: 'role' })
  readonly element: HTMLElement

  constructor(session: Session, actions: RoomActions) {
    this.#session = session
    this.#actions = actions
    this.#notices = new RoomNotices(session)
    this.#news = new RoomNews(session, this.#announcer)
    this.#files = new FileInsertion({ problem: (message) => this.#notices.tell(message), done: (message) => this.#announcer.say(message) })
    this.#editor = new Editor(session, (excess) => this.#notices.tell(excessText(excess)), [this.#files.extension, this.#keys])
    this.#sides = new PreviewSide(session, this.#editor)
    this.#toolbar = new Toolbar({
      undo: session.undo,
      find: () => this.#loads(openFind(this.#editor.view)),
      preview: () => this.#togglePreview(),
      share: () => openShare(session.room),
    })
    this.#menu = this.#buildMenu()
    this.#connection = new ConnectionBanner(session)
    this.#statusBar = new StatusBar(session.provider)
    this.element = this.#build()
    this.#listen()
    this.#showPresent()
  }

  focus(): void {
    if (this.#session.place) this.#editor.goTo(this.#session.place)
    this.#editor.view.focus()
  }

  /** Ends what is on the page; the session goes on. */
  end(): void {
    const { provider } = this.#session
    this.#session.place = this.#editor.place
    removeEventListener('beforeunload', this.#onBeforeUnload)
    removeEventListener('online', this.#onOnline)
    removeEventListener('keydown', this.#onKey)
    provider.off('members', this.#onMembers)
    provider.off('role', this.#onRole)
    provider.off('saved', this.#onSaved)
    provider.off('status', this.#onStatus)
    const parts = [this.#announcer, this.#news, this.#statusBar, this.#connection, this.#menu, this.#toolbar, this.#people]
    for (const part of [...parts, this.#sides, this.#editor]) part.end()
  }

  #build(): HTMLElement {
    const { room } = texts()
    const leave = tool('leave', room.leave, () => this.#leave())
    leave.append(h('span', { class: 'wide-only' }, room.leave))
    const skip = h('a', { class: 'skip', href: '#text', click: (event) => this.#skip(event) }, room.toText)
    const name = h('h1', { title: this.#session.room }, this.#session.room)
    const bar = h('header', { class: 'room-bar' }, skip, name, this.#role, this.#toolbar.element, this.#people.element, this.#menu.element, leave)
    const notices = h('div', { class: 'notices' }, this.#connection.element, this.#notices.element)
    return h('div', { class: 'room' }, bar, notices, this.#sides.element, this.#statusBar.element, this.#announcer.element)
  }

  #buildMenu(): RoomMenu {
    return new RoomMenu({
      download: (kind) => this.#download(kind),
      openFile: () => this.#files.choose(this.#editor.view),
      manage: () => this.#loads(this.#manage()),
      shortcuts: openShortcuts,
      changeLanguage: this.#actions.changeLanguage,
    })
  }

  #listen(): void {
    const { provider } = this.#session
    provider.on('members', this.#onMembers)
    provider.on('role', this.#onRole)
    provider.on('saved', this.#onSaved)
    provider.on('status', this.#onStatus)
    addEventListener('beforeunload', this.#onBeforeUnload)
    addEventListener('online', this.#onOnline)
    addEventListener('keydown', this.#onKey)
  }

  /** What was told before this view was there. */
  #showPresent(): void {
    const { provider } = this.#session
    this.#onMembers()
    this.#onRole(provider.self ? provider.role : 'editor')
    this.#onSaved(provider.saveStatus)
    this.#onStatus(provider.status)
    if (provider.status.state !== 'refused' && !this.#session.place) this.#notices.tellFound()
  }

  readonly #onMembers = (): void => {
    this.#people.show(this.#session.roll.present, this.#session.provider.self?.member ?? 0)
  }

  readonly #onRole = (role: Role): void => {
    const isReadOnly = role === 'viewer'
    setText(this.#role, isReadOnly ? texts().room.readOnly : '')
    this.#editor.setReadOnly(isReadOnly)
    this.#toolbar.isReadOnly = isReadOnly
    this.#menu.isReadOnly = isReadOnly
  }

  readonly #onSaved = (status: SaveStatus): void => this.#notices.onSaved(status)

  readonly #onStatus = (status: Status): void => {
    if (status.state !== 'refused') return
    this.#editor.setReadOnly(true)
    if (status.code !== Code.GenerationChanged) return this.#notices.stopped(status.code, status.message, this.#actions.joinAgain)
    this.#notices.oldText(() => {
      this.#session.provider.discard()
      this.#actions.joinAgain()
    })
  }

  #togglePreview(): void {
    const toggled = this.#sides.toggle()
    this.#toolbar.isPreviewShown = this.#sides.isShown
    this.#loads(toggled)
  }

  #download(kind: Kind): void {
    exportText(this.#session, kind).catch(() => this.#notices.tell(texts().preview.failed))
  }

  async #manage(): Promise<void> {
    const { OwnerPanel, keptOwnerToken } = await import('../owner')
    const { room, provider } = this.#session
    new OwnerPanel({ room, token: keptOwnerToken(room), self: provider.self?.member ?? 0 }).open()
  }

  /** Something whose code is fetched when it is used; without a connection it cannot be. */
  #loads(part: Promise<void>): void {
    part.catch(() => {
      this.#notices.tell(texts().room.loadFailed)
      this.#toolbar.isPreviewShown = this.#sides.isShown
    })
  }

  #leave(): void {
    const { provider } = this.#session
    if (provider.saveStatus.state === 'saved') return this.#actions.leave()
    this.#notices.askBeforeLeaving(provider, this.#actions.leave)
  }

  #skip(event: Event): void {
    event.preventDefault()
    this.#editor.view.focus()
  }

  get #keys() {
    return keymap.of([
      { key: 'Mod-f', run: (view) => (this.#loads(openFind(view)), true) },
      { key: 'Mod-s', run: () => (this.#announcer.say(saveText(this.#session.provider.saveStatus)), true) },
    ])
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === 'F6') {
      event.preventDefault()
      nextRegion([...this.element.querySelectorAll<HTMLElement>('.room-bar, .text, .preview')])
    } else if (event.code === 'KeyP' && event.altKey && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      this.#togglePreview()
    }
  }

  readonly #onBeforeUnload = (event: Event): void => {
    const { state, keeping } = this.#session.provider.saveStatus
    if (state !== 'saved' && keeping !== 'kept') event.preventDefault()
  }

  readonly #onOnline = (): void => {
    this.#session.provider.connect()
  }
}
