import { h } from '../shared/dom'
import { openModal } from '../shared/modal'
import { texts } from './texts'

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent)
const MOD = isMac ? '⌘' : 'Ctrl'

/** What can be done by keys alone. */
export function openShortcuts(): void {
  const { keys, room } = texts()
  const rows: [string, string][] = [
    [`${MOD} + Z`, keys.undo],
    [`${MOD} + Shift + Z`, keys.redo],
    [`${MOD} + F`, keys.find],
    [`${MOD} + Alt + P`, keys.preview],
    [`${MOD} + S`, keys.save],
    ['F6', keys.regions],
    ['Tab', keys.leaveText],
    ['Esc', keys.close],
  ]
  const list = rows.map(([key, what]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)))
  openModal(keys.title, room.close, h('dl', { class: 'keys' }, ...list))
}
