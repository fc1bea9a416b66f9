import { button, h, setText } from '../shared/dom'
import { openModal } from '../shared/modal'
import { roomLink } from './address'
import { texts } from './texts'

/** The room's address: to copy, and as a QR code, whose code is fetched now. */
export function openShare(room: string): void {
  const { share, room: words } = texts()
  const link = roomLink(room)
  const field = h('input', { id: 'share-link', readonly: true, value: link, focus: (event) => (event.target as HTMLInputElement).select() })
  const said = h('span', { role: 'status' }, '')
  const copy = button('primary', () => void copyText(link).then((done) => setText(said, done ? share.copied : share.notAllowed)), share.copy)
  const picture = h('div', { class: 'qr' })
  openModal(
    share.title,
    words.close,
    h('label', { for: 'share-link' }, share.link),
    h('div', { class: 'share-line' }, field, copy),
    h('p', { class: 'hint' }, share.hint, ' ', said),
    picture,
  )
  copy.focus()
  import('./qr-code').then(
    ({ qrCode }) => picture.replaceChildren(qrCode(link, share.qr(link))),
    () => setText(picture, words.loadFailed),
  )
}

function copyText(text: string): Promise<boolean> {
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  )
}
