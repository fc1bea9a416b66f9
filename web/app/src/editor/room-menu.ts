import { button, h } from '../shared/dom'
import { icon } from '../shared/icons'
import { languageChoice } from '../shared/language-choice'
import { Popup } from '../shared/popup'
import { KINDS, type Kind } from './export'
import { texts } from './texts'

export interface MenuActions {
  download: (kind: Kind) => void
  openFile: () => void
  manage: () => void
  shortcuts: () => void
  changeLanguage: () => void
}

/** What is not needed all the time. */
export class RoomMenu {
  readonly #popup: Popup
  readonly #openFile: HTMLButtonElement
  readonly element: HTMLElement

  constructor(actions: MenuActions) {
    const { room, form } = texts()
    const entry = (label: string, act: () => void): HTMLButtonElement => button('entry', () => this.#run(act), label)
    const kinds = KINDS.map((kind) => button('small', () => this.#run(() => actions.download(kind)), `.${kind}`))
    for (const [i, kind] of KINDS.entries()) kinds[i]?.setAttribute('aria-label', `${room.downloadAs} ${room.download(`.${kind}`)}`)
    this.#openFile = entry(room.openFile, actions.openFile)
    const body = h(
      'div',
      { class: 'popup-body menu' },
      h('div', { class: 'line' }, room.downloadAs, h('span', { class: 'kinds' }, ...kinds)),
      this.#openFile,
      entry(room.manage, actions.manage),
      entry(room.shortcuts, actions.shortcuts),
      h('div', { class: 'line' }, form.language, languageChoice(form.language, actions.changeLanguage)),
    )
    this.#popup = new Popup('more', room.more, [icon('more')], body)
    this.element = this.#popup.element
  }

  set isReadOnly(readOnly: boolean) {
    this.#openFile.hidden = readOnly
  }

  end(): void {
    this.#popup.end()
  }

  #run(act: () => void): void {
    this.#popup.close()
    act()
  }
}
