import { h, setText } from '../shared/dom'
import { roomLink } from './address'

const SHOWN_MS = 1_500

/** A button that copies the room's address. */
export function copyLink(room: string): HTMLElement {
  const label = h('span', { role: 'status' }, 'Copy link')
  const copied = async (): Promise<void> => {
    await navigator.clipboard.writeText(roomLink(room)).then(
      () => setText(label, 'Copied'),
      () => setText(label, 'Not allowed'),
    )
    setTimeout(() => setText(label, 'Copy link'), SHOWN_MS)
  }
  return h('button', { type: 'button', class: 'small', click: () => void copied() }, label)
}
